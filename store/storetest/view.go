package storetest

import (
	"context"
	"errors"

	"github.com/panvault/panvault/store"
)

func viewSnapshot(h *harness) {
	h.addMerchants(Merchant(0))
	before := Merchant(0)
	h.view(func(r store.Reader) error {
		got, err := r.Merchant(h.ctx, before.ID) // takes the snapshot
		same(h, "before the update", got, before)
		if err != nil {
			return err
		}
		after := before
		after.Name = "changed beside the view"
		h.update(func(tx store.Tx) error { return tx.UpdateMerchant(h.ctx, &after) })
		h.addMerchants(Merchant(1))
		all, err := r.Merchants(h.ctx)
		same(h, "after the update, in the same view", all, []store.Merchant{before})
		return err
	})
	if got := h.merchants(); len(got) != 2 || got[0].Name == before.Name {
		h.Error("a later view does not see the update")
	}
}

func viewErrors(h *harness) {
	want := errors.New("mine")
	if err := h.View(h.ctx, func(store.Reader) error { return want }); err != want {
		h.Errorf("got %v, want the error of the closure as it is", err)
	}
	for range 100 { // more than there are readers
		if got := recovered(func() { _ = h.View(h.ctx, func(store.Reader) error { panic("mine") }) }); got != "mine" {
			h.Fatalf("panic: got %v, want that of the closure", got)
		}
	}
	var kept store.Reader
	h.view(func(r store.Reader) error { kept = r; return nil })
	if _, err := kept.Merchants(h.ctx); err == nil {
		h.Error("a reader used after its view: got no error")
	}
}

func viewContext(h *harness) {
	ctx, cancel := context.WithCancel(h.ctx)
	cancel()
	ran := false
	err := h.View(ctx, func(store.Reader) error { ran = true; return nil })
	if !errors.Is(err, context.Canceled) || ran {
		h.Errorf("cancelled before: got %v (ran: %v), want %v", err, ran, context.Canceled)
	}
	h.merchants()
}

// recovered runs fn and returns the value of its panic, nil if it has none.
func recovered(fn func()) (value any) {
	defer func() { value = recover() }()
	fn()
	return nil
}
