package sqlite

import (
	"bytes"
	"context"
	"crypto/rand"
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

// What is deleted or replaced row by row leaves the pages of tables and of
// their indexes, which are rebuilt meanwhile, and pages that become free.
func TestScrubErasesKeyedHashes(t *testing.T) {
	for _, n := range []int{4, 200} { // within a page, and over many
		s, path := fresh(t, Options{})
		all := make([]hashed, n)
		must := func(fn func(store.Tx) error) {
			t.Helper()
			if err := s.Update(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
		}
		scrub := func() {
			t.Helper()
			if err := s.Scrub(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var old, kept [][]byte
		for i := range all {
			all[i] = newHashed(i)
			must(func(tx store.Tx) error { return all[i].insert(t.Context(), tx) })
			kept = append(kept, all[i].values()...)
		}
		scrub()
		if missing := len(kept) - present(t, path, kept); missing != 0 {
			t.Fatalf("%d rows: %d values never were in the database", n, missing)
		}
		kept = nil
		for i, h := range all {
			must(func(tx store.Tx) error {
				switch i % 4 {
				case 0:
					old = append(old, h.values()...)
					return h.remove(t.Context(), tx)
				case 1:
					next, gone := h.changed()
					old, kept = append(old, gone...), append(kept, next.values()...)
					return h.replace(t.Context(), tx, next)
				case 2: // its key expires below
					old, kept = append(old, h.key.ID, h.key.Request, h.key.Answer, h.key.Tag), append(kept, h.print.MAC, h.print.Tag)
				default:
					kept = append(kept, h.values()...)
				}
				return nil
			})
		}
		for removed := 1; removed > 0; {
			must(func(tx store.Tx) (err error) {
				removed, err = tx.DeleteIdempotencyBefore(t.Context(), soon+1, 7)
				return err
			})
		}
		scrub()
		if traces := present(t, path, old); traces != 0 {
			t.Errorf("%d rows: %d of %d values left traces in the files", n, traces, len(old))
		}
		if missing := len(kept) - present(t, path, kept); missing != 0 {
			t.Errorf("%d rows: %d values that were kept are gone", n, missing)
		}
		integrity(t, s)
	}
}

// A card that was attached, which makes its row grow, and destroyed.
func TestScrubErasesCards(t *testing.T) {
	const n = 200
	s, path := fresh(t, Options{})
	var all [n]store.Card
	var old [][]byte
	for i := range all {
		all[i] = storetest.Card(i)
		c := &all[i]
		c.WrappedDEK, c.SealedPAN, c.SealedProfile = noise(96), noise(80), noise(120)
		old = append(old, c.WrappedDEK, c.SealedPAN, c.SealedProfile)
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertCard(t.Context(), c) }); err != nil {
			t.Fatal(err)
		}
	}
	change := func(i int, fn func(c *store.Card)) {
		t.Helper()
		was := all[i].Tag
		fn(&all[i])
		all[i].Tag = noise(20)
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.UpdateCard(t.Context(), &all[i], was) }); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		change(i*77%n, func(c *store.Card) {
			c.Customer, c.UsedAt, c.AttachedAt, c.ExpiresAt = c.ID, 1<<50, 1<<50, 0
		})
	}
	for i := range n {
		change(i*33%n, func(c *store.Card) {
			c.DeletedAt, c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.FingerprintID = 1<<50, nil, nil, nil, ""
		})
	}
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	integrity(t, s)
	if traces := present(t, path, old); traces != 0 {
		t.Errorf("%d of %d values left traces in the files", traces, len(old))
	}
}

// hashed is a row of each table that holds keyed hashes.
type hashed struct {
	print store.Fingerprint
	key   store.Idempotency
}

// soon is when the keys of every fourth pair expire, the others later.
const soon = 1

func newHashed(n int) hashed {
	answer, expiry := 60, int64(soon+1)
	if n%8 > 5 || n%8 == 1 { // with overflow pages
		answer = 9000
	}
	if n%4 == 2 {
		expiry = soon
	}
	merchant := storetest.Merchant(0).ID
	return hashed{
		store.Fingerprint{MAC: noise(32), KeyVersion: 1, Merchant: merchant, Surrogate: noise(32),
			ID: storetest.Card(n).ID, Cards: 1, Tag: noise(20)},
		store.Idempotency{ID: noise(32), Request: noise(32), Merchant: merchant, ExpiresAt: expiry,
			Status: 200, Answer: noise(answer), Tag: noise(20)},
	}
}

func (h hashed) values() [][]byte {
	return [][]byte{h.print.MAC, h.print.Surrogate, h.print.Tag, h.key.ID, h.key.Request, h.key.Answer, h.key.Tag}
}

func (h hashed) insert(ctx context.Context, tx store.Tx) error {
	return errors.Join(tx.InsertFingerprint(ctx, &h.print), tx.InsertIdempotency(ctx, &h.key))
}

func (h hashed) remove(ctx context.Context, tx store.Tx) error {
	return errors.Join(tx.DeleteFingerprint(ctx, h.print.MAC, h.print.Tag), tx.DeleteIdempotency(ctx, h.key.ID, h.key.Tag))
}

func (h hashed) replace(ctx context.Context, tx store.Tx, next hashed) error {
	return errors.Join(tx.UpdateFingerprint(ctx, &next.print, h.print.MAC, h.print.Tag),
		tx.UpdateIdempotency(ctx, &next.key, h.key.Tag))
}

// changed returns the rows under another key and with another answer, and the
// values that go with that.
func (h hashed) changed() (next hashed, gone [][]byte) {
	next = h
	next.print.MAC, next.print.Tag = noise(32), noise(20)
	next.key.Request, next.key.Answer, next.key.Tag = noise(32), noise(80), noise(20)
	return next, [][]byte{h.print.MAC, h.print.Tag, h.key.Request, h.key.Answer, h.key.Tag}
}

// noise is n bytes that are nowhere else.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// present counts the values of which any 8 bytes at a multiple of 8 are in the
// database or its log.
func present(t *testing.T, path string, values [][]byte) (n int) {
	t.Helper()
	at := map[[8]byte]int{}
	for i, v := range values {
		for ; len(v) >= 8; v = v[8:] {
			at[[8]byte(v)] = i
		}
	}
	found := map[int]bool{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(content) >= 8; content = content[1:] {
			if i, ok := at[[8]byte(content)]; ok {
				found[i] = true
			}
		}
	}
	return len(found)
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
