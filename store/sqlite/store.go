package sqlite

import (
	"context"
	"database/sql"
	"sync"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
)

// Store is a SQLite database. It is safe for concurrent use.
type Store struct {
	text    *sqlstore.Text
	readers *readers
	writer  *writer // nil if read-only

	maintenance sync.RWMutex // held by Scrub, so that Close waits for it
	closed      bool
	writeDB     *sql.DB // nil if read-only
	readDB      *sql.DB
}

var _ store.Store = (*Store)(nil)

func newStore(writeDB, readDB *sql.DB, w, r *conn, t *turn, opts Options) *Store {
	s := &Store{
		text:    sqlstore.Compile(sqlstore.Dialect{Rewrite: placeholders}),
		readers: newReaders(readDB, r, opts.Readers),
		writeDB: writeDB,
		readDB:  readDB,
	}
	if w != nil {
		s.writer = newWriter(writeDB, w, t, opts)
		go s.writer.run()
	}
	return s
}

// View implements store.Store. The snapshot is that of the first statement of
// fn. A View waits for a free reader until ctx ends; ctx is also looked at
// before each statement. A View inside a View may wait for itself: don't.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.readers.view(ctx, func(q *session) error { return fn(s.text.Reader(q)) })
}

// Update implements store.Store. fn runs on the goroutine of the writer; a
// panic of fn undoes its writes and goes on in the caller's goroutine with the
// same value.
//
// If ctx ends before fn starts, fn never runs and the error wraps that of ctx.
// If it ends later, Update still waits for the commit and returns its true
// outcome: statements are not interrupted. A group whose transaction is lost
// fails as a whole, with ErrFull, ErrUnavailable, ErrReadOnly or ErrCorrupt.
// An Update inside an Update waits for itself for ever.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.writer == nil {
		return store.ErrReadOnly
	}
	return s.writer.do(ctx, func(q *session) error { return fn(s.text.Tx(q)) })
}

// Check implements store.Store. It reads a row on a reader, and commits a
// rewrite of the file's header, so that a full disk shows: one fsync, no row.
func (s *Store) Check(ctx context.Context) error {
	err := s.readers.view(ctx, func(q *session) error {
		return q.Query(ctx, "SELECT id FROM merchants LIMIT 1", ignoreRow)
	})
	if err != nil {
		return err
	}
	if s.writer == nil {
		return store.ErrReadOnly
	}
	return s.writer.do(ctx, func(q *session) error {
		_, err := q.Exec(ctx, "PRAGMA user_version = 0")
		return err
	})
}

// Close implements store.Store. New work is refused with ErrUnavailable from
// now on; Close returns when the work at hand is done and the log is emptied.
// Closing again does nothing.
func (s *Store) Close() error {
	s.maintenance.Lock()
	defer s.maintenance.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.readers.close()
	if s.writer == nil {
		return classify(s.readDB.Close())
	}
	s.writer.close()
	readErr := s.readDB.Close()
	if err := s.writeDB.Close(); err != nil {
		return classify(err)
	}
	return classify(readErr)
}
