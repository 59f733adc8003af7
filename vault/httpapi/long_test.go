package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestLongCalls: a call outlasts the listener's limits if its route may take so
// long, and it still learns that its client is gone. The connection is good for
// another one afterwards.
func TestLongCalls(t *testing.T) {
	const limit = 200 * time.Millisecond
	b := newBench(t)
	begun, ended := make(chan struct{}), make(chan error, 1)
	rt := routes()[0]
	rt.timeout = forwardTime
	rt.serve = func(_ *API, ctx context.Context, c *call) (any, error) {
		if string(c.params.Get("until").Bytes) == "the client is gone" {
			begun <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}
		time.Sleep(3 * limit)
		return errorBody{Object: "late"}, ctx.Err()
	}
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	config := TLSConfig(func() (*tls.Certificate, error) { return &certified.TLS.Certificates[0], nil })

	for name, config := range map[string]*tls.Config{"plain": nil, "tls": config} {
		l, err := listen("127.0.0.1:0", b.endpoint(rt), config, false, nil, limits{limit, limit, limit, time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Drain(t.Context()) }()
		var conn net.Conn
		if config == nil {
			conn, err = net.Dial("tcp", l.Addr())
		} else {
			conn, err = tls.Dial("tcp", l.Addr(), &tls.Config{RootCAs: roots, ServerName: "example.com"})
		}
		if err != nil {
			t.Fatal(err)
		}
		from := bufio.NewReader(conn)
		send := func(body string) {
			r := b.request("POST", "/tokens", body)
			r.Host = "vault.example"
			if err := r.Write(conn); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for i := range 2 {
			send(`{}`)
			resp, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatalf("%s, request %d: no answer: %v", name, i, err)
			}
			var body [64]byte
			n, _ := resp.Body.Read(body[:])
			if want := `{"object":"late"`; resp.StatusCode != http.StatusOK || fmt.Sprintf("%.16s", body[:n]) != want {
				t.Errorf("%s, request %d: %d %s, want 200 %s", name, i, resp.StatusCode, body[:n], want)
			}
			if _, err := from.Discard(from.Buffered()); err != nil {
				t.Fatal(err)
			}
		}
		send(`{"until":"the client is gone"}`)
		<-begun
		_ = conn.Close()
		if err := <-ended; err != context.Canceled {
			t.Errorf("%s: the call ended with %v, want %v", name, err, context.Canceled)
		}
	}
}

// TestSlowBodiesEnd: the limit for a request to come holds on every route.
func TestSlowBodiesEnd(t *testing.T) {
	b := newBench(t)
	rt := routes()[0]
	rt.timeout = forwardTime
	l, err := listen("127.0.0.1:0", b.endpoint(rt), nil, false, nil, limits{time.Minute, 200 * time.Millisecond, time.Minute, time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Drain(t.Context()) }()
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth := b.request("POST", "/tokens", "").Header.Get("Authorization")
	fmt.Fprintf(conn, "POST /tokens HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{", auth)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("got %v, %v; want 400", resp, err)
	}
}
