package sqlite

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// A card's sealed bytes are overwritten; after Scrub no file has them.
func TestScrubErasesOverwrittenBytes(t *testing.T) {
	marker := []byte("wrapped-key-that-must-not-survive")
	for _, query := range []string{
		"UPDATE cards SET wrapped_dek = NULL, sealed_pan = NULL, sealed_profile = NULL, deleted_at = 1",
		"UPDATE cards SET wrapped_dek = zeroblob(10), sealed_pan = zeroblob(10), sealed_profile = zeroblob(10)",
		"DELETE FROM cards",
	} {
		s, path := fresh(t, Options{})
		for n := range 50 {
			c := storetest.Card(n)
			c.WrappedDEK = bytes.Repeat(marker, 3)
			c.SealedPAN = bytes.Repeat(marker, 2)
			c.SealedProfile = bytes.Repeat(marker, 1+n*20) // with and without overflow pages
			if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertCard(t.Context(), &c) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Scrub(t.Context()); err != nil { // to have them in the database as well
			t.Fatal(err)
		}
		if occurrences(t, path, marker)[""] == 0 {
			t.Fatal("the marker never was in the database")
		}
		if err := raw(t, s, query); err != nil {
			t.Fatal(err)
		}
		if err := s.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
		for suffix, n := range occurrences(t, path, marker) {
			if n != 0 {
				t.Errorf("%s: %d traces in the file %q", query, n, "db"+suffix)
			}
		}
		if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
			t.Errorf("the log is not empty: %v", err)
		}
	}
}

// occurrences counts needle in a copy of each file. It must not open the files
// themselves: to close them would drop SQLite's locks; no lock is held here.
func occurrences(t *testing.T, path string, needle []byte) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		counts[suffix] = bytes.Count(content, needle[:16])
	}
	return counts
}

func TestScrubWaitsForReaders(t *testing.T) {
	s, _ := fresh(t, Options{})
	read := func(r store.Reader) error { _, err := r.Merchants(t.Context()); return err }
	err := s.View(t.Context(), func(r store.Reader) error {
		if err := read(r); err != nil {
			return err
		}
		if err := insert(t, s, 1); err != nil {
			return err
		}
		begun := time.Now()
		if err := s.Scrub(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("scrub beside a view: got %v, want %v", err, store.ErrUnavailable)
		}
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("scrub took %v", took)
		}
		return insert(t, s, 2) // the writer is free again
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Errorf("scrub once the view is gone: %v", err)
	}
}
