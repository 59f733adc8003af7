package storetest

import (
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addReveals(all ...store.Reveal) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertReveal(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) reveal(id string) (got store.Reveal) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Reveal(h.ctx, id)
		return err
	})
	return got
}

func (h *harness) reveals(key string, since int64, limit int) (got []store.Reveal) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Reveals(h.ctx, key, since, limit)
		return err
	})
	return got
}

func revealRoundTrip(h *harness) {
	h.addMerchants(Merchant(0))
	extreme := reveal(2)
	extreme.Fields, extreme.Outcome = strings.Repeat("é", 255), strings.Repeat("é", 32)
	extreme.CreatedAt, extreme.CountedAt = maxTime, maxTime
	odd := reveal(3)
	odd.Fields, odd.Outcome, odd.Live = unicode, "'\"\\", false
	least := reveal(4)
	least.Fields, least.Outcome, least.CreatedAt, least.CountedAt, least.Tag = "x", "y", 0, 0, make([]byte, 20)
	for _, want := range []store.Reveal{reveal(1), extreme, odd, least} {
		h.addReveals(want)
		h.reopen()
		same(h, "reveal", h.reveal(want.ID), want)
	}
}

func revealList(h *harness) {
	h.addMerchants(Merchant(0))
	if got := h.reveals(reveal(0).APIKey, 0, 10); len(got) != 0 {
		h.Errorf("reveals of an empty store: got %d rows", len(got))
	}
	late, second, third, fourth, twin, other := reveal(1), reveal(2), reveal(3), reveal(4), reveal(5), reveal(6)
	late.CountedAt = 100 // it waited
	twin.CreatedAt, twin.CountedAt = third.CreatedAt, third.CountedAt
	other.APIKey = "akey_" + id(9)
	h.addReveals(second, twin, fourth, late, other, third)
	all := []store.Reveal{late, fourth, twin, third, second}
	for _, test := range []struct {
		since       int64
		limit, want int
	}{
		{0, 9, 5}, {0, 5, 5}, {0, 4, 4}, {0, 1, 1}, {0, 0, 0},
		{2, 9, 5}, {3, 9, 4}, {4, 9, 2}, {5, 9, 1}, {99, 9, 1}, {100, 9, 0}, {maxTime, 9, 0},
	} {
		got := h.reveals(late.APIKey, test.since, test.limit)
		if len(got) != test.want {
			h.Errorf("since %d, limit %d: got %d rows, want %d", test.since, test.limit, len(got), test.want)
		}
		for i := range got {
			same(h, "reveals, those that count last first", got[i], all[i])
		}
	}
	same(h, "reveals of another key", h.reveals(other.APIKey, 0, 9), []store.Reveal{other})
	if got := h.reveals("", 0, 9); len(got) != 0 {
		h.Errorf("reveals of no key: got %d rows", len(got))
	}
}

func revealErrors(h *harness) {
	h.addMerchants(Merchant(0))
	r := reveal(1)
	h.miss(func(v store.Reader) error { _, err := v.Reveal(h.ctx, r.ID); return err })
	h.addReveals(r)
	other := reveal(2)
	other.ID = r.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertReveal(h.ctx, &other) })
	same(h, "reveal", h.reveal(r.ID), r)
}

func revealUpdate(h *harness) {
	h.addMerchants(Merchant(0))
	kept, was := reveal(1), reveal(2)
	h.addReveals(kept, was)
	changed := was
	changed.Outcome, changed.CountedAt, changed.Tag = "opened", 50, random(20)
	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateReveal(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = "rvel_" + id(98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateReveal(h.ctx, &absent, was.Tag) })
	same(h, "reveal before", h.reveal(was.ID), was)

	submitted := changed // what was asked for is kept, whatever the caller passes
	submitted.APIKey, submitted.Merchant, submitted.Live = "akey_"+id(3), merchantID(9), !was.Live
	submitted.Card, submitted.Fields, submitted.CreatedAt = id(9), "other", 7
	h.update(func(tx store.Tx) error { return tx.UpdateReveal(h.ctx, &submitted, was.Tag) })
	same(h, "reveals after", h.reveals(was.APIKey, 0, 9), []store.Reveal{changed, kept})
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateReveal(h.ctx, &was, was.Tag) })
}

// revealRace: what waits is ended once, by whoever comes first.
func revealRace(h *harness) {
	h.addMerchants(Merchant(0))
	for round := range 10 {
		was := reveal(round)
		h.addReveals(was)
		var next [4]store.Reveal
		for i := range next {
			next[i] = was
			next[i].CountedAt, next[i].Tag = int64(round+2+i), random(20)
		}
		winner := h.race("end", len(next), func(tx store.Tx, i int) error { return tx.UpdateReveal(h.ctx, &next[i], was.Tag) })
		same(h, "reveal", h.reveal(was.ID), next[winner])
	}
}

func revealRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := reveal(1)
	rules(h, "reveal", &good,
		func(tx store.Tx, r *store.Reveal) error { return tx.InsertReveal(h.ctx, r) },
		[]broken[store.Reveal]{
			{"no merchant", func(r *store.Reveal) { r.Merchant = merchantID(99) }},
			{"a short key", func(r *store.Reveal) { r.APIKey = marker }},
			{"a short card", func(r *store.Reveal) { r.Card = marker }},
			{"no fields", func(r *store.Reveal) { r.Fields = "" }},
			{"long fields", func(r *store.Reveal) { r.Fields = string(marked(256)) }},
			{"no outcome", func(r *store.Reveal) { r.Outcome = "" }},
			{"a long outcome", func(r *store.Reveal) { r.Outcome = string(marked(33)) }},
			{"a short id", func(r *store.Reveal) { r.ID = marker }},
			{"a short tag", func(r *store.Reveal) { r.Tag = marked(19) }},
			{"a request before 1970", func(r *store.Reveal) { r.CreatedAt = -markerNumber }},
			{"a count before the request", func(r *store.Reveal) { r.CreatedAt, r.CountedAt = markerNumber, markerNumber-1 }},
		})
	same(h, "reveals", h.reveals(good.APIKey, 0, 9), []store.Reveal{good})
}
