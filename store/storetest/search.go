package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/panvault/panvault/store"
)

func (h *harness) find(f store.CardFilter, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.FindCards(h.ctx, f, limit) })
}

func (h *harness) merchantCards(merchant string, live bool, above string, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) {
		return r.MerchantCards(h.ctx, merchant, live, above, limit)
	})
}

// searchFilters takes each filter alone.
func searchFilters(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	all := []store.Card{Card(0), used(1, 5), stored(2, 2030, 1), Card(3), Card(4), Card(5), destroyed(Card(6)), Card(7)}
	all[3].Merchant = merchantID(1)
	all[4].Live = false
	all[5].LastDigits, all[5].Brand = "4242", "JCB"
	all[7].Brand, all[7].Fingerprint = "jcb", all[5].Fingerprint
	h.addCards(all...)
	for _, test := range []struct {
		name  string
		f     store.CardFilter
		limit int
		want  []int
	}{
		{"nothing, both modes", store.CardFilter{Mode: -1}, 9, []int{7, 5, 4, 3, 2, 1, 0}},
		{"live", store.CardFilter{Mode: 1}, 9, []int{7, 5, 3, 2, 1, 0}},
		{"test, the zero mode", store.CardFilter{}, 9, []int{4}},
		{"a limit", store.CardFilter{Mode: -1}, 2, []int{7, 5}},
		{"a limit of a filter", store.CardFilter{Mode: 0}, 1, []int{4}},
		{"no room", store.CardFilter{Mode: -1}, 0, nil},
		{"from", store.CardFilter{Mode: -1, From: id(4)}, 9, []int{7, 5, 4}},
		{"from the last", store.CardFilter{Mode: -1, From: id(7)}, 9, []int{7}},
		{"from behind the last", store.CardFilter{Mode: -1, From: id(8)}, 9, nil},
		{"below", store.CardFilter{Mode: -1, Below: id(2)}, 9, []int{1, 0}},
		{"below the first", store.CardFilter{Mode: -1, Below: id(0)}, 9, nil},
		{"between", store.CardFilter{Mode: -1, From: id(2), Below: id(5)}, 9, []int{4, 3, 2}},
		{"between one and itself", store.CardFilter{Mode: -1, From: id(3), Below: id(3)}, 9, nil},
		{"between the wrong way round", store.CardFilter{Mode: -1, From: id(5), Below: id(1)}, 9, nil},
		{"around a destroyed card", store.CardFilter{Mode: -1, From: id(6), Below: id(7)}, 9, nil},
		{"merchant", store.CardFilter{Mode: -1, Merchant: merchantID(1)}, 9, []int{3}},
		{"merchant in the other mode", store.CardFilter{Mode: 0, Merchant: merchantID(1)}, 9, nil},
		{"no such merchant", store.CardFilter{Mode: -1, Merchant: merchantID(2)}, 9, nil},
		{"last digits", store.CardFilter{Mode: -1, LastDigits: "4242"}, 9, []int{5}},
		{"brand, as it is spelled", store.CardFilter{Mode: -1, Brand: "JCB"}, 9, []int{5}},
		{"part of a brand", store.CardFilter{Mode: -1, Brand: "JC"}, 9, nil},
		{"a brand of wildcards", store.CardFilter{Mode: -1, Brand: "%"}, 9, nil},
		{"fingerprint", store.CardFilter{Mode: -1, Fingerprint: all[5].Fingerprint}, 9, []int{7, 5}},
		{"fingerprint of a destroyed card", store.CardFilter{Mode: -1, Fingerprint: all[6].Fingerprint}, 9, nil},
		{"empty fingerprint", store.CardFilter{Mode: -1, Fingerprint: []byte{}}, 1, []int{7}},
		{"all", store.CardFilter{From: id(4), Below: id(6), Merchant: merchantID(0), Mode: 1, LastDigits: "4242",
			Brand: "JCB", Fingerprint: all[5].Fingerprint}, 9, []int{5}},
		{"all but one that differs", store.CardFilter{From: id(4), Below: id(6), Merchant: merchantID(0), Mode: 1,
			LastDigits: "4242", Brand: "Visa", Fingerprint: all[5].Fingerprint}, 9, nil},
	} {
		var want []store.Card
		for _, n := range test.want {
			want = append(want, all[n])
		}
		same(h, "filter: "+test.name, h.find(test.f, test.limit), want)
	}
	last := Card(9) // the greatest of all ids
	last.ID = "zzzzzzzzzzzzzzzzzzzzzzzz"
	h.addCards(last)
	same(h, "the greatest id", ids(h.find(store.CardFilter{Mode: -1}, 1)), []string{last.ID})
}

// searchByHand compares filters in any combination with what a loop finds.
func searchByHand(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	const n = 300
	all := crowd(n, 4)
	h.addCards(all...)
	r := rand.New(rand.NewPCG(5, 0))
	for range 100 {
		f := store.CardFilter{Mode: r.IntN(3) - 1}
		for _, choose := range []func(){
			func() { f.From = id(r.IntN(n)) },
			func() { f.Below = id(r.IntN(n)) },
			func() { f.Merchant = merchantID(r.IntN(3)) },
			func() { f.LastDigits = crowdDigits[r.IntN(3)] },
			func() { f.Brand = crowdBrands[r.IntN(3)] },
			func() { f.Fingerprint = fill(32, r.Uint64N(3)) },
		} {
			if r.IntN(3) == 0 {
				choose()
			}
		}
		limit := 1 + r.IntN(50)
		var want []store.Card
		for _, c := range slices.Backward(all) {
			if len(want) < limit && selects(f, c) {
				want = append(want, c)
			}
		}
		same(h, fmt.Sprintf("filter %+v, at most %d", f, limit), h.find(f, limit), want)
	}
}

