package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// panicked is the outcome of a closure that did.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// together pushes the closures so that they share one commit: it holds the
// writer inside an Update of its own while they queue, in order. It returns
// their errors.
func together(t *testing.T, s *Store, fns ...func(store.Tx) error) []error {
	t.Helper()
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Update(context.Background(), func(store.Tx) error {
			close(begun)
			<-release
			return nil
		})
		if err != nil {
			t.Errorf("holding the writer: %v", err)
		}
	})
	<-begun
	errs := make([]error, len(fns))
	for i, fn := range fns {
		wg.Go(func() {
			defer func() {
				if value := recover(); value != nil {
					errs[i] = panicked{value}
				}
			}()
			errs[i] = s.Update(context.Background(), fn)
		})
		waitFor(t, func() bool { return s.waiting() == i+1 })
	}
	close(release)
	wg.Wait()
	return errs
}

func (s *Store) waiting() int {
	s.writer.queue.mu.Lock()
	defer s.writer.queue.mu.Unlock()
	return len(s.writer.queue.jobs)
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatal("timed out")
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// card returns a closure that inserts Card(n).
func card(n int) func(store.Tx) error {
	c := storetest.Card(n)
	return func(tx store.Tx) error { return tx.InsertCard(context.Background(), &c) }
}

// recorder collects what Observe is told.
type recorder struct {
	mu      sync.Mutex
	commits []Commit
}

func (r *recorder) observe(c Commit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commits = append(r.commits, c)
}

func (r *recorder) last() Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.commits[len(r.commits)-1]
}

func TestGroupSharesOneCommit(t *testing.T) {
	var rec recorder
	s, _ := fresh(t, Options{Observe: rec.observe})
	mine := errors.New("mine")
	errs := together(t, s, card(1), func(tx store.Tx) error {
		return errors.Join(card(2)(tx), mine)
	}, card(3), card(3), card(4))
	for i, want := range []error{nil, mine, nil, store.ErrConflict, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("closure %d: got %v, want %v", i, errs[i], want)
		}
	}
	for n, want := range map[int]bool{1: true, 2: false, 3: true, 4: true} {
		if got := has(t, s, n); got != want {
			t.Errorf("card %d: got %v, want %v", n, got, want)
		}
	}
	if c := rec.last(); c.Closures != 5 || c.Err != nil || c.Duration <= 0 {
		t.Errorf("observed %+v, want 5 closures in one commit", c)
	}
}

func TestGroupSizeIsLimited(t *testing.T) {
	var rec recorder
	s, _ := fresh(t, Options{Observe: rec.observe})
	const n = maxGroup + 43
	var fns []func(store.Tx) error
	for i := range n {
		fns = append(fns, card(i))
	}
	for i, err := range together(t, s, fns...) {
		if err != nil || !has(t, s, i) {
			t.Errorf("card %d: %v", i, err)
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	sizes := rec.commits[len(rec.commits)-2:]
	if sizes[0].Closures != maxGroup || sizes[1].Closures != 43 {
		t.Errorf("got groups of %d and %d, want %d and 43", sizes[0].Closures, sizes[1].Closures, maxGroup)
	}
}

func TestPanicInAGroup(t *testing.T) {
	s, _ := fresh(t, Options{})
	// Two closures in one commit: one panics, in the goroutine of its caller.
	errs := together(t, s, card(1), func(tx store.Tx) error {
		_ = card(2)(tx)
		panic("mine")
	}, card(3))
	if p, ok := errs[1].(panicked); !ok || p.value != "mine" || errs[0] != nil || errs[2] != nil {
		t.Errorf("got %v, want only the second to panic", errs)
	}
	for n, want := range map[int]bool{1: true, 2: false, 3: true} {
		if got := has(t, s, n); got != want {
			t.Errorf("card %d: got %v, want %v", n, got, want)
		}
	}
}

func TestGoexitInAClosure(t *testing.T) {
	s, _ := fresh(t, Options{})
	ended := make(chan bool, 1)
	go func() {
		defer func() { ended <- true }()
		_ = s.Update(context.Background(), func(tx store.Tx) error {
			_ = card(1)(tx)
			runtime.Goexit()
			return nil
		})
		t.Error("Update returned after runtime.Goexit in its closure")
	}()
	<-ended
	if has(t, s, 1) {
		t.Error("the card is there")
	}
	if err := insert(t, s, 2); err != nil || !has(t, s, 2) {
		t.Errorf("the writer did not go on: %v", err)
	}
}

func TestGoexitFailsItsGroup(t *testing.T) {
	s, _ := fresh(t, Options{})
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Update(context.Background(), func(store.Tx) error { close(begun); <-release; return nil })
	})
	<-begun
	var before, after error
	wg.Go(func() { before = s.Update(context.Background(), card(1)) })
	waitFor(t, func() bool { return s.waiting() == 1 })
	wg.Go(func() {
		_ = s.Update(context.Background(), func(store.Tx) error { runtime.Goexit(); return nil })
	})
	waitFor(t, func() bool { return s.waiting() == 2 })
	wg.Go(func() { after = s.Update(context.Background(), card(2)) })
	waitFor(t, func() bool { return s.waiting() == 3 })
	close(release)
	wg.Wait()
	for n, err := range map[int]error{1: before, 2: after} {
		if !errors.Is(err, store.ErrUnavailable) || has(t, s, n) {
			t.Errorf("card %d: got %v, want %v and no card", n, err, store.ErrUnavailable)
		}
	}
	if err := insert(t, s, 3); err != nil {
		t.Errorf("the writer did not go on: %v", err)
	}
}

