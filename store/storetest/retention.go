package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/panvault/panvault/store"
)

func (h *harness) lapsedTokens(at int64, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.LapsedTokens(h.ctx, at, limit) })
}

func (h *harness) unusedCards(before int64, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.UnusedCards(h.ctx, before, limit) })
}

func (h *harness) spentCards(before int64, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.SpentCards(h.ctx, before, limit) })
}

func (h *harness) expiredCards(year, month, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.ExpiredCards(h.ctx, year, month, limit) })
}

func (h *harness) retention(b store.Bounds) (got store.RetentionCount) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.CountRetention(h.ctx, b)
		return err
	})
	return got
}

// retentionBounds: a token lapses at its time, a card is unused and expired
// before the bound. Nothing destroyed is due, whatever its columns hold.
func retentionBounds(h *harness) {
	h.addMerchants(Merchant(0))
	token := func(n int, at int64) store.Card { c := Card(n); c.ExpiresAt = at; return c }
	tokens := []store.Card{token(3, 10), token(1, 20), token(2, 30)} // oldest first, which is not the order of ids
	uses := []store.Card{used(13, 10), used(11, 20), used(12, 30)}
	cards := []store.Card{stored(25, 2024, 12), stored(23, 2025, 1), stored(24, 2025, 11), stored(22, 2026, 2), stored(21, 2026, 10)}
	for i := range cards {
		cards[i].UsedAt = 90
	}
	gone := []store.Card{destroyed(token(30, 5)), destroyed(used(31, 5)), destroyed(stored(32, 2024, 1))}
	all := slices.Concat(tokens, uses, cards, gone)
	slices.Reverse(all)
	h.addCards(all...)

	for _, test := range []struct {
		at    int64
		limit int
		want  int // of tokens, from the first
	}{{-1, 9, 0}, {0, 9, 0}, {9, 9, 0}, {10, 9, 1}, {19, 9, 1}, {20, 9, 2}, {30, 9, 3}, {maxTime, 9, 3}, {30, 3, 3}, {30, 2, 2}, {30, 0, 0}} {
		want := append([]store.Card(nil), tokens[:test.want]...)
		same(h, fmt.Sprintf("tokens lapsed at %d, at most %d", test.at, test.limit), h.lapsedTokens(test.at, test.limit), want)
	}
	for _, test := range []struct {
		before int64
		limit  int
		want   int // of uses, from the first
	}{{-1, 9, 0}, {0, 9, 0}, {10, 9, 0}, {11, 9, 1}, {20, 9, 1}, {21, 9, 2}, {31, 9, 3}, {90, 9, 3}, {31, 2, 2}, {31, 0, 0}} {
		want := append([]store.Card(nil), uses[:test.want]...)
		same(h, fmt.Sprintf("cards unused before %d, at most %d", test.before, test.limit), h.unusedCards(test.before, test.limit), want)
		same(h, fmt.Sprintf("cards spent before %d, at most %d", test.before, test.limit), h.spentCards(test.before, test.limit), want)
	}
	if got := h.spentCards(maxTime, 99); len(got) != len(uses) {
		h.Errorf("cards spent: got %d, want none of customers, unused or destroyed", len(got))
	}
	if got := h.unusedCards(91, 99); len(got) != len(uses)+len(cards) {
		h.Errorf("cards unused before 91: got %d, want those of customers as well", len(got))
	}
	for _, test := range []struct {
		year, month, limit int
		want               int // of cards, from the first
	}{
		{0, 0, 9, 0}, {0, 12, 9, 0}, {2024, 12, 9, 0}, {2025, 0, 9, 1}, {2025, 1, 9, 1}, {2025, 2, 9, 2}, {2025, 11, 9, 2},
		{2025, 12, 9, 3}, {2026, 1, 9, 3}, {2026, 2, 9, 3}, {2026, 3, 9, 4}, {2026, 10, 9, 4}, {2026, 11, 9, 5},
		{9999, 12, 9, 5}, {9999, 12, 4, 4}, {9999, 12, 0, 0},
	} {
		want := append([]store.Card(nil), cards[:test.want]...)
		same(h, fmt.Sprintf("cards expired before %d-%d, at most %d", test.year, test.month, test.limit),
			h.expiredCards(test.year, test.month, test.limit), want)
	}
	same(h, "count", h.retention(store.Bounds{Lapsed: 20, Used: 20, Spent: 21, ExpiredYear: 2025, ExpiredMonth: 11}),
		store.RetentionCount{Tokens: 3, Stored: 5, Lapsed: 2, Used: 1, Spent: 2, Past: 2, Oldest: 10})
}

