package httpapi_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
)

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func newTLSWire(t testing.TB) (*wire, *x509.CertPool) {
	t.Helper()
	cert, pool := certificate(t)
	config := config{tls: httpapi.TLSConfig(func() (*tls.Certificate, error) { return &cert, nil })}
	return newWire(t, config), pool
}

func TestTLSVersions(t *testing.T) {
	if got := httpapi.TLSConfig(nil).MinVersion; got != tls.VersionTLS12 {
		t.Errorf("the oldest version is %s", tls.VersionName(got))
	}
	w, pool := newTLSWire(t)
	tests := []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"1.3", &tls.Config{MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13}, true},
		{"1.2", &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12}, true},
		{"1.2, AES-128 only", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		{"1.2, CBC only", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
		{"1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.RootCAs, tt.config.ServerName = pool, "127.0.0.1"
			tt.config.NextProtos = []string{"h2", "http/1.1"}
			conn, err := tls.Dial("tcp", w.addr, tt.config)
			if !tt.ok {
				if err == nil {
					_ = conn.Close()
					t.Fatal("the handshake succeeded")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
				t.Errorf("protocol %q", got)
			}
			r := request{method: "POST", path: "/tokens", auth: basic(w.public), contentType: "application/json", body: cardJSON(nil)}
			a := exchange(t, conn, r.bytes(w.addr), "POST")
			a.check(t)
			checkToken(t, a, false)
		})
	}
	if log := w.log.text(); !strings.Contains(log, "tls handshake failed") {
		t.Error("the log does not tell of the failed handshakes")
	}
}

// Over TLS too, what net/http refuses by itself has the wire's form, and
// ambiguous framing ends the connection.
func TestRefusalsOverTLS(t *testing.T) {
	w, pool := newTLSWire(t)
	for _, raw := range []string{
		"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
		"POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		conn, err := tls.Dial("tcp", w.addr, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		a := exchange(t, conn, []byte(raw), "GET")
		a.check(t)
		a.want(t, http.StatusBadRequest, "bad_request", "request is malformed")
	}
	// Plain HTTP to a TLS port gets no answer in clear.
	conn := dial(t, w.addr)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); strings.Contains(string(got), "object") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("answered %q, %v", got, err)
	}
}

// A renewed certificate is served without a restart.
func TestCertificateRenewal(t *testing.T) {
	old, _ := certificate(t)
	renewed, pool := certificate(t)
	var current atomic.Pointer[tls.Certificate]
	current.Store(&old)
	w := newWire(t, config{tls: httpapi.TLSConfig(func() (*tls.Certificate, error) { return current.Load(), nil })})
	dialTLS := func() error {
		conn, err := tls.Dial("tcp", w.addr, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	if dialTLS() == nil {
		t.Fatal("the old certificate is accepted")
	}
	current.Store(&renewed)
	if err := dialTLS(); err != nil {
		t.Errorf("the renewed certificate: %v", err)
	}
}

func TestPlaintextNeedsLoopback(t *testing.T) {
	cert, _ := certificate(t)
	config := httpapi.TLSConfig(func() (*tls.Certificate, error) { return &cert, nil })
	tests := []struct {
		addr      string
		config    *tls.Config
		plaintext bool
		ok        bool
	}{
		{"127.0.0.1:0", nil, false, true},
		{"[::1]:0", nil, false, true},
		{"localhost:0", nil, false, true},
		{"0.0.0.0:0", nil, false, false},
		{"[::]:0", nil, false, false},
		{":0", nil, false, false},
		{"0.0.0.0:0", nil, true, true},
		{"0.0.0.0:0", config, false, true},
		{"127.0.0.1:99999", nil, false, false},
	}
	for _, tt := range tests {
		l, err := httpapi.Listen(tt.addr, http.NotFoundHandler(), tt.config, tt.plaintext, nil)
		if (err == nil) != tt.ok {
			if err != nil && strings.Contains(tt.addr, ":") && errors.As(err, new(*net.OpError)) && tt.addr == "[::1]:0" {
				continue // a machine without IPv6
			}
			t.Errorf("%s, TLS %t, plaintext %t: %v", tt.addr, tt.config != nil, tt.plaintext, err)
		}
		if err == nil {
			if err := l.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			if err, open := <-l.Failed(); open {
				t.Errorf("%s: %v", tt.addr, err)
			}
		}
	}
}

// Drain answers what was accepted and accepts nothing more.
func TestDrain(t *testing.T) {
	const n = 20
	entered, release := make(chan struct{}, n), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "done")
	})
	l, err := httpapi.Listen("127.0.0.1:0", handler, nil, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, n)
	for range n {
		conn := dial(t, l.Addr())
		defer conn.Close()
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		go func() {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				answers <- err.Error()
				return
			}
			body, _ := io.ReadAll(resp.Body)
			answers <- string(body)
		}()
	}
	for range n {
		<-entered
	}
	drained := make(chan error, 1)
	go func() { drained <- l.Drain(t.Context()) }()
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", l.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}) {
		t.Error("still accepting")
	}
	select {
	case err := <-drained:
		t.Fatalf("drained before the answers: %v", err)
	default:
	}
	close(release)
	if err := <-drained; err != nil {
		t.Errorf("drain: %v", err)
	}
	for range n {
		if got := <-answers; got != "done" {
			t.Errorf("answer %q", got)
		}
	}
	if err, open := <-l.Failed(); open {
		t.Errorf("failed: %v", err)
	}
}

// When the time is over the rest is closed, and Drain says so.
func TestDrainGivesUp(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{})
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	})
	l, err := httpapi.Listen("127.0.0.1:0", handler, nil, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, l.Addr())
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drain: %v, want %v", err, context.DeadlineExceeded)
	}
	close(release)
}

// Every token that was answered during a drain is in the store, and every
// request that was answered was answered whole.
func TestDrainUnderLoad(t *testing.T) {
	w := newWire(t, config{})
	ids := make(chan string, 10_000)
	done := make(chan struct{})
	const clients = 8
	for range clients {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				conn, err := net.Dial("tcp", w.addr)
				if err != nil {
					return
				}
				r := request{method: "POST", path: "/tokens", auth: basic(w.public), contentType: "application/json", body: cardJSON(nil)}
				_, err = conn.Write(r.bytes(w.addr))
				resp, readErr := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil || readErr != nil {
					_ = conn.Close()
					return // never accepted
				}
				body, err := io.ReadAll(resp.Body)
				_ = conn.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%d %s %v", resp.StatusCode, body, err)
					return
				}
				a := answer{method: "POST", status: resp.StatusCode, header: resp.Header, raw: string(body)}
				a.documented(t, r.bytes(w.addr))
				ids <- a.text("id")
			}
		}()
	}
	for len(ids) < 20 {
		time.Sleep(time.Millisecond)
	}
	if err := w.listener.Drain(t.Context()); err != nil {
		t.Errorf("drain: %v", err)
	}
	for range clients {
		<-done
	}
	close(ids)
	caller := w.Login(t, vault.NewAPISecret(w.public))
	n := 0
	for id := range ids {
		n++
		if token, err := w.Token(t.Context(), caller, id); err != nil || token.ID != id {
			t.Errorf("token %s was answered and is not there: %v", id, err)
		}
	}
	if !strings.Contains(w.metrics(t), "panvault_http_inflight 0\n") {
		t.Error("a request was not answered")
	}
	made := strings.Count(w.log.text(), `"status":200`)
	if made != n {
		t.Errorf("%d tokens were made, %d answers arrived", made, n)
	}
}
