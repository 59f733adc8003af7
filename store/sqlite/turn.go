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
// It is a courtesy and nothing rests on it: who does not get his turn in
// turnWait goes on to SQLite's lock, which keeps transactions apart.
type turn struct {
	file *os.File // nil: there is nothing to take

	mu      sync.Mutex
	pending bool          // a goroutine waits for the lock
	wanted  bool          // and somebody waits for it
	granted chan struct{} // tells him
}

// turnWait is how long a transaction waits for its turn.
const turnWait = time.Second

// openTurn opens the lock file beside the database. Without one there are no
// turns.
func openTurn(database string) *turn {
	file, err := os.OpenFile(database+"-turn", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		file = nil
	}
	return &turn{file: file, granted: make(chan struct{}, 1)}
}

// take waits for the turn and reports whether it has it. One goroutine takes
// and gives.
func (t *turn) take() bool {
	if t.file == nil {
		return false
	}
	if tryLock(t.file) {
		return true
	}
	t.mu.Lock()
	t.wanted = true
	if !t.pending {
		t.pending = true
		go t.wait()
	}
	t.mu.Unlock()
	timer := time.NewTimer(turnWait)
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
func (t *turn) wait() {
	lock(t.file)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = false
	if !t.wanted {
		unlock(t.file)
		return
	}
	t.wanted = false
	t.granted <- struct{}{}
}

// give ends the turn.
func (t *turn) give() { unlock(t.file) }

func (t *turn) close() {
	if t.file != nil {
		_ = t.file.Close() // it holds nothing
	}
}