// retentionNothing: no rows, zero bounds, and rows that never are due.
func retentionNothing(h *harness) {
	far := store.Bounds{Lapsed: maxTime, Used: maxTime, Spent: maxTime, ExpiredYear: 9999, ExpiredMonth: 12}
	same(h, "count of an empty store", h.retention(far), store.RetentionCount{})

	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	h.addCards(crowd(60, 1)...)
	if got := h.retention(store.Bounds{}); got.Lapsed != 0 || got.Used != 0 || got.Spent != 0 || got.Past != 0 || got.Oldest != 0 || got.Tokens == 0 || got.Stored == 0 {
		h.Errorf("zero bounds: got %+v, want nothing due", got)
	}
	if n := len(h.lapsedTokens(0, 99)) + len(h.unusedCards(0, 99)) + len(h.spentCards(0, 99)) + len(h.expiredCards(0, 0, 99)); n != 0 {
		h.Errorf("zero bounds: got %d cards", n)
	}
}

// retentionByHand compares every count and list with what loops over all rows
// find, while rows leave one after the other.
func retentionByHand(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	all := crowd(400, 2)
	h.addCards(all...)
	r := rand.New(rand.NewPCG(3, 0))
	for round := range 30 {
		b := store.Bounds{Lapsed: r.Int64N(crowdTime + 2), Used: r.Int64N(crowdTime + 2), Spent: r.Int64N(crowdTime + 2),
			ExpiredYear: crowdYear + r.IntN(4), ExpiredMonth: 1 + r.IntN(12)}
		switch round % 7 {
		case 1:
			b.Lapsed = 0
		case 2:
			b.Used = 0
		case 3:
			b.ExpiredYear, b.ExpiredMonth = 0, 0
		case 4:
			b.Spent = 0
		}
		var want store.RetentionCount
		var lapsed, unused, spent, past []store.Card
		for _, c := range all {
			if c.DeletedAt != 0 {
				continue
			}
			if c.ExpiresAt != 0 {
				want.Tokens++
			}
			if c.Customer != "" {
				want.Stored++
			}
			if c.ExpiresAt != 0 && c.ExpiresAt <= b.Lapsed {
				lapsed = append(lapsed, c)
				if want.Oldest == 0 || c.ExpiresAt < want.Oldest {
					want.Oldest = c.ExpiresAt
				}
			}
			if c.UsedAt != 0 && c.UsedAt < b.Used {
				unused = append(unused, c)
			}
			if c.Customer == "" && c.UsedAt != 0 && c.UsedAt < b.Spent {
				spent = append(spent, c)
			}
			if c.Customer != "" && monthOf(c) < int64(b.ExpiredYear*12+b.ExpiredMonth) {
				past = append(past, c)
			}
		}
		want.Lapsed, want.Used, want.Spent, want.Past = len(lapsed), len(unused), len(spent), len(past)
		same(h, fmt.Sprintf("count by %+v", b), h.retention(b), want)

		for _, limit := range []int{1, 7, 1000} {
			h.oldestOf("lapsed tokens", h.lapsedTokens(b.Lapsed, limit), lapsed, limit, func(c store.Card) int64 { return c.ExpiresAt })
			h.oldestOf("unused cards", h.unusedCards(b.Used, limit), unused, limit, func(c store.Card) int64 { return c.UsedAt })
			h.oldestOf("spent cards", h.spentCards(b.Spent, limit), spent, limit, func(c store.Card) int64 { return c.UsedAt })
			h.oldestOf("expired cards", h.expiredCards(b.ExpiredYear, b.ExpiredMonth, limit), past, limit, monthOf)
		}

		n := r.IntN(len(all))
		was := all[n].Tag
		all[n] = destroyed(all[n])
		all[n].Tag = random(20)
		h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &all[n], was) })
	}
}

func monthOf(c store.Card) int64 { return int64(c.ExpiryYear*12 + c.ExpiryMonth) }

// oldestOf checks that got is the first of due in the order of by; rows that
// are equal there may come in any order, and any of them at the end.
func (h *harness) oldestOf(what string, got, due []store.Card, limit int, by func(store.Card) int64) {
	h.Helper()
	var want, have []int64
	rows := map[string]store.Card{}
	for _, c := range due {
		want = append(want, by(c))
		rows[c.ID] = c
	}
	slices.Sort(want)
	want = want[:min(limit, len(want))]
	for _, c := range got {
		have = append(have, by(c))
		row, found := rows[c.ID]
		if !found {
			h.Errorf("%s: card %s is not due, or came twice", what, c.ID)
		}
		same(h, what, c, row)
		delete(rows, c.ID)
	}
	if !slices.Equal(have, want) {
		h.Errorf("%s, at most %d: got %v, want %v", what, limit, have, want)
	}
}
