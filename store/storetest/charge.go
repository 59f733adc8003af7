package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/panvault/panvault/store"
)

// charge is one that is under way.
func charge(n int) store.Charge {
	return store.Charge{ID: id(n), Merchant: merchantID(0), Live: true, Card: id(n + 100), Brand: "Visa", LastDigits: "4242",
		Amount: 10000, Currency: "thb", State: store.ChargePending, Attempt: id(n + 200), Sealed: random(64),
		CreatedAt: int64(n + 1), Tag: random(20)}
}

func (h *harness) addCharges(all ...store.Charge) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertCharge(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) charge(id string) (got store.Charge) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Charge(h.ctx, id)
		return err
	})
	return got
}

func (h *harness) charges(p store.Page) (got []store.Charge) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Charges(h.ctx, merchantID(0), true, p)
		return err
	})
	return got
}

func chargeRoundTrip(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	full := charge(1)
	full.Customer, full.Capture, full.State, full.Reference = id(9), true, store.ChargeReversed, "pay_1"
	full.PaidAt, full.ReversedAt = 5, 6
	extreme := charge(2)
	extreme.Merchant, extreme.Live, extreme.State = merchantID(1), false, store.ChargeFailed
	extreme.Brand, extreme.LastDigits, extreme.Currency = unicode, "0000", "éÉ฿"
	extreme.FailureCode, extreme.Reference = strings.Repeat("é", 255), strings.Repeat("é", 255)
	extreme.Amount, extreme.CreatedAt, extreme.PaidAt, extreme.ReversedAt, extreme.Sealed = maxTime, maxTime, maxTime, maxTime, random(64<<10)
	odd := charge(3)
	odd.FailureCode, odd.Reference, odd.State = unicode, unicode, store.ChargeAuthorized
	least := store.Charge{ID: id(4), Merchant: merchantID(0), Card: id(5), LastDigits: "0000", Amount: 1, Currency: "THB",
		State: store.ChargeSuccessful, Sealed: []byte{0}, Tag: make([]byte, 20)}
	for _, want := range []store.Charge{full, extreme, odd, least, charge(5)} {
		h.addCharges(want)
		h.reopen()
		same(h, "charge", h.charge(want.ID), want)
	}
}

func chargeErrors(h *harness) {
	c := charge(1)
	h.miss(func(r store.Reader) error { _, err := r.Charge(h.ctx, c.ID); return err })
	if err := h.Update(h.ctx, func(tx store.Tx) error { return tx.InsertCharge(h.ctx, &c) }); err == nil {
		h.Error("a charge of a merchant that does not exist: got no error")
	}
	h.addMerchants(Merchant(0))
	h.addCharges(c)
	other := charge(2)
	other.ID = c.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertCharge(h.ctx, &other) })
	same(h, "charge", h.charge(c.ID), c)
}

func chargeUpdate(h *harness) {
	h.addMerchants(Merchant(0))
	kept, was := charge(1), charge(2)
	h.addCharges(kept, was)
	changed := was
	changed.State, changed.FailureCode, changed.Reference, changed.Attempt = store.ChargeReversed, "x", "pay_2", ""
	changed.Sealed, changed.PaidAt, changed.ReversedAt, changed.Tag = random(99), 70, 80, random(20)

	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCharge(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = id(98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCharge(h.ctx, &absent, was.Tag) })
	same(h, "charge before", h.charge(was.ID), was)

	submitted := changed // what was asked for is kept, whatever the caller passes
	submitted.Merchant, submitted.Live, submitted.Card, submitted.Customer = merchantID(9), false, id(9), id(9)
	submitted.Brand, submitted.LastDigits, submitted.Amount, submitted.Currency = "JCB", "9999", 1, "usd"
	submitted.Capture, submitted.CreatedAt = true, 999
	h.update(func(tx store.Tx) error { return tx.UpdateCharge(h.ctx, &submitted, was.Tag) })
	same(h, "charge after", h.charge(was.ID), changed)
	same(h, "another charge", h.charge(kept.ID), kept)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCharge(h.ctx, &was, was.Tag) })
}

