package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/storetest"
)

// big returns Card(n) with a sealed profile of so many bytes.
func big(n, size int) store.Card {
	c := storetest.Card(n)
	c.SealedProfile = []byte(strings.Repeat("x", size))
	return c
}

func insertBig(n, size int) func(store.Tx) error {
	c := big(n, size)
	return func(tx store.Tx) error { return tx.InsertCard(context.Background(), &c) }
}

// limit lets the database grow by so many pages of 4 KiB from now on.
func limit(t *testing.T, s *Store, pages int) {
	t.Helper()
	var now int
	if _, err := fmt.Sscan(pragma(t, s, "page_count"), &now); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, s, fmt.Sprintf("PRAGMA max_page_count = %d", now+pages)); err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskAlone(t *testing.T) {
	var rec recorder
	s, _ := fresh(t, Options{Observe: rec.observe})
	limit(t, s, 2)
	err := s.Update(t.Context(), insertBig(1, 64<<10))
	if !errors.Is(err, store.ErrFull) || whole(t, s, big(1, 64<<10)) {
		t.Errorf("got %v, want %v and no card", err, store.ErrFull)
	}
	if got := rec.last().Err; !errors.Is(got, store.ErrFull) {
		t.Errorf("observed %v, want %v", got, store.ErrFull)
	}
	if err := insert(t, s, 2); err != nil || !has(t, s, 2) {
		t.Errorf("a small card fits: %v", err)
	}
	limit(t, s, 100)
	if err := s.Update(t.Context(), insertBig(1, 64<<10)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	integrity(t, s)
}

// A full disk makes SQLite undo the whole transaction: no closure of the group
// may hear that its work is done.
func TestFullDiskInTheMiddleOfAGroup(t *testing.T) {
	for name, o := range modes {
		t.Run(name, func(t *testing.T) { fullDiskInTheMiddle(t, o) })
	}
}

func fullDiskInTheMiddle(t *testing.T, o Options) {
	s, _ := fresh(t, o)
	for _, swallow := range []bool{false, true} {
		limit(t, s, 2)
		middle := func(tx store.Tx) error {
			err := insertBig(2, 64<<10)(tx)
			if !errors.Is(err, store.ErrFull) {
				t.Errorf("middle: got %v, want %v", err, store.ErrFull)
			}
			if !swallow {
				return err
			}
			// A closure that goes on must not write outside the transaction.
			if err := card(4)(tx); !errors.Is(err, store.ErrFull) {
				t.Errorf("after the failure: got %v, want %v", err, store.ErrFull)
			}
			return nil
		}
		for i, err := range together(t, s, card(1), middle, card(3)) {
			if !errors.Is(err, store.ErrFull) {
				t.Errorf("swallow %v, closure %d: got %v, want %v", swallow, i, err, store.ErrFull)
			}
		}
		for n := 1; n <= 4; n++ {
			if has(t, s, n) {
				t.Errorf("swallow %v: card %d is there", swallow, n)
			}
		}
		limit(t, s, 100)
		for i, err := range together(t, s, card(10), card(11)) {
			if err != nil && !swallow {
				t.Errorf("with room again, closure %d: %v", i, err)
			}
		}
	}
	if !has(t, s, 10) || !has(t, s, 11) {
		t.Error("the cards that were acknowledged are gone")
	}
	integrity(t, s)
}

// A commit that is refused is refused to everyone in it.
func TestCommitFails(t *testing.T) {
	for name, o := range modes {
		s, _ := fresh(t, o)
		hook := func(result int32) error { // on the writer's own goroutine
			return s.writer.conn.sql.Raw(func(c any) error {
				c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { return result })
				return nil
			})
		}
		refused := func(n int) func(store.Tx) error {
			return func(tx store.Tx) error { return errors.Join(hook(1), card(n)(tx)) }
		}
		allow := func() {
			err := s.Update(t.Context(), func(store.Tx) error { return errors.Join(hook(0), errUndo) })
			if !errors.Is(err, errUndo) {
				t.Fatal(err)
			}
		}
		if err := s.Update(t.Context(), refused(1)); err == nil || has(t, s, 1) {
			t.Errorf("%s: alone: got %v, want an error and no card", name, err)
		}
		allow()
		mine := errors.New("mine")
		errs := together(t, s, card(1), func(store.Tx) error { return mine }, refused(2))
		if errs[0] == nil || !errors.Is(errs[1], mine) || errs[2] == nil || has(t, s, 1) || has(t, s, 2) {
			t.Errorf("%s: got %v, want every closure to fail, the second with its own error", name, errs)
		}
		allow()
		if err := insert(t, s, 1); err != nil || !has(t, s, 1) {
			t.Errorf("%s: the writer did not recover: %v", name, err)
		}
	}
}

