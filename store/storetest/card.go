package storetest

import (
	"errors"
	"math"

	"github.com/panvault/panvault/store"
)

func (h *harness) addCards(all ...store.Card) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertCard(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) card(id string) (got store.Card) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Card(h.ctx, id)
		return err
	})
	return got
}

func cardRoundTrip(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	live := Card(1)
	extreme := Card(2)
	extreme.Merchant, extreme.Live = merchantID(1), false
	extreme.CreatedAt, extreme.ExpiresAt, extreme.UsedAt, extreme.AttachedAt = maxTime, maxTime, maxTime, maxTime
	extreme.Customer, extreme.FingerprintID, extreme.PaymentMethod = id(7), id(8), method(9)
	extreme.Brand, extreme.LastDigits, extreme.ChargeStatus = unicode, "0000", unicode
	extreme.ExpiryMonth, extreme.ExpiryYear = 12, 9999
	extreme.KEKVersion, extreme.DEKGeneration = math.MaxUint32, math.MaxUint32
	extreme.WrappedDEK, extreme.SealedPAN, extreme.SealedProfile = random(1024), random(1), random(64<<10)
	extreme.Fingerprint = make([]byte, 32)
	least := store.Card{ID: id(3), Merchant: merchantID(0), LastDigits: "1234", ExpiryMonth: 1, ExpiryYear: 2000,
		Fingerprint: random(32), DEKGeneration: 1, Tag: make([]byte, 20)}
	all := []store.Card{live, extreme, least, destroyed(Card(4))}
	h.addCards(all...)
	h.reopen()
	for _, want := range all {
		same(h, "card", h.card(want.ID), want)
	}
}

func cardErrors(h *harness) {
	h.addMerchants(Merchant(0))
	c := Card(1)
	h.miss(func(r store.Reader) error { _, err := r.Card(h.ctx, c.ID); return err })
	h.addCards(c)
	other := Card(2)
	other.ID = c.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertCard(h.ctx, &other) })
	same(h, "card", h.card(c.ID), c)
}

func cardOwner(h *harness) {
	c := Card(1)
	if err := h.Update(h.ctx, func(tx store.Tx) error { return tx.InsertCard(h.ctx, &c) }); err == nil {
		h.Error("a card of a merchant that does not exist: got no error")
	}
	h.miss(func(r store.Reader) error { _, err := r.Card(h.ctx, c.ID); return err })
}

func cardDestroyed(h *harness) {
	h.addMerchants(Merchant(0))
	c := Card(1)
	c.DeletedAt = 5
	err := h.Update(h.ctx, func(tx store.Tx) error { return tx.InsertCard(h.ctx, &c) })
	if err == nil || errors.Is(err, store.ErrConflict) {
		h.Errorf("a destroyed card that still has its key: got %v, want an error that is no sentinel", err)
	}
}

func cardRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := Card(1)
	rules(h, "card", &good,
		func(tx store.Tx, c *store.Card) error { return tx.InsertCard(h.ctx, c) },
		[]broken[store.Card]{
			{"a short fingerprint id", func(c *store.Card) { c.FingerprintID = marker }},
			{"a long fingerprint id", func(c *store.Card) { c.FingerprintID = string(marked(25)) }},
		})
	same(h, "card", h.card(good.ID), good)
}