// chargeRace: of those who change a charge, one does.
func chargeRace(h *harness) {
	h.addMerchants(Merchant(0))
	for round := range 10 {
		was := charge(round)
		h.addCharges(was)
		var next [4]store.Charge
		for i := range next {
			next[i] = was
			next[i].State, next[i].PaidAt, next[i].Tag = store.ChargeSuccessful, int64(i+1), random(20)
		}
		winner := h.race("capture", len(next), func(tx store.Tx, i int) error { return tx.UpdateCharge(h.ctx, &next[i], was.Tag) })
		same(h, "charge", h.charge(was.ID), next[winner])
	}
}

// chargePages: each merchant and mode has a list of its own, in pages that
// neither lose nor repeat a row.
func chargePages(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	var want []string
	for n := range 7 {
		c := charge(n)
		c.CreatedAt = int64(10 + n/3)
		h.addCharges(c)
		want = append(want, c.ID)
	}
	test, other := charge(7), charge(8)
	test.Live, test.CreatedAt = false, 10
	other.Merchant, other.CreatedAt = merchantID(1), 10
	h.addCharges(test, other)
	for limit := 1; limit <= 8; limit++ {
		for _, newest := range []bool{false, true} {
			var got []string
			for offset := 0; ; offset += limit {
				rows := h.charges(store.Page{To: maxTime, Newest: newest, Offset: offset, Limit: limit})
				for _, c := range rows {
					got = append(got, c.ID)
				}
				if len(rows) < limit {
					break
				}
			}
			same(h, "pages of charges", got, order(want, newest))
		}
	}
	for _, p := range []struct {
		from, to int64
		want     int
	}{{0, 9, 0}, {10, 10, 3}, {11, 11, 3}, {11, 12, 4}, {12, maxTime, 1}, {13, maxTime, 0}} {
		page := store.Page{From: p.from, To: p.to, Limit: 100}
		if got := h.charges(page); len(got) != p.want {
			h.Errorf("charges made from %d to %d: got %d, want %d", p.from, p.to, len(got), p.want)
		}
		h.view(func(r store.Reader) error {
			n, err := r.CountCharges(h.ctx, merchantID(0), true, page)
			same(h, fmt.Sprintf("count from %d to %d", p.from, p.to), n, p.want)
			return err
		})
	}
	same(h, "charge in a list", h.charges(store.Page{To: maxTime, Limit: 1})[0], h.charge(want[0]))
}

func chargeRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := charge(1)
	rules(h, "charge", &good,
		func(tx store.Tx, c *store.Charge) error { return tx.InsertCharge(h.ctx, c) },
		slices.Concat(chargeStates(), []broken[store.Charge]{
			{"a short id", func(c *store.Charge) { c.ID = marker }},
			{"no card", func(c *store.Charge) { c.Card = "" }},
			{"a short customer", func(c *store.Charge) { c.Customer = marker }},
			{"a whole number", func(c *store.Charge) { c.LastDigits = marker }},
			{"no amount", func(c *store.Charge) { c.Amount = 0 }},
			{"a negative amount", func(c *store.Charge) { c.Amount = -markerNumber }},
			{"a long currency", func(c *store.Charge) { c.Currency = marker }},
			{"a short tag", func(c *store.Charge) { c.Tag = marked(19) }},
			{"a creation before 1970", func(c *store.Charge) { c.CreatedAt = -markerNumber }},
		}))
	for _, b := range chargeStates() {
		bad := good
		b.make(&bad)
		h.rejected("an update to "+b.rule, h.Update(h.ctx, func(tx store.Tx) error {
			return tx.UpdateCharge(h.ctx, &bad, good.Tag)
		}))
	}
	same(h, "charge", h.charge(good.ID), good)
}

// chargeStates break what an update could break too.
func chargeStates() []broken[store.Charge] {
	return []broken[store.Charge]{
		{"no state", func(c *store.Charge) { c.State = "" }},
		{"another state", func(c *store.Charge) { c.State = marker }},
		{"a long failure code", func(c *store.Charge) { c.FailureCode = string(marked(256)) }},
		{"a long reference", func(c *store.Charge) { c.Reference = string(marked(256)) }},
		{"a short attempt", func(c *store.Charge) { c.Attempt = marker }},
		{"nothing sealed", func(c *store.Charge) { c.Sealed = nil }},
		{"an empty seal", func(c *store.Charge) { c.Sealed = []byte{} }},
		{"a payment before 1970", func(c *store.Charge) { c.PaidAt = -markerNumber }},
		{"a reversal before 1970", func(c *store.Charge) { c.ReversedAt = -markerNumber }},
	}
}
