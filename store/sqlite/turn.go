package sqlite

import (
	"os"
	"sync"
	"time"
)

// turn lets processes that write one database take turns. SQLite's own waiting
// looks for a free moment ten times a second at best, so a process that commits
// without a pause, like an import, would keep a server waiting until it gives
// up. Here who waits is woken when the other's transaction ends.
//
// It is a courtesy and nothing rests on it: who does not get his turn in time
// goes on to SQLite's lock, which keeps transactions apart.
type turn struct {
	patience time.Duration
	granted  chan struct{}

	mu      sync.Mutex
	file    *os.File // nil: there is nothing to take
	pending bool     // a goroutine waits for the lock
	wanted  bool     // and somebody waits for it
	closed  bool
}

// openTurn opens the lock file beside the database. Without one there are no
// turns.
func openTurn(database string, patience time.Duration) *turn {
	file, err := os.OpenFile(database+"-turn", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		file = nil
	}
	return &turn{patience: patience, granted: make(chan struct{}, 1), file: file}
}

// take waits for the turn and reports whether it has it. One goroutine takes
// and gives.
func (t *turn) take() bool {
	t.mu.Lock()
	switch {
	case t.file == nil:
		t.mu.Unlock()
		return false
	case !t.pending && tryLock(t.file):
		t.mu.Unlock()
		return true
	case !t.pending:
		t.pending = true
		go t.wait(t.file)
	}
	t.wanted = true
	t.mu.Unlock()
	timer := time.NewTimer(t.patience)
	defer timer.Stop()
	select {
	case <-t.granted:
		return true
	case <-timer.C:
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.wanted { // it came at the last moment
		<-t.granted
		return true
	}
	t.wanted = false
	return false
}

// wait gets the lock, and gives it back if nobody wants it any more.
func (t *turn) wait(file *os.File) {
	lock(file)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = false
	if t.wanted {
		t.wanted = false
		t.granted <- struct{}{}
		return
	}
	unlock(file)
	t.finish()
}

// give ends the turn.
func (t *turn) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	unlock(t.file)
}

// close gives the file up, once no goroutine waits for its lock.
func (t *turn) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.finish()
}

func (t *turn) finish() {
	if t.closed && !t.pending && t.file != nil {
		_ = t.file.Close() // its lock goes with it
		t.file = nil
	}
}
