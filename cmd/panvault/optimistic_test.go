package main

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
)

// TestStoreIsOptimistic: updates that share a commit have no savepoints, which
// shows when one of them fails after it wrote: those before it run again.
func TestStoreIsOptimistic(t *testing.T) {
	t.Parallel()
	cfg := defaultConfig()
	cfg.DataDir = filepath.Join(t.TempDir(), "data")
	a, err := (&cli{stderr: new(transcript)}).newApp(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.openStore(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())

	mine := errors.New("mine")
	started, release := make(chan struct{}), make(chan struct{})
	var updates sync.WaitGroup
	var runs atomic.Int32
	update := func(want error, do func(store.Tx) error) {
		updates.Go(func() {
			if err := a.store.Update(t.Context(), do); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		})
		time.Sleep(50 * time.Millisecond) // so that they queue in this order
	}
	update(nil, func(store.Tx) error { // those that follow wait for it, as one group
		close(started)
		<-release
		return nil
	})
	<-started
	update(nil, func(store.Tx) error { runs.Add(1); return nil })
	update(mine, func(tx store.Tx) error {
		row := store.Merchant{ID: "mrch_" + strings.Repeat("0", 24), Name: "x", CreatedAt: 1, Tag: make([]byte, 20)}
		return errors.Join(tx.InsertMerchant(t.Context(), &row), mine)
	})
	close(release)
	updates.Wait()
	if got := runs.Load(); got != 2 {
		t.Errorf("an update beside a failed one ran %d times, want 2", got)
	}
}
