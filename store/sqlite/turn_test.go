//go:build unix

package sqlite

import (
	"path/filepath"
	"testing"
	"time"
)

// Two that take turns as fast as they can both get theirs, about as often.
func TestTurnsAreShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	greedy, modest := openTurn(path, time.Minute), openTurn(path, time.Minute)
	defer greedy.close()
	defer modest.close()
	started, stop, done := make(chan struct{}), make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				done <- n
				return
			default:
			}
			if greedy.take() {
				if n == 0 {
					close(started)
				}
				time.Sleep(2 * time.Millisecond) // a transaction
				greedy.give()
				n++
			}
			time.Sleep(200 * time.Microsecond) // what an import does in between
		}
	}()
	<-started
	got := 0
	for range 50 {
		if modest.take() {
			modest.give()
			got++
		}
	}
	close(stop)
	if n := <-done; got != 50 || n == 0 {
		t.Errorf("one took %d turns, the other got %d of 50", n, got)
	}
}

// Who waits in vain goes on, and a lock that comes too late is given back.
func TestTurnIsACourtesy(t *testing.T) {
	const patience = 100 * time.Millisecond
	path := filepath.Join(t.TempDir(), "db")
	first, second, third := openTurn(path, patience), openTurn(path, patience), openTurn(path, patience)
	defer first.close()
	defer second.close()
	defer third.close()
	if !first.take() {
		t.Fatal("a free turn is not to be had")
	}
	if second.take() {
		t.Error("two have the turn")
	}
	first.give()
	for _, late := range []*turn{third, second, first} { // the lock that came too late was given back
		for tries := 1; !late.take(); tries++ {
			if tries == 100 {
				t.Fatal("the turn is lost")
			}
		}
		late.give()
	}
	if none := openTurn(filepath.Join(path, "no", "folder"), patience); none.take() {
		t.Error("a turn without a file")
	}
}