// selects is what CardFilter says.
func selects(f store.CardFilter, c store.Card) bool {
	return c.DeletedAt == 0 && c.ID >= f.From && (f.Below == "" || c.ID < f.Below) &&
		(f.Merchant == "" || c.Merchant == f.Merchant) && (f.Mode < 0 || c.Live == (f.Mode == 1)) &&
		(f.LastDigits == "" || c.LastDigits == f.LastDigits) && (f.Brand == "" || c.Brand == f.Brand) &&
		(f.Fingerprint == nil || bytes.Equal(c.Fingerprint, f.Fingerprint))
}

// searchPages walks the matches of a filter in both ways there are: from page
// to page by the last id, and from window to window of so many rows.
func searchPages(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	all := crowd(100, 6)
	h.addCards(all...)
	f := store.CardFilter{Mode: 1, Brand: "Visa"}
	var want []string
	for _, c := range slices.Backward(all) {
		if selects(f, c) {
			want = append(want, c.ID)
		}
	}
	for limit := 1; limit <= len(want)+1; limit++ {
		var got []string
		for page := f; ; page.Below = got[len(got)-1] {
			rows := h.find(page, limit)
			got = append(got, ids(rows)...)
			if len(rows) < limit {
				break
			}
		}
		same(h, fmt.Sprintf("pages of %d", limit), got, want)
	}
	for _, rows := range []int{1, 7, 33, 99, 100, 101} {
		var got []string
		for window := f; ; window.Below = window.From {
			last, n := h.window(window.Below, rows)
			if n == 0 {
				break
			}
			window.From = last
			got = append(got, ids(h.find(window, 1000))...)
		}
		same(h, fmt.Sprintf("windows of %d rows", rows), got, want)
	}
}

func (h *harness) window(below string, n int) (last string, count int) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		last, count, err = r.CardWindow(h.ctx, below, n)
		return err
	})
	return last, count
}

// searchWindow: every row counts, because every row is read: destroyed ones,
// and those of any merchant and mode.
func searchWindow(h *harness) {
	if last, n := h.window("", 1); n != 0 || last != "" {
		h.Errorf("an empty store: got %q and %d rows", last, n)
	}
	h.addMerchants(Merchant(0), Merchant(1))
	all := []store.Card{Card(0), destroyed(Card(2)), Card(4), used(6, 1), Card(8)}
	all[2].Merchant, all[3].Live = merchantID(1), false
	h.addCards(all...)
	for _, test := range []struct {
		below string
		n     int
		last  int // -1 for none
		count int
	}{
		{"", 1, 8, 1}, {"", 2, 6, 2}, {"", 4, 2, 4}, {"", 5, 0, 5}, {"", 6, 0, 5}, {"", 1000, 0, 5},
		{id(8), 1, 6, 1}, {id(8), 3, 2, 3}, {id(8), 4, 0, 4}, {id(8), 5, 0, 4},
		{id(4), 1, 2, 1}, {id(0), 1, -1, 0},
		{id(7), 1, 6, 1}, {id(3), 2, 0, 2}, // below an id that is not there
		{id(99), 1, 8, 1}, {id(99), 5, 0, 5},
	} {
		want := ""
		if test.last >= 0 {
			want = id(test.last)
		}
		if last, n := h.window(test.below, test.n); last != want || n != test.count {
			h.Errorf("%d rows below %q: got %q and %d rows, want %q and %d", test.n, test.below, last, n, want, test.count)
		}
	}
}

// searchMerchant walks the cards of each merchant and mode in pages.
func searchMerchant(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	all := crowd(200, 7)
	h.addCards(all...)
	for n := range 4 { // the last is nobody
		for _, live := range []bool{false, true} {
			var want []store.Card
			for _, c := range all {
				if c.Merchant == merchantID(n) && c.Live == live && c.DeletedAt == 0 && c.ExpiresAt == 0 {
					want = append(want, c)
				}
			}
			if n < 3 && len(want) < 5 {
				h.Fatalf("merchant %d has %d cards, too few for a test", n, len(want))
			}
			for _, limit := range []int{1, 4, len(want), len(want) + 1} {
				var got []store.Card
				for above := ""; limit > 0; above = got[len(got)-1].ID {
					page := h.merchantCards(merchantID(n), live, above, limit)
					got = append(got, page...)
					if len(page) < limit {
						break
					}
				}
				if limit > 0 {
					same(h, fmt.Sprintf("cards of merchant %d, live %v, pages of %d", n, live, limit), got, want)
				}
			}
		}
	}
	if got := h.merchantCards(merchantID(0), true, "", 0); len(got) != 0 {
		h.Errorf("no room: got %d cards", len(got))
	}
}
