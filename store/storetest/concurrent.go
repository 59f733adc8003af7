package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/panvault/panvault/store"
)

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// again runs an Update and repeats it while the backend is busy with others.
func (h *harness) again(fn func(store.Tx) error) error {
	for {
		err := h.Update(h.ctx, fn)
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
	}
}

func concurrentDurable(h *harness) {
	const n = 200
	h.addMerchants(Merchant(0))
	mine := errors.New("mine")
	together(n, func(i int) {
		c, e := Card(i), Event(i)
		write := func(tx store.Tx) error {
			return errors.Join(tx.InsertCard(h.ctx, &c), tx.AppendEvent(h.ctx, &e))
		}
		switch i % 8 {
		case 1: // undone by its error
			err := h.again(func(tx store.Tx) error { return errors.Join(write(tx), mine) })
			if !errors.Is(err, mine) {
				h.Errorf("card %d: got %v, want the closure's error", i, err)
			}
		case 3: // undone by its panic
			value := recovered(func() { _ = h.again(func(tx store.Tx) error { _ = write(tx); panic(i) }) })
			if value != i {
				h.Errorf("card %d: got panic %v, want its own", i, value)
			}
		case 5: // never started
			ctx, cancel := context.WithCancel(h.ctx)
			cancel()
			if err := h.Update(ctx, write); !errors.Is(err, context.Canceled) {
				h.Errorf("card %d: got %v, want %v", i, err, context.Canceled)
			}
		default:
			if err := h.again(write); err != nil {
				h.Errorf("card %d: %v", i, err)
			}
		}
	})
	h.reopen()
	var want []store.Event
	for i := range n {
		switch i % 8 {
		case 1, 3, 5:
			h.miss(func(r store.Reader) error { _, err := r.Card(h.ctx, id(i)); return err })
		default:
			same(h, "card", h.card(id(i)), Card(i))
			want = append(want, Event(i))
		}
	}
	same(h, "events", h.events("", 1000), want)
}

func concurrentConflict(h *harness) {
	h.addMerchants(Merchant(0))
	for round := range 20 {
		h.race("insert", 4, func(tx store.Tx, _ int) error {
			c := Card(round)
			return tx.InsertCard(h.ctx, &c)
		})
	}
}

// race runs fn n times at once, of which one must succeed and the others must
// fail with ErrConflict. It returns the number of the winner.
func (h *harness) race(what string, n int, fn func(tx store.Tx, i int) error) (winner int) {
	h.Helper()
	var mu sync.Mutex
	var won, lost int
	together(n, func(i int) {
		err := h.again(func(tx store.Tx) error { return fn(tx, i) })
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			won++
			winner = i
		case errors.Is(err, store.ErrConflict):
			lost++
		default:
			h.Errorf("%s: %v", what, err)
		}
	})
	if won != 1 || lost != n-1 {
		h.Errorf("%s: got %d winners and %d conflicts, want 1 and %d", what, won, lost, n-1)
	}
	return winner
}

func concurrentCounter(h *harness) {
	const n = 50
	h.addMerchants(Merchant(0))
	together(n, func(int) {
		err := h.again(func(tx store.Tx) error {
			m, err := tx.Merchant(h.ctx, merchantID(0))
			if err != nil {
				return err
			}
			m.TokenTTL++
			return tx.UpdateMerchant(h.ctx, &m)
		})
		if err != nil {
			h.Errorf("update: %v", err)
		}
	})
	if got := h.merchants()[0].TokenTTL; got != n {
		h.Errorf("counter: got %d, want %d", got, n)
	}
}
