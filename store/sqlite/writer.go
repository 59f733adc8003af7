package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/panvault/panvault/store"
)

// writer is the one goroutine that writes. It commits Updates in groups.
type writer struct {
	queue      *queue
	optimistic bool
	observe    func(Commit)
	log        *slog.Logger
	stopped    chan struct{} // closed when the goroutine has ended

	// Owned by the goroutine.
	db    *sql.DB
	conn  *conn // nil after a failure that left its state in doubt
	turn  *turn
	group []*job
}

func newWriter(db *sql.DB, c *conn, t *turn, o Options) *writer {
	return &writer{
		queue:      newQueue(),
		optimistic: o.Optimistic,
		observe:    o.Observe,
		log:        o.Logger,
		stopped:    make(chan struct{}),
		db:         db,
		conn:       c,
		turn:       t,
	}
}

// do runs fn in a transaction and waits for its commit.
func (w *writer) do(ctx context.Context, fn func(*session) error) error {
	if ctx.Err() != nil {
		return notStarted(ctx)
	}
	j := newJob(ctx, fn)
	if !w.queue.push(j) {
		return errClosed()
	}
	return j.wait()
}

// close finishes the queued work, empties the log and closes the connection.
func (w *writer) close() {
	w.queue.close()
	<-w.stopped
	w.turn.close()
	if w.conn == nil {
		return
	}
	// Another process that reads may keep the log; it is emptied when the
	// last one leaves.
	_, _ = w.conn.query("PRAGMA wal_checkpoint(TRUNCATE)", ignoreRow)
	w.conn.discard()
}

// run takes groups until the queue is closed. A closure that calls
// runtime.Goexit ends this goroutine; another one then goes on.
func (w *writer) run() {
	finished := false
	defer func() {
		if finished {
			close(w.stopped)
			return
		}
		w.rollback()
		w.answer(fmt.Errorf("%w: an update in the same commit ended its goroutine", store.ErrUnavailable))
		go w.run()
	}()
	for {
		w.group = w.queue.take(w.group[:0])
		if len(w.group) == 0 {
			finished = true
			return
		}
		w.commit()
	}
}

// commit runs the group in one transaction and answers it.
func (w *writer) commit() {
	if w.turn.take() {
		defer w.turn.give()
	}
	begun := time.Now()
	err := w.transact()
	if err != nil {
		w.rollback()
		w.log.Warn("commit failed", "closures", len(w.group), "error", err)
	}
	w.observe(Commit{Closures: len(w.group), Duration: time.Since(begun), Err: err})
	w.answer(err)
}

func (w *writer) answer(err error) {
	for _, j := range w.group {
		j.answer(err)
	}
	clear(w.group)
	w.group = w.group[:0]
}
