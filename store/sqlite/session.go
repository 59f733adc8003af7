package sqlite

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/panvault/panvault/store/internal/sqlstore"
)

// session is the Querier of one closure. After the closure has returned it
// answers nothing but errOver.
//
// After an error that may have made SQLite undo the whole transaction it runs
// nothing more: the next statement would commit on its own.
type session struct {
	conn     *conn
	readOnly bool        // of a View: the caller's context is looked at before each statement
	failed   error       // classified; set by such an error
	wrote    bool        // a statement of Exec went through
	over     atomic.Bool // the closure has returned
}

var _ sqlstore.Querier = (*session)(nil)

var errOver = errors.New("sqlite: transaction used after its closure returned")

// Exec implements sqlstore.Querier.
func (s *session) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := s.usable(ctx); err != nil {
		return 0, err
	}
	n, err := s.conn.exec(query, args...)
	if err != nil {
		return 0, s.note(err)
	}
	s.wrote = true
	return n, nil
}

// Query implements sqlstore.Querier.
func (s *session) Query(ctx context.Context, query string, each func(sqlstore.Scan) error, args ...any) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	fromEach, err := s.conn.query(query, each, args...)
	if err != nil && !fromEach {
		return s.note(err)
	}
	return err
}

func (s *session) usable(ctx context.Context) error {
	if s.over.Load() {
		return errOver
	}
	if s.failed != nil {
		return s.failed
	}
	if s.readOnly {
		return ctx.Err()
	}
	return nil
}

// note classifies an error of the driver. A broken constraint undoes only its
// own statement; after any other error the transaction may be gone.
func (s *session) note(err error) error {
	classified := classify(err)
	if code(err)&0xff != codeConstraint {
		s.failed = classified
	}
	return classified
}

func (s *session) end() { s.over.Store(true) }
