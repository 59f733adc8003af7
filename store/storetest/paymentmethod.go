package storetest

import "github.com/panvault/panvault/store"

// method is the nth of a sequence of payment methods.
func method(n int) string { return id(n) + "-0000-000000" }

// cardsByMethod: a card is found by its payment method until it has none.
func cardsByMethod(h *harness) {
	h.addMerchants(Merchant(0))
	first, second := stored(1, 2030, 1), stored(2, 2030, 1)
	first.PaymentMethod, second.PaymentMethod = method(1), method(2)
	h.addCards(first, second, stored(3, 2030, 1), Card(4)) // any number of cards have none
	find := func(want store.Card) {
		h.Helper()
		h.view(func(r store.Reader) error {
			got, err := r.CardOfPaymentMethod(h.ctx, want.PaymentMethod)
			same(h, "card of a payment method", got, want)
			return err
		})
	}
	absent := func(method string) {
		h.Helper()
		h.miss(func(r store.Reader) error { _, err := r.CardOfPaymentMethod(h.ctx, method); return err })
	}
	find(first)
	find(second)
	for _, m := range []string{"", method(3), method(1)[:35]} {
		absent(m)
	}
	taken := Card(5)
	taken.PaymentMethod = first.PaymentMethod
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertCard(h.ctx, &taken) })
	taken = second
	taken.PaymentMethod, taken.Tag = first.PaymentMethod, random(20)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &taken, second.Tag) })

	gone := destroyed(first)
	gone.PaymentMethod, gone.Tag = "", random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &gone, first.Tag) })
	absent(first.PaymentMethod)
	h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &taken, second.Tag) })
	find(taken)
	absent(second.PaymentMethod)
}

func cardMethodRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := stored(1, 2030, 1)
	good.PaymentMethod = method(1)
	rules(h, "card", &good,
		func(tx store.Tx, c *store.Card) error { return tx.InsertCard(h.ctx, c) },
		[]broken[store.Card]{
			{"a short payment method", func(c *store.Card) { c.PaymentMethod = string(marked(35)) }},
			{"a long payment method", func(c *store.Card) { c.PaymentMethod = string(marked(37)) }},
		})
	same(h, "card", h.card(good.ID), good)
}
