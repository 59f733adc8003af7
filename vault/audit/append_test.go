package audit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault/audit"
)

func openStore(t testing.TB) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data", "panvault.db"), sqlite.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func events(t testing.TB, s store.Store) (rows []store.Event) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) (err error) {
		rows, err = r.Events(t.Context(), "", 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func merchants(t testing.TB, s store.Store) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		rows, err := r.Merchants(t.Context())
		n = len(rows)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// change inserts a merchant and appends an event in one transaction.
func change(t testing.TB, s store.Store, log *audit.Log, e audit.Event) error {
	t.Helper()
	id, err := store.NewID(time.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s.Update(t.Context(), func(tx store.Tx) error {
		m := store.Merchant{ID: "mrch_" + id, Name: "m", CreatedAt: 1, Tag: make([]byte, 20)}
		if err := tx.InsertMerchant(t.Context(), &m); err != nil {
			t.Errorf("InsertMerchant: %v", err)
			return err
		}
		_, err := log.Append(t.Context(), tx, e)
		return err
	})
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

func TestAppend(t *testing.T) {
	s := openStore(t)
	random := bytes.Repeat([]byte{35, 36, 251, 1, 2, 3}, 20)
	log := audit.NewLog("node-1", at(noon.In(time.FixedZone("", -3600))), bytes.NewReader(random))
	var id string
	err := s.Update(t.Context(), func(tx store.Tx) (err error) {
		id, err = log.Append(t.Context(), tx, goodEvent())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := events(t, s)
	if len(rows) != 1 {
		t.Fatalf("%d rows, want 1", len(rows))
	}
	got := rows[0]
	record, err := audit.Decode(got.Body)
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	want := audit.Record{
		Event: goodEvent(), ID: id, At: noon.Truncate(time.Microsecond), Node: "node-1", Salt: record.Salt,
	}
	if diff := cmp.Diff(want, record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	row := store.Event{ID: id, At: noon.UnixMicro(), Type: "token.create", Body: got.Body, Leaf: audit.Leaf(got.Body)}
	if diff := cmp.Diff(row, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if wantSalt := "2324fb0102032324fb0102032324fb01"; record.Salt != wantSalt {
		t.Errorf("salt %s, want %s, the bytes after those of the id", record.Salt, wantSalt)
	}
}

// No record, no effect: whatever keeps the record from being written undoes
// the change, and leaves no row.
func TestAppendFailsTheChange(t *testing.T) {
	invalid := goodEvent()
	invalid.Object = "\xff"
	unknown := goodEvent()
	unknown.Type = "token.made"
	same := func() io.Reader { return bytes.NewReader(make([]byte, 64)) }
	for _, tt := range []struct {
		name   string
		event  audit.Event
		random io.Reader
		want   error
	}{
		{"unknown type", unknown, rand.Reader, audit.ErrRecord},
		{"invalid text", invalid, rand.Reader, audit.ErrRecord},
		{"no randomness", goodEvent(), iotest.ErrReader(io.ErrClosedPipe), io.ErrClosedPipe},
		{"not enough for the id", goodEvent(), bytes.NewReader(make([]byte, 17)), io.ErrUnexpectedEOF},
		{"none for the salt", goodEvent(), bytes.NewReader(make([]byte, 18)), io.EOF},
		{"not enough for the salt", goodEvent(), bytes.NewReader(make([]byte, 33)), io.ErrUnexpectedEOF},
		{"an id that exists", goodEvent(), same(), store.ErrConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openStore(t)
			if err := change(t, s, audit.NewLog("a", at(noon), same()), goodEvent()); err != nil {
				t.Fatal(err)
			}
			if err := change(t, s, audit.NewLog("a", at(noon), tt.random), tt.event); !errors.Is(err, tt.want) {
				t.Errorf("Update: %v, want %v", err, tt.want)
			}
			if n, rows := merchants(t, s), events(t, s); n != 1 || len(rows) != 1 {
				t.Errorf("%d changes and %d records, want the first of each", n, len(rows))
			}
		})
	}
}

// The other way round: a change that fails after its record leaves no record.
func TestChangeFailsTheRecord(t *testing.T) {
	s := openStore(t)
	broken := errors.New("broken")
	log := audit.NewLog("a", nil, nil)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		if _, err := log.Append(t.Context(), tx, goodEvent()); err != nil {
			t.Error(err)
		}
		return broken
	})
	if !errors.Is(err, broken) || len(events(t, s)) != 0 {
		t.Errorf("%v and %d records, want the error and none", err, len(events(t, s)))
	}
}

func TestIDsSortByTime(t *testing.T) {
	s := openStore(t)
	times := []time.Time{
		noon, noon.Add(time.Millisecond), noon.Add(time.Second), noon.Add(time.Hour), noon.AddDate(0, 0, 40),
		noon.AddDate(3, 0, 0), noon.AddDate(33, 0, 0),
	}
	var want []string
	for _, now := range times {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			id, err := audit.NewLog("a", at(now), nil).Append(t.Context(), tx, goodEvent())
			want = append(want, id)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, row := range events(t, s) {
		got = append(got, row.ID)
	}
	if !slices.IsSorted(want) || !slices.Equal(got, want) {
		t.Errorf("ids in the order of time %v, in that of the store %v", want, got)
	}
}

// Equal events have leaves of their own, so none can be guessed.
func TestSaltsDiffer(t *testing.T) {
	s := openStore(t)
	log := audit.NewLog("a", at(noon), nil)
	for range 20 {
		if err := change(t, s, log, goodEvent()); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]bool)
	for _, row := range events(t, s) {
		r, err := audit.Decode(row.Body)
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.Salt] || seen[string(row.Leaf)] {
			t.Error("a salt or a leaf came twice")
		}
		seen[r.Salt], seen[string(row.Leaf)] = true, true
	}
}

func TestLogDefaults(t *testing.T) {
	s := openStore(t)
	before := time.Now().Truncate(time.Microsecond)
	if err := change(t, s, audit.NewLog("", nil, nil), goodEvent()); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Decode(events(t, s)[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.At.Before(before) || r.At.After(time.Now()) || r.Node != "" || r.Details["brand"] != "MasterCard" {
		t.Errorf("record %+v, want one of now", r)
	}
}
