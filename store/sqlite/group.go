package sqlite

import (
	"context"
	"fmt"

	"github.com/panvault/panvault/store"
)

// transact runs the closures and commits. An error means that none of their
// writes happened, or will once the transaction is rolled back.
func (w *writer) transact() error {
	if w.conn == nil {
		c, err := connect(context.Background(), w.db)
		if err != nil {
			return err
		}
		w.conn = c
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	if len(w.group) == 1 {
		return w.alone(w.group[0])
	}
	if w.optimistic {
		clean, err := w.plain()
		if err != nil {
			return err
		}
		if clean {
			return w.exec("COMMIT")
		}
		if err := w.exec("ROLLBACK"); err != nil {
			return err
		}
		if err := w.exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
	}
	for _, j := range w.group {
		if err := w.nested(j); err != nil {
			return err
		}
	}
	return w.exec("COMMIT")
}

// exec runs a statement that ends or begins a transaction.
func (w *writer) exec(query string) error {
	_, err := w.conn.exec(query)
	return classify(err)
}

// alone runs the only closure of a group, which needs no savepoint.
func (w *writer) alone(j *job) error {
	if j.start() {
		s := &session{conn: w.conn}
		j.call(s)
		if s.failed != nil {
			return s.failed
		}
	}
	if !j.keeps() {
		return w.exec("ROLLBACK")
	}
	return w.exec("COMMIT")
}

// plain runs the closures of a group without savepoints. It stops, not clean,
// at the first that failed after it wrote: then all must be undone.
func (w *writer) plain() (clean bool, err error) {
	for _, j := range w.group {
		if !j.start() {
			continue
		}
		s := &session{conn: w.conn}
		j.call(s)
		if s.failed != nil {
			return false, s.failed
		}
		if s.wrote && !j.keeps() {
			return false, nil
		}
	}
	return true, nil
}

// nested runs one closure of several under a savepoint. It returns an error
// when the whole transaction is lost.
func (w *writer) nested(j *job) error {
	if !j.start() {
		return nil
	}
	if err := w.exec("SAVEPOINT closure"); err != nil {
		return err
	}
	s := &session{conn: w.conn}
	j.call(s)
	if s.failed != nil && j.keeps() {
		j.err = s.failed // the closure made light of it
	}
	if !j.keeps() {
		if _, err := w.conn.exec("ROLLBACK TO closure"); err != nil {
			return lost(s.failed, err)
		}
	}
	if _, err := w.conn.exec("RELEASE closure"); err != nil {
		return lost(s.failed, err)
	}
	return nil
}

// lost is the error of a group whose savepoint is gone: SQLite has undone the
// transaction on its own, for the reason that a statement gave before.
func lost(reason, err error) error {
	if reason != nil {
		return reason
	}
	return fmt.Errorf("%w: the transaction is lost (sqlite code %d)", store.ErrUnavailable, code(err))
}

// rollback ends the transaction, if SQLite has not done so already. A
// connection that does not obey is replaced.
func (w *writer) rollback() {
	if w.conn == nil {
		return
	}
	_, err := w.conn.exec("ROLLBACK")
	if err == nil || code(err) == codeError { // "no transaction is active"
		return
	}
	w.conn.discard()
	w.conn = nil
}
