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
