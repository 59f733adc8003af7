package storetest

import (
	"errors"

	"github.com/panvault/panvault/store"
)

// everything is a page that holds all rows of a test.
func everything() store.Page { return store.Page{To: maxTime, Limit: 100} }

func customer(n int) store.Customer {
	return store.Customer{ID: id(n), Merchant: merchantID(0), Live: true, CreatedAt: int64(n + 1),
		Sealed: fill(128, uint64(n)), Tag: fill(20, uint64(n)+7)}
}

func (h *harness) addCustomers(all ...store.Customer) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertCustomer(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) customer(n int) (got store.Customer) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Customer(h.ctx, id(n))
		return err
	})
	return got
}

func customerRoundTrip(h *harness) {
	h.addMerchants(Merchant(0))
	full := customer(1)
	full.DefaultCard, full.CreatedAt = id(9), maxTime
	deleted := store.Customer{ID: id(2), Merchant: merchantID(0), DeletedAt: maxTime, Tag: random(20)}
	for n, want := range []store.Customer{full, deleted} {
		h.addCustomers(want)
		h.reopen()
		same(h, "customer", h.customer(n+1), want)
	}
}

func customerErrors(h *harness) {
	h.addMerchants(Merchant(0))
	h.addCustomers(customer(1))
	c := customer(1)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertCustomer(h.ctx, &c) })
	h.view(func(r store.Reader) error {
		if _, err := r.Customer(h.ctx, id(2)); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("absent customer: got %v, want not found", err)
		}
		return nil
	})
}

func customerUpdate(h *harness) {
	h.addMerchants(Merchant(0))
	h.addCustomers(customer(1), customer(2))
	was := customer(1)
	changed := was
	changed.DefaultCard, changed.Sealed, changed.Tag = id(5), random(64), random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateCustomer(h.ctx, &changed, was.Tag) })
	same(h, "changed customer", h.customer(1), changed)
	same(h, "other customer", h.customer(2), customer(2))
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCustomer(h.ctx, &was, was.Tag) })
	same(h, "customer after a lost race", h.customer(1), changed)
}

// customerPages walks a list in every order and size: no row twice, none
// missing, also where many were made in one moment.
func customerPages(h *harness) {
	other := Merchant(1)
	h.addMerchants(Merchant(0), other)
	var want []string
	for n := range 7 {
		c := customer(n)
		c.CreatedAt = int64(10 + n/3)
		h.addCustomers(c)
		want = append(want, c.ID)
	}
	for i, hidden := range []store.Customer{customer(7), customer(8), customer(9)} {
		switch i {
		case 0:
			hidden.Live = false
		case 1:
			hidden.Merchant = other.ID
		case 2:
			hidden.DeletedAt, hidden.Sealed = 1, nil
		}
		hidden.CreatedAt = 10
		h.addCustomers(hidden)
	}
	for limit := 1; limit <= 8; limit++ {
		for _, newest := range []bool{false, true} {
			var got []string
			for offset := 0; ; offset += limit {
				p := store.Page{To: maxTime, Newest: newest, Offset: offset, Limit: limit}
				rows := h.customers(p)
				for _, c := range rows {
					got = append(got, c.ID)
				}
				if len(rows) < limit {
					break
				}
			}
			same(h, "pages of customers", got, order(want, newest))
		}
	}
	middle := store.Page{From: 11, To: 11, Limit: 100}
	if got := h.customers(middle); len(got) != 3 || got[0].ID != want[3] {
		h.Errorf("customers made at 11: got %d rows", len(got))
	}
	h.view(func(r store.Reader) error {
		all, err := r.CountCustomers(h.ctx, merchantID(0), true, everything())
		if err != nil {
			return err
		}
		some, err := r.CountCustomers(h.ctx, merchantID(0), true, middle)
		if all != 7 || some != 3 {
			h.Errorf("counts: got %d and %d, want 7 and 3", all, some)
		}
		return err
	})
}

func (h *harness) customers(p store.Page) (got []store.Customer) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Customers(h.ctx, merchantID(0), true, p)
		return err
	})
	return got
}

func order(ids []string, newest bool) []string {
	out := append([]string(nil), ids...)
	if newest {
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
	}
	return out
}

// cardsOfCustomer: a list of cards holds a customer's own and living ones.
func cardsOfCustomer(h *harness) {
	h.addMerchants(Merchant(0))
	h.addCustomers(customer(1), customer(2))
	var want []string
	h.update(func(tx store.Tx) error {
		for n := range 9 {
			c := Card(n)
			c.Customer, c.AttachedAt = id(1), int64(100-n)
			switch n {
			case 3:
				c.Customer = id(2)
			case 5:
				c.Customer = ""
			case 7:
				c = destroyed(c)
			default:
				want = append(want, c.ID)
			}
			if err := tx.InsertCard(h.ctx, &c); err != nil {
				return err
			}
		}
		return nil
	})
	h.view(func(r store.Reader) error {
		for _, newest := range []bool{false, true} {
			rows, err := r.CustomerCards(h.ctx, id(1), store.Page{To: maxTime, Newest: newest, Limit: 100})
			if err != nil {
				return err
			}
			var got []string
			for _, c := range rows {
				got = append(got, c.ID)
			}
			same(h, "cards of a customer", got, order(want, newest))
		}
		n, err := r.CountCustomerCards(h.ctx, id(1), everything())
		if err != nil || n != len(want) {
			h.Errorf("count: got %d (%v), want %d", n, err, len(want))
		}
		last, err := r.NewestCard(h.ctx, id(1))
		if err != nil || last.ID != want[0] {
			h.Errorf("card attached last: got %s (%v), want %s", last.ID, err, want[0])
		}
		if _, err := r.NewestCard(h.ctx, id(3)); !errors.Is(err, store.ErrNotFound) {
			h.Errorf("card of nobody: got %v, want not found", err)
		}
		return nil
	})
}

func cardUpdate(h *harness) {
	h.addMerchants(Merchant(0))
	was := Card(1)
	h.update(func(tx store.Tx) error { return tx.InsertCard(h.ctx, &was) })
	changed := was
	changed.Customer, changed.ExpiresAt, changed.UsedAt, changed.AttachedAt = id(8), 0, 5, 6
	changed.Brand, changed.LastDigits, changed.ExpiryMonth, changed.ExpiryYear = "JCB", "9999", 2, 2031
	changed.Fingerprint, changed.ChargeStatus = random(32), "failed"
	changed.KEKVersion, changed.DEKGeneration, changed.FingerprintID, changed.PaymentMethod = 3, 4, id(9), method(9)
	changed.WrappedDEK, changed.SealedPAN, changed.SealedProfile, changed.Tag = random(90), random(88), random(130), random(20)
	submitted := changed // what never changes is kept, whatever the caller passes
	submitted.Merchant, submitted.Live, submitted.CreatedAt = merchantID(1), false, 999
	h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &submitted, was.Tag) })
	h.view(func(r store.Reader) error {
		got, err := r.Card(h.ctx, was.ID)
		same(h, "changed card", got, changed)
		return err
	})
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &was, was.Tag) })
}
