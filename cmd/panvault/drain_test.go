package main

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestSIGTERMAnswersWhatWasSent: a request that had left the client before the
// signal gets its answer, the exit code is 0, and the audit log has the end.
func TestSIGTERMAnswersWhatWasSent(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	stored := 0
	for round := range 3 {
		s := startDev(t, data)
		tried, stop := s.stream(8)
		s.await("a stream of creates", func() bool { return tried() > 100 })
		signalled := time.Now()
		s.Signal(syscall.SIGTERM)
		if code := s.Wait(); code != 0 {
			t.Errorf("round %d: exit code %d, want 0", round, code)
		}
		for _, a := range stop() {
			if a.err == nil && a.reply.status == http.StatusOK {
				stored++
			}
			before := !a.sent.IsZero() && a.sent.Before(signalled)
			if before && (a.err != nil || a.reply.status != http.StatusOK) {
				t.Errorf("round %d: sent %v before the signal: %d %v, want 200", round, signalled.Sub(a.sent), a.reply.status, a.err)
			}
		}
	}
	if got := len(column(t, data, `SELECT id FROM cards`)); got != stored {
		t.Errorf("%d rows for %d answers", got, stored)
	}
	got := column(t, data, `SELECT type FROM events WHERE type LIKE 'system.%' ORDER BY rowid`)
	want := []string{"system.init", "system.start", "system.stop", "system.start", "system.stop", "system.start", "system.stop"}
	if len(got) != len(want) {
		t.Fatalf("system events are %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("system events are %v, want %v", got, want)
		}
	}
}

// TestDrainDelay: for so long after SIGTERM a balancer reads that the server
// drains, and requests are still answered.
func TestDrainDelay(t *testing.T) {
	t.Parallel()
	in := install(t, "listen.drain_delay", "3s")
	s := in.serve(in.config)
	signalled := time.Now()
	s.Signal(syscall.SIGTERM)
	s.await("draining", func() bool {
		return must(t, http.MethodGet, s.AdminURL+"/readyz", "", nil).status == http.StatusServiceUnavailable
	})
	time.Sleep(time.Until(signalled.Add(time.Second))) // three times the default
	if r := must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, drawCard().form()); r.status != http.StatusOK {
		t.Errorf("while it drains: %d %s, want an answer", r.status, r.body)
	}
	if code := s.Wait(); code != 0 || time.Since(signalled) < 3*time.Second {
		t.Errorf("exit code %d after %v, want 0 after 3s", code, time.Since(signalled))
	}
}
