package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
	"github.com/panvault/panvault/store/storetest"
)

func TestSentinelOf(t *testing.T) {
	for _, test := range []struct {
		code int
		want error
	}{
		{5, store.ErrUnavailable}, {5 | 2<<8, store.ErrUnavailable}, // BUSY, BUSY_SNAPSHOT
		{6, store.ErrUnavailable}, {6 | 1<<8, store.ErrUnavailable}, // LOCKED
		{7, store.ErrUnavailable}, {9, store.ErrUnavailable}, {14, store.ErrUnavailable}, {15, store.ErrUnavailable},
		{10, store.ErrUnavailable}, {10 | 4<<8, store.ErrUnavailable}, // IOERR, IOERR_FSYNC
		{10 | 32<<8, store.ErrCorrupt}, {10 | 33<<8, store.ErrCorrupt},
		{13, store.ErrFull},
		{3, store.ErrReadOnly}, {8, store.ErrReadOnly}, {8 | 4<<8, store.ErrReadOnly}, // READONLY_DBMOVED
		{11, store.ErrCorrupt}, {11 | 2<<8, store.ErrCorrupt}, {26, store.ErrCorrupt},
		{2067, store.ErrConflict}, {1555, store.ErrConflict}, {2579, store.ErrConflict},
		{19, nil}, {275, nil}, {787, nil}, {1299, nil}, {1811, nil}, // CHECK, FOREIGNKEY, NOTNULL, TRIGGER
		{1, nil}, {18, nil}, {20, nil}, {21, nil}, {25, nil},
	} {
		if got := sentinelOf(test.code); got != test.want {
			t.Errorf("code %d: got %v, want %v", test.code, got, test.want)
		}
	}
}

func TestClassifyOthers(t *testing.T) {
	const secret = "4242424242424242"
	for _, test := range []struct{ in, want error }{
		{nil, nil},
		{sql.ErrNoRows, store.ErrNotFound},
		{sql.ErrConnDone, store.ErrUnavailable},
		{fmt.Errorf("x: %w", driver.ErrBadConn), store.ErrUnavailable},
		{context.Canceled, context.Canceled},
		{context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		if got := classify(test.in); !errors.Is(got, test.want) {
			t.Errorf("%v: got %v, want %v", test.in, got, test.want)
		}
	}
	if got := classify(errors.New(secret)); got == nil || strings.Contains(got.Error(), secret) {
		t.Errorf("unknown error: got %v, want one without its text", got)
	}
}

// A column of another type, or out of range, is damage; its value is not told.
func TestDamagedColumns(t *testing.T) {
	s, _ := fresh(t, Options{})
	const secret = "4242424242424242"
	for _, query := range []string{
		"SELECT id, '" + secret + "', created_at, disabled_at, show_first_digits, hide_fingerprint, token_ttl, tag FROM merchants",
		"SELECT id, name, '" + secret + "', disabled_at, show_first_digits, hide_fingerprint, token_ttl, tag FROM merchants",
	} {
		err := s.readers.view(t.Context(), func(q *session) error {
			_, err := q.conn.query(query, func(scan sqlstore.Scan) error {
				var n int64
				return scan(&n, &n, &n, &n, &n, &n, &n, &n)
			})
			return err
		})
		if !errors.Is(err, store.ErrCorrupt) || strings.Contains(err.Error(), secret) {
			t.Errorf("got %v, want %v without the value", err, store.ErrCorrupt)
		}
	}
	if err := insert(t, s, 1); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"live = 2", "kek_version = 4294967296", "dek_generation = -1", "expiry_month = 1099511627776"} {
		err := s.writer.do(t.Context(), func(q *session) error {
			for _, query := range []string{"PRAGMA ignore_check_constraints = ON", "UPDATE cards SET " + change, "PRAGMA ignore_check_constraints = OFF"} {
				if _, err := q.Exec(t.Context(), query); err != nil {
					return err
				}
			}
			if _, err := s.text.Tx(q).Card(t.Context(), storetest.Card(1).ID); !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: got %v, want %v", change, err, store.ErrCorrupt)
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

var errUndo = errors.New("undo")

// A file with its pages overwritten is reported as corrupt.
func TestCorruptFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panvault.db")
	s := open(t, path, Options{Migrate: true})
	m := storetest.Merchant(0)
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.InsertMerchant(t.Context(), &m) })
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := []byte(strings.Repeat("\xff\x00junk", int(info.Size()-4096)/6))
	_, err = f.WriteAt(junk, 4096) // all but the schema's first page
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err = Open(t.Context(), path, Options{})
	if err == nil {
		err = s.View(t.Context(), func(r store.Reader) error { _, err := r.Merchants(t.Context()); return err })
		s.Close()
	}
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v, want %v", err, store.ErrCorrupt)
	}
}
