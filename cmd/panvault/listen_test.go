package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makeCertificate writes a certificate for 127.0.0.1 and localhost and its key,
// and returns who trusts it.
func makeCertificate(t *testing.T, dir string) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "panvault test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	saveFile(t, certFile, string(cert))
	saveFile(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return certFile, keyFile, roots
}

// TestTLSOnSeparatePorts: each listener shows its own side of the API only,
// over TLS only.
func TestTLSOnSeparatePorts(t *testing.T) {
	t.Parallel()
	certFile, keyFile, roots := makeCertificate(t, t.TempDir())
	in := install(t, "listen.private", "localhost:0", "public_url", "https://vault.example",
		"listen.tls.cert_file", certFile, "listen.tls.key_file", keyFile)
	s := in.serve(in.config)
	public, private := strings.Replace(s.URL, "http:", "https:", 1), strings.Replace(s.PrivateURL, "http:", "https:", 1)
	if private == "" || private == public {
		t.Fatalf("private listener is %q, public %q, want two", private, public)
	}
	send := func(version uint16, target string) (reply, error) {
		transport := &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS10, MaxVersion: version},
		}
		client := &http.Client{Transport: transport, Timeout: patience}
		return request(t.Context(), client, http.MethodPost, target+"/tokens", in.publicKey, drawCard().form())
	}
	for _, tt := range []struct {
		name    string
		version uint16
		target  string
		status  int // 0: no answer at all
		serves  string
	}{
		{"public, 1.3", tls.VersionTLS13, public, 200, "tokens"},
		{"public, 1.2", tls.VersionTLS12, public, 200, "tokens"},
		{"public, 1.1", tls.VersionTLS11, public, 0, ""},
		{"private", tls.VersionTLS13, private, 404, "customers"},
	} {
		r, err := send(tt.version, tt.target)
		if err == nil {
			r.documented(t, tt.serves)
		}
		if r.status != tt.status || (err == nil) != (tt.status != 0) {
			t.Errorf("%s: POST /tokens gets %d %s %v, want %d", tt.name, r.status, r.body, err, tt.status)
		}
		if r.status == 200 && (r.header.Get("Strict-Transport-Security") == "" || !strings.Contains(r.body, `"location":"https://vault.example/tokens/tokn_test_`)) {
			t.Errorf("%s: headers %v, body %s", tt.name, r.header, r.body)
		}
	}
	if r, err := request(t.Context(), &http.Client{Timeout: patience}, http.MethodPost, s.URL+"/tokens", in.publicKey, drawCard().form()); err == nil {
		t.Errorf("plain HTTP on the TLS port: %d %s", r.status, r.body)
	}
	if r := must(t, http.MethodGet, s.AdminURL+"/readyz", "", nil); r.status != http.StatusOK {
		t.Errorf("/readyz: %d %s", r.status, r.body)
	}
	s.Stop()
}

// TestRefusedListeners: what would show cards on the network does not start,
// and says what to do.
func TestRefusedListeners(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in := install(t)
	for _, tt := range []struct {
		name, setting, value, want string
	}{
		{"public plaintext", "PANVAULT_LISTEN_PUBLIC", "0.0.0.0:0", "listen.public: 0.0.0.0:0 is not a loopback address: set a TLS certificate"},
		{"private plaintext", "PANVAULT_LISTEN_PRIVATE", "0.0.0.0:0", "listen.private: 0.0.0.0:0 is not a loopback address"},
		{"admin elsewhere", "PANVAULT_LISTEN_ADMIN", "0.0.0.0:0", "listen.admin: 0.0.0.0:0 is not a loopback address"},
		{"port taken", "PANVAULT_LISTEN_ADMIN", taken.Addr().String(), "try: another address: is a panvault running here already?"},
		{"no certificate", "PANVAULT_LISTEN_TLS_CERT_FILE", "/nowhere/cert.pem", "listen.tls: open /nowhere/cert.pem: no such file"},
		{"no issuer file", "PANVAULT_CARDS_IIN_FILE", "/nowhere/iin.csv", "cards.iin_file: open /nowhere/iin.csv: no such file"},
	} {
		cmd := exec.Command("panvault", "serve", "--config", in.config)
		cmd.Env = append(cmd.Environ(), tt.setting+"="+tt.value, "PANVAULT_LISTEN_TLS_KEY_FILE="+keyFor(tt.setting))
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: %v, exit code %d, %s, want 1 and %q", tt.name, err, code, out, tt.want)
		}
	}
	s := in.serve(in.config)
	s.Stop()
}

// keyFor completes a certificate setting.
func keyFor(setting string) string {
	if strings.HasSuffix(setting, "CERT_FILE") {
		return "/nowhere/key.pem"
	}
	return ""
}
