package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfinedProcess confines a child process: the data folder works and
// nothing else does, and a destination is found by its name and trusted by the
// system's roots, though their file is out of reach by then.
func TestConfinedProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	saveFile(t, filepath.Join(dir, "outside"), "x")
	saveFile(t, filepath.Join(dir, "data", "inside"), "x")
	certFile, keyFile, _ := makeCertificate(t, dir)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	processor := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	processor.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	processor.StartTLS()
	defer processor.Close()
	address := strings.Replace(processor.URL, "127.0.0.1", "localhost", 1)
	cmd := exec.Command("confined", dir, address)
	cmd.Env = append(cmd.Environ(), "SSL_CERT_FILE="+certFile)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"landlock: in force",
		"read data/inside: works", "write data/new: works",
		"read /etc/hosts: works", "read /proc/sys/net/core/somaxconn: works", "read /proc/stat: works",
		"read outside: permission denied", "read /proc/1/environ: permission denied", "write new: permission denied", "list: permission denied",
		"run a program: permission denied",
		"forward: works",
	} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}
