package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
)

// readers is a pool of connections that only read. A slot is empty until it is
// first needed, and again after its connection failed.
type readers struct {
	db      *sql.DB
	slots   chan *conn
	closing chan struct{}
}

func newReaders(db *sql.DB, first *conn, n int) *readers {
	r := &readers{db: db, slots: make(chan *conn, n), closing: make(chan struct{})}
	r.slots <- first
	for range n - 1 {
		r.slots <- nil
	}
	return r
}

// view runs fn in a read transaction, whose snapshot is taken by its first
// statement.
func (r *readers) view(ctx context.Context, fn func(*session) error) error {
	c, err := r.take(ctx)
	if err != nil {
		return err
	}
	if _, err := c.exec("BEGIN"); err != nil {
		r.drop(c)
		return classify(err)
	}
	s := &session{conn: c, readOnly: true}
	defer func() {
		s.end()
		if _, err := c.exec("COMMIT"); err != nil {
			r.drop(c)
			return
		}
		r.slots <- c
	}()
	return fn(s)
}

func (r *readers) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sqlite: view not started: %w", err)
	}
	select {
	case <-r.closing:
		return nil, errClosed()
	default:
	}
	select {
	case c := <-r.slots:
		return r.opened(c)
	case <-r.closing:
		return nil, errClosed()
	case <-ctx.Done():
		return nil, fmt.Errorf("sqlite: view not started: %w", ctx.Err())
	}
}

// opened fills an empty slot.
func (r *readers) opened(c *conn) (*conn, error) {
	if c != nil {
		return c, nil
	}
	c, err := connect(context.Background(), r.db)
	if err != nil {
		r.slots <- nil
	}
	return c, err
}

// drop closes a connection in doubt and empties its slot.
func (r *readers) drop(c *conn) {
	c.discard()
	r.slots <- nil
}

// close refuses new views and waits for those that run.
func (r *readers) close() {
	close(r.closing)
	for range cap(r.slots) {
		if c := <-r.slots; c != nil {
			c.discard()
		}
	}
}

func errClosed() error { return fmt.Errorf("%w: closing", store.ErrUnavailable) }

func ignoreRow(sqlstore.Scan) error { return nil }
