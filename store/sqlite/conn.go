package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
)

// conn is one connection with its prepared statements, each prepared once. It
// is used by one goroutine at a time. Its errors are the driver's own.
//
// Statements run without the caller's context: the driver would interrupt
// them, which inside a writing transaction undoes the work of others.
type conn struct {
	sql        *sql.Conn
	statements map[string]*sql.Stmt
}

// connect opens a new connection and checks that the settings arrived.
func connect(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, classify(err)
	}
	wrapped := &conn{sql: c, statements: map[string]*sql.Stmt{}}
	if err := wrapped.verify(); err != nil {
		wrapped.discard()
		return nil, err
	}
	return wrapped, nil
}

// verify reads back the settings that durability, erasure and integrity rest on.
func (c *conn) verify() error {
	for _, want := range []struct{ pragma, value string }{
		{"journal_mode", "wal"},
		{"synchronous", "2"},
		{"secure_delete", "1"},
		{"foreign_keys", "1"},
	} {
		var got string
		row := c.sql.QueryRowContext(context.Background(), "PRAGMA "+want.pragma)
		if err := row.Scan(&got); err != nil {
			return classify(err)
		}
		if got != want.value {
			return fmt.Errorf("sqlite: refusing to run: pragma %s is %s, must be %s", want.pragma, got, want.value)
		}
	}
	return nil
}

func (c *conn) prepare(query string) (*sql.Stmt, error) {
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	s, err := c.sql.PrepareContext(context.Background(), query)
	if err == nil {
		c.statements[query] = s
	}
	return s, err
}

// exec runs a statement and reports how many rows it changed.
func (c *conn) exec(query string, args ...any) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement and calls each for its rows. fromEach tells an error
// that each returned from one of the driver.
func (c *conn) query(query string, each func(sqlstore.Scan) error, args ...any) (fromEach bool, err error) {
	s, err := c.prepare(query)
	if err != nil {
		return false, err
	}
	rows, err := s.QueryContext(context.Background(), args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	scan := func(dest ...any) error {
		if err := rows.Scan(dest...); err != nil { // its text quotes the value
			return fmt.Errorf("%w: a column has the wrong type", store.ErrCorrupt)
		}
		return nil
	}
	for rows.Next() {
		if err := each(scan); err != nil {
			return true, err
		}
	}
	return false, rows.Err()
}

// discard closes the connection for good, with whatever transaction it has.
// Its statements come first: database/sql does not track those of a sql.Conn,
// and SQLite keeps the locks of a connection that has open statements. Without
// ErrBadConn the connection would go back to the pool of database/sql.
func (c *conn) discard() {
	for _, s := range c.statements {
		_ = s.Close()
	}
	clear(c.statements)
	_ = c.sql.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.sql.Close()
}
