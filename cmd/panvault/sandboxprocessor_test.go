package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// processorPayment is a payment as the vault sends it.
func processorPayment(reference, amount string) io.Reader {
	return strings.NewReader(`{"reference":"` + reference + `","amount":` + amount + `,"currency":"thb",
		"card":{"number":"4242424242424242","expiration_month":12,"expiration_year":2030,"name":"JOHN DOE"}}`)
}

func TestSandboxProcessor(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := launch(t, "sandbox-processor", "--listen", "127.0.0.1:0", "--json")
		s.awaitReady()
		resp, err := http.Post(s.URL+"/payments", "application/json", processorPayment("one", "10000"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"status":"approved"`) {
			t.Errorf("%d %s %v", resp.StatusCode, answer, err)
		}
		// A client that waits for ever, one that has sent nothing yet, and one
		// that is kept alive hold up nothing.
		waiting := make(chan error, 1)
		go func() {
			resp, err := http.Post(s.URL+"/payments", "application/json", processorPayment("never", "900003"))
			if err == nil {
				_ = resp.Body.Close()
			}
			waiting <- err
		}()
		idle, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		s.await("the payment", func() bool {
			resp, err := http.Get(s.URL + "/statistics/never")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			return err == nil && strings.Contains(string(text), `"received":1,`)
		})
		s.Signal(sig)
		if code := s.Wait(); code != 0 {
			t.Errorf("exit code after %v is %d, want 0", sig, code)
		}
		if err := <-waiting; err == nil {
			t.Error("a timeout was answered at the end")
		}
		if out := s.out.String(); out != `{"url":"`+s.URL+`"}`+"\n" {
			t.Errorf("standard output is %q", out)
		}
		if text := s.log.String(); strings.Contains(text, "424242424242") || !strings.Contains(text, "last_digits=4242") {
			t.Errorf("logged %s", text)
		}
	}
}

func TestSandboxProcessorForPeople(t *testing.T) {
	t.Parallel()
	s := launch(t, "sandbox-processor", "--listen", "localhost:0")
	s.await("the ready text", func() bool { return strings.Contains(s.out.String(), "Stop with Ctrl-C") })
	if text := s.out.String(); !strings.Contains(text, "payments     http://127.0.0.1:") || !strings.Contains(text, "Test cards only") {
		t.Errorf("printed %s", text)
	}
	s.Stop()
}

func TestSandboxProcessorPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, errs := command(t, 1, "sandbox-processor", "--listen", l.Addr().String())
	if out != "" || !strings.Contains(errs, "address already in use") || !strings.Contains(errs, "try: --listen 127.0.0.1:0") {
		t.Errorf("printed %q and %q", out, errs)
	}
}

// TestStartProcessor: what other commands use.
func TestStartProcessor(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	p, err := startProcessor("--listen", "127.0.0.1:0", slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Post(p.url+"/payments", "application/json", processorPayment("r", "900017"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if r := p.processor.Reference("r"); resp.StatusCode != 500 || !r.Charged {
		t.Errorf("%d, %+v", resp.StatusCode, r)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if resp, err := client.Get(p.url); err == nil {
		_ = resp.Body.Close()
		t.Error("it answers after its end")
	}
	if _, err := startProcessor("--listen", "192.0.2.1:0", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it serves others than this machine")
	}
}
