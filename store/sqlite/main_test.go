package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// childEnv tells a copy of the test binary which database to fill until it is
// killed, optimisticEnv how; see crash_test.go.
const (
	childEnv      = "PANVAULT_TEST_CRASH_DB"
	optimisticEnv = "PANVAULT_TEST_CRASH_OPTIMISTIC"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		insertForever(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestStore(t *testing.T) {
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) func() store.Store {
				path := filepath.Join(t.TempDir(), "vault", "panvault.db")
				return func() store.Store { return open(t, path, o) }
			})
		})
	}
}

// modes are the ways to commit a group.
var modes = map[string]Options{
	"savepoints": {Migrate: true},
	"optimistic": {Migrate: true, Optimistic: true},
}

// open opens a store that the test closes itself.
func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// fresh opens an empty store that is closed with the test and has Merchant(0).
func fresh(t testing.TB, o Options) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "panvault.db")
	o.Migrate = true
	s := open(t, path, o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		m := storetest.Merchant(0)
		return tx.InsertMerchant(t.Context(), &m)
	})
	if err != nil {
		t.Fatalf("insert merchant: %v", err)
	}
	return s, path
}

// insert adds Card(n).
func insert(t testing.TB, s *Store, n int) error {
	c := storetest.Card(n)
	return s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertCard(t.Context(), &c) })
}

// has reports whether Card(n) is there, and fails if it is not whole.
func has(t testing.TB, s *Store, n int) bool {
	t.Helper()
	return whole(t, s, storetest.Card(n))
}

// raw runs SQL on the writer, outside any transaction of a caller.
func raw(t testing.TB, s *Store, query string, args ...any) error {
	return s.writer.do(t.Context(), func(q *session) error {
		_, err := q.Exec(t.Context(), query, args...)
		return err
	})
}
