package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
	"github.com/panvault/panvault/store/storetest"
)

// pragma reads a setting of the writer.
func pragma(t testing.TB, s *Store, name string) (value string) {
	t.Helper()
	err := s.writer.do(context.Background(), func(q *session) error {
		return q.Query(context.Background(), "PRAGMA "+name, func(scan sqlstore.Scan) error { return scan(&value) })
	})
	if err != nil {
		t.Fatalf("pragma %s: %v", name, err)
	}
	return value
}

var wantPragmas = map[string]string{
	"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "foreign_keys": "1", "busy_timeout": "5000",
	"temp_store": "2", "trusted_schema": "0", "cell_size_check": "1", "recursive_triggers": "1",
	"wal_autocheckpoint": "4000",
}

func TestPragmasOnEveryConnection(t *testing.T) {
	const readers = 16
	s, _ := fresh(t, Options{Readers: readers})
	for name, want := range wantPragmas {
		if got := pragma(t, s, name); got != want {
			t.Errorf("writer: %s is %s, want %s", name, got, want)
		}
	}
	var together, wg sync.WaitGroup
	together.Add(readers) // all views at once, so that every slot opens a connection
	for range readers {
		wg.Go(func() {
			err := s.readers.view(t.Context(), func(q *session) error {
				together.Done()
				together.Wait()
				for name, want := range wantPragmas {
					var got string
					err := q.Query(t.Context(), "PRAGMA "+name, func(scan sqlstore.Scan) error { return scan(&got) })
					if err != nil || got != want {
						t.Errorf("reader: %s is %s, want %s (%v)", name, got, want, err)
					}
				}
				if _, err := q.Exec(t.Context(), "DELETE FROM merchants"); !errors.Is(err, store.ErrReadOnly) {
					t.Errorf("write on a reader: got %v, want %v", err, store.ErrReadOnly)
				}
				return nil
			})
			if err != nil {
				t.Errorf("view: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	folder := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(folder, "panvault.db")
	s := open(t, path, Options{Migrate: true})
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{folder, filepath.Dir(folder)} {
		if got := mode(t, folder); got != 0o700 {
			t.Errorf("folder: mode %04o, want 0700", got)
		}
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-turn"} {
		if got := mode(t, path+suffix); got != 0o600 {
			t.Errorf("%s: mode %04o, want 0600", filepath.Base(path)+suffix, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("after close: got %d files (%v), want the database and its lock", len(entries), err)
	}
	for _, bad := range []fs.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(path, bad); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path, Options{})
		if err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: got %v, want a refusal that says chmod 600", bad, err)
		}
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	notDB := filepath.Join(folder, "text")
	if err := os.WriteFile(notDB, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(folder, "dangling")
	if err := os.Symlink(filepath.Join(folder, "nowhere"), dangling); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path string
		opts       Options
		want       error
	}{
		{"no path", "", Options{Migrate: true}, nil},
		{"memory", ":memory:", Options{Migrate: true}, nil},
		{"a URI", "file:x?mode=memory", Options{Migrate: true}, nil},
		{"a folder", folder, Options{Migrate: true}, nil},
		{"a dangling link", dangling, Options{Migrate: true}, fs.ErrNotExist},
		{"no database", notDB, Options{Migrate: true}, store.ErrCorrupt},
		{"absent, not to be created", filepath.Join(folder, "absent"), Options{}, store.ErrOldSchema},
		{"absent, read-only", filepath.Join(folder, "no", "absent"), Options{ReadOnly: true}, store.ErrOldSchema},
		{"read-only and to be migrated", filepath.Join(folder, "absent"), Options{ReadOnly: true, Migrate: true}, nil},
	} {
		s, err := Open(t.Context(), test.path, test.opts)
		if err == nil {
			s.Close()
		}
		if err == nil || (test.want != nil && !errors.Is(err, test.want)) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "absent")); err == nil {
		t.Error("a refused database was created")
	}
}

func TestPathsWithOddNamesAndLinks(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a b?c%20d#e")
	path := filepath.Join(folder, "päñ?vault#1%.db")
	s := open(t, path, Options{Migrate: true})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, path); got != 0o600 {
		t.Errorf("mode %04o", got)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	s = open(t, link, Options{})
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + "-wal"); err != nil {
		t.Errorf("the log is not beside the real file: %v", err)
	}
}

func TestSchemaVersions(t *testing.T) {
	s, path := fresh(t, Options{})
	if err := raw(t, s, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
		t.Fatal(err)
	}
	for _, o := range []Options{{}, {Migrate: true}, {ReadOnly: true}} {
		if _, err := Open(t.Context(), path, o); !errors.Is(err, store.ErrNewerSchema) {
			t.Errorf("%+v: got %v, want %v", o, err, store.ErrNewerSchema)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), empty, Options{}); !errors.Is(err, store.ErrOldSchema) {
		t.Errorf("empty: got %v, want %v", err, store.ErrOldSchema)
	}
	if err := open(t, empty, Options{Migrate: true}).Close(); err != nil {
		t.Error(err)
	}
	if err := open(t, empty, Options{}).Close(); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	s, path := fresh(t, Options{})
	if err := insert(t, s, 1); err != nil {
		t.Fatal(err)
	}
	r := open(t, path, Options{ReadOnly: true})
	defer r.Close()
	if !has(t, r, 1) {
		t.Error("the card is missing")
	}
	ctx := t.Context()
	for name, err := range map[string]error{
		"update": r.Update(ctx, func(store.Tx) error { return nil }), "check": r.Check(ctx), "scrub": r.Scrub(ctx),
	} {
		if !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrReadOnly)
		}
	}
	if err := insert(t, s, 2); err != nil || !has(t, r, 2) {
		t.Errorf("a card written beside it: %v", err)
	}
}

func TestReadOnlyAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panvault.db")
	if err := open(t, path, Options{Migrate: true}).Close(); err != nil {
		t.Fatal(err)
	}
	r := open(t, path, Options{ReadOnly: true})
	defer r.Close()
	err := r.View(t.Context(), func(r store.Reader) error { _, err := r.Merchants(t.Context()); return err })
	if err != nil {
		t.Error(err)
	}
}

func TestAuditLogIsAppendOnly(t *testing.T) {
	s, _ := fresh(t, Options{})
	e := storetest.Event(1)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.AppendEvent(t.Context(), &e) }); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"UPDATE events SET type = 'x'",
		"UPDATE events SET at = at",
		"DELETE FROM events",
		"DELETE FROM events WHERE id = '" + e.ID + "'",
		"INSERT OR REPLACE INTO events (id, at, type, body, leaf) SELECT id, 1, type, body, leaf FROM events",
		"REPLACE INTO events (id, at, type, body, leaf) SELECT id, 1, type, body, leaf FROM events",
	} {
		if err := raw(t, s, query); err == nil {
			t.Errorf("%s: got no error", query)
		}
	}
	var got []store.Event
	err := s.View(t.Context(), func(r store.Reader) (err error) { got, err = r.Events(t.Context(), "", 10); return err })
	if err != nil || len(got) != 1 || string(got[0].Body) != string(e.Body) || got[0].At != e.At {
		t.Errorf("events: got %v (%v), want the first as it was", got, err)
	}
}
