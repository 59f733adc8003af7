package storetest

import (
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addMerchants(all ...store.Merchant) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertMerchant(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) merchants() (got []store.Merchant) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Merchants(h.ctx)
		return err
	})
	return got
}

func merchantRoundTrip(h *harness) {
	full := store.Merchant{ID: merchantID(1), Name: unicode, CreatedAt: 1, DisabledAt: maxTime,
		ShowFirstDigits: true, HideFingerprint: true, TokenTTL: maxTime, PaymentMID: unicode, Tag: random(20)}
	for _, want := range []store.Merchant{
		full,
		{ID: merchantID(2), Name: "x", Tag: make([]byte, 20)},
		{ID: merchantID(3), Name: strings.Repeat("é", 255), ShowFirstDigits: true, PaymentMID: strings.Repeat("é", 255), Tag: random(20)},
		{ID: merchantID(4), Name: "y", HideFingerprint: true, Tag: random(20)},
	} {
		h.addMerchants(want)
		h.reopen()
		h.view(func(r store.Reader) error {
			got, err := r.Merchant(h.ctx, want.ID)
			same(h, "merchant", got, want)
			return err
		})
	}
}

func merchantOrder(h *harness) {
	if got := h.merchants(); len(got) != 0 {
		h.Errorf("merchants of an empty store: got %d rows", len(got))
	}
	first, second, third := Merchant(3), Merchant(1), Merchant(2)
	first.CreatedAt, second.CreatedAt, third.CreatedAt = 10, 20, 20
	h.addMerchants(third, second, first)
	same(h, "merchants", h.merchants(), []store.Merchant{first, second, third})
}

func merchantErrors(h *harness) {
	m := Merchant(0)
	h.miss(func(r store.Reader) error { _, err := r.Merchant(h.ctx, m.ID); return err })
	h.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateMerchant(h.ctx, &m) })
	h.addMerchants(m)
	other := m
	other.Name = "another"
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertMerchant(h.ctx, &other) })
	same(h, "merchants", h.merchants(), []store.Merchant{m})
}

func merchantUpdate(h *harness) {
	kept, changed := Merchant(0), Merchant(1)
	h.addMerchants(kept, changed)
	changed.Name, changed.DisabledAt, changed.TokenTTL, changed.Tag = "renamed", 7, 8, random(20)
	changed.ShowFirstDigits, changed.HideFingerprint, changed.PaymentMID = true, true, "mid"
	h.update(func(tx store.Tx) error { return tx.UpdateMerchant(h.ctx, &changed) })
	same(h, "merchants", h.merchants(), []store.Merchant{kept, changed})
}

func merchantRules(h *harness) {
	good := Merchant(0)
	rules(h, "merchant", &good,
		func(tx store.Tx, m *store.Merchant) error { return tx.InsertMerchant(h.ctx, m) },
		[]broken[store.Merchant]{
			{"a long payment id", func(m *store.Merchant) { m.PaymentMID = string(marked(256)) }},
		})
	same(h, "merchants", h.merchants(), []store.Merchant{good})
}
