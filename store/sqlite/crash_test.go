package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// crashWriters insert at the same time in the child, so that commits are groups.
const crashWriters = 8

// insertForever is the child: it reports an id only after its Update returned
// nil, and lives until it is killed.
func insertForever(path string) {
	ctx := context.Background()
	s, err := Open(ctx, path, Options{Optimistic: os.Getenv(optimisticEnv) != ""})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	var out sync.Mutex
	var wg sync.WaitGroup
	for range crashWriters {
		wg.Go(func() {
			for {
				c, err := storetest.NewCard()
				if err == nil {
					err = s.Update(ctx, func(tx store.Tx) error { return tx.InsertCard(ctx, &c) })
				}
				out.Lock()
				if err != nil {
					fmt.Println("error:", err)
				} else {
					fmt.Println(c.ID)
				}
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panvault.db")
	s := open(t, path, Options{Migrate: true})
	m := storetest.Merchant(0)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertMerchant(t.Context(), &m) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for round := range 6 {
		optimistic := ""
		if round%2 == 1 {
			optimistic = "1"
		}
		ids := killed(t, path, optimistic, time.Duration(50+40*round)*time.Millisecond)
		if len(ids) == 0 {
			t.Fatalf("round %d: the child acknowledged nothing", round)
		}
		all = append(all, ids...)
		s := open(t, path, Options{})
		for _, id := range all {
			want := storetest.Card(0)
			want.ID = id
			if !whole(t, s, want) {
				t.Errorf("round %d: acknowledged card is missing", round)
			}
		}
		integrity(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged inserts survived", len(all))
}

// killed runs the child, kills it some time after its first answer, and
// returns the ids it had acknowledged.
func killed(t *testing.T, path, optimistic string, after time.Duration) (ids []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path, optimisticEnv+"="+optimistic)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if !store.ValidID(lines.Text()) { // also a line the kill cut short: not acknowledged
			if len(lines.Text()) > store.IDLength {
				t.Errorf("child: %s", lines.Text())
			}
			continue
		}
		if len(ids) == 0 {
			timer.Reset(after)
		}
		ids = append(ids, lines.Text())
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return ids
}

// whole reports whether a card is there, and fails if it differs from want.
func whole(t testing.TB, s *Store, want store.Card) bool {
	t.Helper()
	var got store.Card
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		got, err = r.Card(t.Context(), want.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatalf("card: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
	return true
}

// integrity runs SQLite's own check of every page and index.
func integrity(t testing.TB, s *Store) {
	t.Helper()
	if got := pragma(t, s, "integrity_check"); got != "ok" {
		t.Errorf("integrity_check: %s", got)
	}
}