func TestCancelledWhileQueued(t *testing.T) {
	s, _ := fresh(t, Options{})
	begun, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.Update(context.Background(), func(store.Tx) error { close(begun); <-release; return nil })
	})
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	outcome := make(chan error, 1)
	ran := false
	go func() {
		outcome <- s.Update(ctx, func(tx store.Tx) error { ran = true; return card(1)(tx) })
	}()
	waitFor(t, func() bool { return s.waiting() == 1 })
	cancel()
	if err := <-outcome; !errors.Is(err, context.Canceled) { // before the writer is free
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	close(release)
	wg.Wait()
	if err := insert(t, s, 2); err != nil {
		t.Error(err)
	}
	if ran || has(t, s, 1) {
		t.Error("a cancelled closure ran")
	}
}

func TestCancelledWhileRunningCommits(t *testing.T) {
	s, _ := fresh(t, Options{})
	for n := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Update(ctx, func(tx store.Tx) error {
			cancel()
			c := storetest.Card(n)
			return tx.InsertCard(ctx, &c)
		})
		if err != nil || !has(t, s, n) {
			t.Errorf("card %d: got %v, want it committed", n, err)
		}
	}
}

// Without savepoints, a closure that fails after it wrote makes the others run
// again; one that fails before does not.
func TestOptimisticGroup(t *testing.T) {
	var rec recorder
	s, _ := fresh(t, Options{Optimistic: true, Observe: rec.observe})
	mine := errors.New("mine")
	var runs [6]int
	counted := func(i int, fn func(store.Tx) error) func(store.Tx) error {
		return func(tx store.Tx) error { runs[i]++; return fn(tx) }
	}
	errs := together(t, s,
		counted(0, card(1)),
		counted(1, func(store.Tx) error { return mine }),
		counted(2, card(1)), // a conflict undoes its own statement
		counted(3, func(tx store.Tx) error { return errors.Join(card(2)(tx), mine) }),
		counted(4, card(2)),
		counted(5, func(tx store.Tx) error { _ = card(3)(tx); panic("mine") }))
	for i, want := range []error{nil, mine, store.ErrConflict, mine, nil, panicked{"mine"}} {
		if !errors.Is(errs[i], want) {
			t.Errorf("closure %d: got %v, want %v", i, errs[i], want)
		}
	}
	if want := [6]int{2, 1, 1, 1, 1, 1}; runs != want {
		t.Errorf("runs: got %v, want %v", runs, want)
	}
	for n, want := range map[int]bool{1: true, 2: true, 3: false} {
		if got := has(t, s, n); got != want {
			t.Errorf("card %d: got %v, want %v", n, got, want)
		}
	}
	if c := rec.last(); c.Closures != 6 || c.Err != nil {
		t.Errorf("observed %+v, want 6 closures in one commit", c)
	}
}

func TestPlaceholders(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"SELECT 1", "SELECT 1"},
		{"a = $1", "a = ?"},
		{"($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{"a = $1 AND b = $2 AND c < $1", "a = ? AND b = ? AND c < ?1"},
		{"a = $2 AND b = $1", "a = ?2 AND b = ?"},
	} {
		if got := placeholders(test.in); got != test.want {
			t.Errorf("%s: got %s, want %s", test.in, got, test.want)
		}
	}
}
