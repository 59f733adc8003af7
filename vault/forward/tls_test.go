package forward_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault/forward"
)

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (a authority) issue(t *testing.T, until time.Time, names ...string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "x"}, DNSNames: names,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func pinOf(spki []byte) string {
	sum := sha256.Sum256(spki)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.issue(t, time.Now().Add(time.Hour), "psp.example.com")
	leaf, err := x509.ParseCertificate(good.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	client := ca.issue(t, time.Now().Add(time.Hour))
	foreign := other.issue(t, time.Now().Add(time.Hour))
	for _, tt := range []struct {
		name   string
		server *tls.Config
		set    func(*forward.Destination)
		class  error
		reason string
	}{
		{"good", &tls.Config{}, func(*forward.Destination) {}, nil, ""},
		{"server name", &tls.Config{}, func(d *forward.Destination) {
			d.URL = strings.Replace(d.URL, "psp.example.com", "other.example.com", 1)
			d.ServerName = "psp.example.com"
		}, nil, ""},
		{"wrong CA", &tls.Config{}, func(d *forward.Destination) { d.RootCAs = other.pool() }, forward.ErrNotSent, "TLS: the certificate is of an unknown authority"},
		{"wrong name", &tls.Config{}, func(d *forward.Destination) { d.ServerName = "other.example.com" }, forward.ErrNotSent, "TLS: the certificate is for another name"},
		{"expired", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, time.Now().Add(-time.Hour), "psp.example.com")}}, func(*forward.Destination) {}, forward.ErrNotSent, "TLS: the certificate has expired or is not valid yet"},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, func(*forward.Destination) {}, nil, ""},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, func(*forward.Destination) {}, forward.ErrNotSent, "TLS: the handshake failed"},
		{"pinned leaf", &tls.Config{}, func(d *forward.Destination) {
			d.Pins = []string{pinOf([]byte("x")), pinOf(leaf.RawSubjectPublicKeyInfo)}
		}, nil, ""},
		{"pinned CA", &tls.Config{}, func(d *forward.Destination) { d.Pins = []string{pinOf(ca.cert.RawSubjectPublicKeyInfo)} }, nil, ""},
		{"other pin", &tls.Config{}, func(d *forward.Destination) { d.Pins = []string{pinOf([]byte("x"))} }, forward.ErrNotSent, "TLS: no certificate of the chain has a pinned key"},
		{"pin does not replace verification", &tls.Config{}, func(d *forward.Destination) {
			d.RootCAs, d.Pins = other.pool(), []string{pinOf(leaf.RawSubjectPublicKeyInfo)}
		}, forward.ErrNotSent, "TLS: the certificate is of an unknown authority"},
		{"client certificate", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool()}, func(d *forward.Destination) { d.ClientCertificate = &client }, nil, ""},
		// In TLS 1.3 a client learns only from the answer that it was refused.
		{"no client certificate", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool()}, func(*forward.Destination) {}, forward.ErrUnknown, ""},
		{"foreign client certificate, TLS 1.2", &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool(), MaxVersion: tls.VersionTLS12}, func(d *forward.Destination) { d.ClientCertificate = &foreign }, forward.ErrNotSent, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			requests := 0
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				b, _ := io.ReadAll(r.Body)
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(b) // an echo
			}))
			s.TLS = tt.server
			if len(s.TLS.Certificates) == 0 {
				s.TLS.Certificates = []tls.Certificate{good}
			}
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.EnableHTTP2 = true
			s.StartTLS()
			defer s.Close()
			_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			d := destination()
			d.URL, d.AllowPrivate, d.RootCAs = "https://psp.example.com:"+port, true, ca.pool()
			tt.set(&d)
			befores := 0
			a, err := forward.NewSender(resolvesTo("127.0.0.1"), nil).Send(t.Context(), render(t, d, values(t, "")), func() error { befores++; return nil })
			if tt.class != nil {
				if !errors.Is(err, tt.class) || tt.reason != "" && forward.Reason(err) != tt.reason || requests != 0 {
					t.Errorf("got %v (%s), want %v: %s", err, forward.Reason(err), tt.class, tt.reason)
				}
				if errors.Is(err, forward.ErrNotSent) && befores != 0 {
					t.Error("said to be sending before TLS was up")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := forward.Scrub(a, secrets(t))
			want := `{"card":{"number":"************1486","exp":"03/31","name":"Jane \"J\" \u003CDoe\u003E \u0026 Co"},"ref":"fwd_test_1"}`
			if err != nil || string(c.Body) != want || requests != 1 {
				t.Errorf("got %s, %v, %d requests", c.Body, err, requests)
			}
		})
	}
}

// A processor that closes each connection that it has used makes net/http's
// client send again; this one gets each request once.
func TestSequentialRequests(t *testing.T) {
	p := newProcessor(t, func(p *processor, c net.Conn) {
		p.read(c)
		if p.conns.Load()%2 == 1 {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
		}
	})
	s := forward.NewSender(nil, nil)
	for i := range 6 {
		_, err := s.Send(t.Context(), render(t, p.destination(), values(t, "")), nil)
		if want := i%2 == 1; errors.Is(err, forward.ErrUnknown) != want || !want && err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if c, r := p.conns.Load(), p.requests.Load(); c != 6 || r != 6 {
		t.Errorf("%d connections, %d requests, want 6", c, r)
	}
}
