package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// keeper is a connection that keeps the slices it is given to write, as they
// are, and a copy of what was in them.
type keeper struct {
	net.Conn
	mu    sync.Mutex
	given [][]byte
	wrote bytes.Buffer
}

func (k *keeper) Write(b []byte) (int, error) {
	k.mu.Lock()
	k.given = append(k.given, b)
	k.wrote.Write(b)
	k.mu.Unlock()
	return k.Conn.Write(b)
}

// oneConn is a listener of one connection.
type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { close(l.done); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// responseBuffer is the buffer of net/http's own response, which no method
// leads to: a test may look where the product must not.
func responseBuffer(t *testing.T, w http.ResponseWriter) []byte {
	field := reflect.ValueOf(w).Elem().FieldByName("w")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*bufio.Writer]() {
		t.Error("net/http keeps a response's buffer elsewhere now: see writeSecret")
		return nil
	}
	buffer := (*bufio.Writer)(field.UnsafePointer()).AvailableBuffer() // all of it, after a flush
	return buffer[:cap(buffer)]
}

// TestSecretBodyIsWiped: none of the handler's buffer, net/http's response's
// and net/http's connection's holds the number afterwards, and the peer gets it
// whole. Another answer of the same connection is nobody's to wipe.
func TestSecretBodyIsWiped(t *testing.T) {
	const number, secret = "4242424242424242", `{"object":"reveal","number":"4242424242424242"}` + "\n"
	b := newBench(t)
	text, plain := []byte(secret), []byte(strings.Repeat("plain", 2000))
	var response []byte
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			b.write(w, &exchange{}, version{}, http.StatusOK, plain)
			return
		}
		b.writeSecret(w, r, &exchange{}, version{}, &secretBody{text})
		response = responseBuffer(t, w)
	})
	near, far := net.Pipe()
	kept := &keeper{Conn: near}
	l := &oneConn{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	l.conns <- &conn{Conn: kept, in: portions{from: kept}, log: slog.New(slog.DiscardHandler)}
	server := &http.Server{Handler: wiping(handler), ConnContext: rememberConn}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return far, nil },
	}}
	for _, tt := range []struct{ path, want string }{
		{"/plain", string(plain)}, {"/reveal", secret + strings.Repeat(" ", len(secret))},
	} {
		resp, err := client.Get("http://vault" + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != tt.want {
			t.Errorf("%s: got %d bytes (%v), want %d", tt.path, len(body), err, len(tt.want))
		}
		_ = resp.Body.Close()
	}
	if err := server.Shutdown(t.Context()); err != nil { // the handler is done
		t.Error(err)
	}
	client.CloseIdleConnections()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	if !bytes.Contains(kept.wrote.Bytes(), []byte(number)) || len(response) < 2*len(secret) {
		t.Fatal("the number was never written, or there is no buffer; the test is broken")
	}
	if !bytes.Equal(text, make([]byte, len(text))) {
		t.Error("the handler's buffer holds the answer")
	}
	if plain[0] != 'p' {
		t.Error("another answer was wiped")
	}
	if bytes.Contains(response, []byte(number)) {
		t.Error("the buffer of the response holds the number")
	}
	for i, b := range kept.given {
		if bytes.Contains(b[:cap(b)], []byte(number)) {
			t.Errorf("the buffer of the connection, written as part %d, holds the number", i)
		}
	}
}
