package storetest

import (
	"errors"

	"github.com/panvault/panvault/store"
)

func checkAndScrub(h *harness) {
	h.addMerchants(Merchant(0))
	for range 3 {
		if err := h.Check(h.ctx); err != nil {
			h.Errorf("check: %v", err)
		}
		if err := h.Scrub(h.ctx); err != nil {
			h.Errorf("scrub: %v", err)
		}
	}
	same(h, "merchants", h.merchants(), []store.Merchant{Merchant(0)})
	if got := h.events("", 10); len(got) != 0 {
		h.Errorf("check left %d events", len(got))
	}
	h.reopen()
	same(h, "merchants", h.merchants(), []store.Merchant{Merchant(0)})
}

func closeStore(h *harness) {
	closed := h.Store
	begun, finish := make(chan struct{}), make(chan struct{})
	outcome := make(chan error, 1)
	go func() {
		outcome <- closed.Update(h.ctx, func(tx store.Tx) error {
			close(begun)
			<-finish
			m := Merchant(0)
			return tx.InsertMerchant(h.ctx, &m)
		})
	}()
	<-begun
	done := make(chan error, 1)
	go func() { done <- closed.Close() }()
	select {
	case <-done:
		h.Error("close did not wait for the update")
	default:
	}
	close(finish)
	if err := <-outcome; err != nil {
		h.Errorf("update at the time of close: %v", err)
	}
	if err := <-done; err != nil {
		h.Errorf("close: %v", err)
	}
	if err := closed.Close(); err != nil {
		h.Errorf("close again: %v", err)
	}
	for name, err := range map[string]error{
		"update": closed.Update(h.ctx, func(store.Tx) error { return nil }),
		"view":   closed.View(h.ctx, func(store.Reader) error { return nil }),
		"check":  closed.Check(h.ctx),
		"scrub":  closed.Scrub(h.ctx),
	} {
		if !errors.Is(err, store.ErrUnavailable) {
			h.Errorf("%s after close: got %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	h.Store = h.open()
	same(h, "merchants", h.merchants(), []store.Merchant{Merchant(0)})
}
