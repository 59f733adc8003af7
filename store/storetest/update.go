package storetest

import (
	"context"
	"errors"

	"github.com/panvault/panvault/store"
)

func updateReadsOwn(h *harness) {
	h.update(func(tx store.Tx) error {
		m, c := Merchant(0), Card(1)
		if err := tx.InsertMerchant(h.ctx, &m); err != nil {
			return err
		}
		if err := tx.InsertCard(h.ctx, &c); err != nil {
			return err
		}
		got, err := tx.Card(h.ctx, c.ID)
		same(h, "card", got, c)
		if _, err := tx.Card(h.ctx, id(9)); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("got %v, want %v", err, store.ErrNotFound)
		}
		return err
	})
	same(h, "card after the commit", h.card(id(1)), Card(1))
}

func updateError(h *harness) {
	want := errors.New("mine")
	err := h.Update(h.ctx, func(tx store.Tx) error {
		m, e := Merchant(0), Event(0)
		return errors.Join(tx.InsertMerchant(h.ctx, &m), tx.AppendEvent(h.ctx, &e), want)
	})
	if !errors.Is(err, want) {
		h.Errorf("got %v, want the error of the closure", err)
	}
	if err := h.Update(h.ctx, func(store.Tx) error { return want }); err != want {
		h.Errorf("got %v, want the error of the closure as it is", err)
	}
	h.nothing()
	h.addMerchants(Merchant(0))
}

// nothing checks that no merchant and no event is there.
func (h *harness) nothing() {
	h.Helper()
	if m, e := h.merchants(), h.events("", 10); len(m) != 0 || len(e) != 0 {
		h.Errorf("got %d merchants and %d events, want none", len(m), len(e))
	}
}

func updateGoesOn(h *harness) {
	h.addMerchants(Merchant(0))
	h.update(func(tx store.Tx) error {
		again, next := Merchant(0), Merchant(1)
		if err := tx.InsertMerchant(h.ctx, &next); err != nil {
			return err
		}
		if err := tx.InsertMerchant(h.ctx, &again); !errors.Is(err, store.ErrConflict) {
			h.Errorf("got %v, want %v", err, store.ErrConflict)
		}
		_, err := tx.Merchant(h.ctx, next.ID)
		return err
	})
	same(h, "merchants", h.merchants(), []store.Merchant{Merchant(0), Merchant(1)})
}

func updatePanic(h *harness) {
	type mine struct{ n int }
	for i := range 3 {
		value := recovered(func() {
			_ = h.Update(h.ctx, func(tx store.Tx) error {
				m, e := Merchant(0), Event(0)
				if err := errors.Join(tx.InsertMerchant(h.ctx, &m), tx.AppendEvent(h.ctx, &e)); err != nil {
					return err
				}
				panic(mine{i})
			})
		})
		if value != (mine{i}) {
			h.Errorf("panic: got %v, want that of the closure", value)
		}
	}
	h.nothing()
	h.addMerchants(Merchant(0))
	h.reopen()
	same(h, "merchants", h.merchants(), []store.Merchant{Merchant(0)})
}

func updateContext(h *harness) {
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	ran := false
	err := h.Update(ctx, func(store.Tx) error { ran = true; return nil })
	if !errors.Is(err, context.Canceled) || ran {
		h.Errorf("cancelled before: got %v (ran: %v), want %v", err, ran, context.Canceled)
	}

	// Cancelled while it runs, the outcome is the true one.
	ctx, cancel = context.WithCancel(h.ctx)
	err = h.Update(ctx, func(tx store.Tx) error {
		cancel()
		m := Merchant(0)
		return tx.InsertMerchant(ctx, &m)
	})
	if got := len(h.merchants()); (err == nil) != (got == 1) {
		h.Errorf("cancelled while running: got %v and %d rows", err, got)
	}
	h.addMerchants(Merchant(1))
}

func updateTooLate(h *harness) {
	var kept store.Tx
	h.update(func(tx store.Tx) error { kept = tx; return nil })
	m := Merchant(0)
	if err := kept.InsertMerchant(h.ctx, &m); err == nil {
		h.Error("a transaction used after its update: got no error")
	}
	h.nothing()
}