// An error that costs only its own statement leaves the group alone, even if
// the closure that met it writes on.
func TestBrokenRuleInTheMiddleOfAGroup(t *testing.T) {
	s, _ := fresh(t, Options{})
	errs := together(t, s, card(1), func(tx store.Tx) error {
		bad := storetest.Card(2)
		bad.Tag = nil
		if err := tx.InsertCard(context.Background(), &bad); err == nil {
			t.Error("a card without a tag: got no error")
		}
		return card(3)(tx)
	}, card(4))
	for i, err := range errs {
		if err != nil {
			t.Errorf("closure %d: %v", i, err)
		}
	}
	for _, n := range []int{1, 3, 4} {
		if !has(t, s, n) {
			t.Errorf("card %d is missing", n)
		}
	}
}

// Whatever breaks the transaction under the writer, nobody is told yes.
func TestLostTransaction(t *testing.T) {
	for _, query := range []string{"ROLLBACK", "COMMIT", "RELEASE closure"} {
		s, _ := fresh(t, Options{})
		errs := together(t, s, card(1), func(tx store.Tx) error { return card(2)(tx) }, card(3))
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		broken := func(store.Tx) error {
			_, _ = s.writer.conn.exec(query) // on the writer's own goroutine
			return errors.New("mine")
		}
		errs = together(t, s, card(5), broken, card(6))
		if errs[0] == nil || errs[2] == nil {
			t.Errorf("%s: got %v, want no success", query, errs)
		}
		if err := insert(t, s, 7); err != nil || !has(t, s, 7) {
			t.Errorf("%s: the writer did not recover: %v", query, err)
		}
	}
}

// A writer whose connection is gone opens another one.
func TestLostConnection(t *testing.T) {
	s, _ := fresh(t, Options{})
	err := s.Update(t.Context(), func(tx store.Tx) error {
		s.writer.conn.discard()
		return card(1)(tx)
	})
	if !errors.Is(err, store.ErrUnavailable) || has(t, s, 1) {
		t.Errorf("got %v, want %v and no card", err, store.ErrUnavailable)
	}
	if err := insert(t, s, 2); err != nil || !has(t, s, 2) {
		t.Errorf("the writer did not recover: %v", err)
	}
	if got := pragma(t, s, "synchronous"); got != "2" {
		t.Errorf("synchronous of the new connection: %s", got)
	}
}

// A reader whose connection is gone leaves an empty slot, not a broken one.
func TestLostReader(t *testing.T) {
	s, _ := fresh(t, Options{Readers: 1})
	for range 3 {
		err := s.readers.view(t.Context(), func(q *session) error {
			q.conn.discard()
			return q.Query(t.Context(), "SELECT id FROM merchants", ignoreRow)
		})
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, store.ErrUnavailable)
		}
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("the next view: %v", err)
		}
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	const busy = 50 * time.Millisecond
	s, path := fresh(t, Options{BusyTimeout: busy})
	other := open(t, path, Options{})
	defer other.Close()
	err := other.Update(t.Context(), func(store.Tx) error {
		begun := time.Now()
		errs := make(chan error, 2)
		for n := range 2 {
			go func() { errs <- s.Update(context.Background(), card(1+n)) }()
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("got %v, want %v", err, store.ErrUnavailable)
			}
		}
		if took := time.Since(begun); took < busy {
			t.Errorf("gave up after %v, want at least %v", took, busy)
		}
		return nil
	})
	if err != nil {
		t.Errorf("the other process: %v", err)
	}
	if has(t, s, 1) || has(t, s, 2) {
		t.Error("a card that was refused is there")
	}
	if err := insert(t, s, 1); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func TestTwoProcessesWriteAtTheSameTime(t *testing.T) {
	a, path := fresh(t, Options{})
	b := open(t, path, Options{})
	defer b.Close()
	const each = 100
	done := make(chan error, 2*each)
	for n := range each {
		go func() { done <- insert(t, a, 2*n) }()
		go func() { done <- insert(t, b, 2*n+1) }()
	}
	for range 2 * each {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for n := range 2 * each {
		if !has(t, a, n) || !has(t, b, n) {
			t.Errorf("card %d is missing", n)
		}
	}
	integrity(t, a)
}

func TestManyOpenAnEmptyFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "panvault.db")
	const n = 6
	stores, errs := make([]*Store, n), make([]error, n)
	done := make(chan int)
	for i := range n {
		go func() {
			stores[i], errs[i] = Open(context.Background(), path, Options{Migrate: true})
			done <- i
		}()
	}
	for range n {
		<-done
	}
	for i := range n {
		if errs[i] != nil {
			t.Errorf("opener %d: %v", i, errs[i])
			continue
		}
		if err := stores[i].Close(); err != nil {
			t.Errorf("closer %d: %v", i, err)
		}
	}
}
