package storetest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"time"

	"github.com/panvault/panvault/store"
)

// keyed is a crowd whose data keys are of a few versions and generations.
func keyed(n int, seed uint64) []store.Card {
	r := rand.New(rand.NewPCG(seed, 1))
	all := crowd(n, seed)
	for i := range all {
		all[i].KEKVersion = [5]uint32{0, 1, 2, 7, math.MaxUint32}[r.IntN(5)]
		all[i].DEKGeneration = [4]uint32{1, 2, 3, math.MaxUint32}[r.IntN(4)]
	}
	return all
}

func (h *harness) addKeyed(n int, seed uint64) []store.Card {
	h.Helper()
	h.addMerchants(Merchant(0), Merchant(1), Merchant(2))
	all := keyed(n, seed)
	h.addCards(all...)
	return all
}

func (h *harness) countCards(live bool) (got map[uint32]store.KeyUse) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.CountCardsByKEK(h.ctx, live)
		return err
	})
	return got
}

func (h *harness) cardsOfKEK(live bool, below uint32, after string, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) { return r.CardsOfKEK(h.ctx, live, below, after, limit) })
}

func (h *harness) cardsOfGeneration(live bool, below uint32, createdBefore int64, after string, limit int) []store.Card {
	h.Helper()
	return h.read(func(r store.Reader) ([]store.Card, error) {
		return r.CardsOfGeneration(h.ctx, live, below, createdBefore, after, limit)
	})
}

// byHand are the first cards of all above an id that are of a mode, are not
// destroyed and match, in the order of ids, which is that of all.
func byHand(all []store.Card, live bool, after string, limit int, match func(store.Card) bool) []store.Card {
	var want []store.Card
	for _, c := range all {
		if len(want) < limit && c.Live == live && c.DeletedAt == 0 && c.ID > after && match(c) {
			want = append(want, c)
		}
	}
	return want
}

func keyUseByHand(h *harness) {
	all := h.addKeyed(300, 1)
	for _, live := range []bool{true, false} {
		want := make(map[uint32]store.KeyUse)
		for _, c := range byHand(all, live, "", len(all), func(store.Card) bool { return true }) {
			use := want[c.KEKVersion]
			if use.Cards++; use.Cards == 1 {
				use.OldestCreated = c.CreatedAt
			}
			want[c.KEKVersion] = use
		}
		if got := h.countCards(live); !maps.Equal(got, want) {
			h.Errorf("live %v: got %v, want %v", live, got, want)
		}
	}
}

func keyUsePages(h *harness) {
	all := h.addKeyed(300, 2)
	r := rand.New(rand.NewPCG(2, 2))
	versions := []uint32{0, 1, 2, 3, 7, 8, math.MaxUint32}
	for range 300 {
		live, below := r.IntN(2) == 0, versions[r.IntN(len(versions))]
		limit, after := []int{0, 1, 5, 40, 1000}[r.IntN(5)], ""
		if r.IntN(2) == 0 {
			after = id(r.IntN(310))
		}
		what := fmt.Sprintf("live %v, below %d, after %q, limit %d", live, below, after, limit)
		same(h, "cards of a KEK, "+what, h.cardsOfKEK(live, below, after, limit),
			byHand(all, live, after, limit, func(c store.Card) bool { return c.KEKVersion < below }))
		same(h, "cards of a generation, "+what, h.cardsOfGeneration(live, below, 0, after, limit),
			byHand(all, live, after, limit, func(c store.Card) bool { return c.DEKGeneration < below }))
	}
}

// keyUseBounds: a card is as old as its id, to the millisecond.
func keyUseBounds(h *harness) {
	h.addMerchants(Merchant(0))
	at := time.UnixMilli(1_800_000_000_000)
	var all []store.Card
	for i, d := range []time.Duration{-time.Hour, -time.Millisecond, 0, time.Millisecond, time.Hour} {
		c := Card(i)
		c.ID, c.CreatedAt, c.DEKGeneration = store.IDAt(at.Add(d)), 1, uint32(1+i%2)
		all = append(all, c)
	}
	h.addCards(all...)
	for _, test := range []struct {
		before time.Time
		below  uint32
		want   []store.Card
	}{
		{at, 9, all[:2]},
		{at.Add(time.Millisecond), 9, all[:3]},
		{at.Add(999 * time.Microsecond), 9, all[:2]},
		{at.Add(-time.Hour), 9, nil},
		{at.Add(2 * time.Hour), 9, all},
		{at.Add(2 * time.Hour), 2, []store.Card{all[0], all[2], all[4]}},
		{at, 2, all[:1]},
		{at, 1, nil},
		{time.UnixMicro(1), 9, nil},
	} {
		got := h.cardsOfGeneration(true, test.below, test.before.UnixMicro(), "", 9)
		same(h, fmt.Sprintf("cards of before %v, below %d", test.before, test.below), ids(got), ids(test.want))
	}
	got := h.cardsOfGeneration(true, 9, at.Add(time.Hour).UnixMicro(), all[0].ID, 2)
	same(h, "a page of them", ids(got), ids(all[1:3]))
}

// keyUseRun: a run that moves page after page meets every card once, also when
// it goes on from a cursor, and leaves none behind.
func keyUseRun(h *harness) {
	const target = 8
	all := h.addKeyed(300, 3)
	want := byHand(all, true, "", len(all), func(c store.Card) bool { return c.KEKVersion < target })
	var met []string
	for after := ""; ; {
		page := h.cardsOfKEK(true, target, after, 7)
		if len(page) == 0 {
			break
		}
		h.update(func(tx store.Tx) error {
			for i := range page {
				was := page[i].Tag
				page[i].KEKVersion, page[i].Tag = target, random(20)
				if err := tx.UpdateCardKeys(h.ctx, &page[i], was); err != nil {
					return err
				}
			}
			return nil
		})
		met, after = append(met, ids(page)...), page[len(page)-1].ID
	}
	same(h, "cards that were met", met, ids(want))
	if left := h.cardsOfKEK(true, target, "", 9); len(left) != 0 {
		h.Errorf("%d cards were left behind", len(left))
	}
	if got := h.countCards(true)[target].Cards; got != len(want) {
		h.Errorf("got %d cards of the new version, want %d", got, len(want))
	}
}

// keyUseFingerprint: the first card of a number is found, and another one once
// that is destroyed.
func keyUseFingerprint(h *harness) {
	h.addMerchants(Merchant(0))
	first, second, third, other := Card(1), Card(2), Card(3), Card(4)
	second.FingerprintID, third.FingerprintID = first.ID, first.ID
	old := Card(5) // of before fingerprints had ids
	old.FingerprintID = ""
	h.addCards(third, second, first, other, old)
	find := func(fingerprint string, want store.Card) {
		h.Helper()
		h.view(func(r store.Reader) error {
			got, err := r.CardOfFingerprint(h.ctx, fingerprint)
			same(h, "card of a fingerprint", got, want)
			return err
		})
	}
	absent := func(fingerprint string) {
		h.Helper()
		h.miss(func(r store.Reader) error { _, err := r.CardOfFingerprint(h.ctx, fingerprint); return err })
	}
	destroy := func(c store.Card) {
		h.Helper()
		gone := destroyed(c)
		h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &gone, c.Tag) })
	}
	find(first.ID, first)
	find(other.ID, other)
	for _, fingerprint := range []string{"", id(99), second.ID, old.ID} {
		absent(fingerprint)
	}
	destroy(first)
	find(first.ID, second)
	destroy(second)
	find(first.ID, third)
	destroy(third)
	absent(first.ID)
}

func keyUseNothing(h *harness) {
	h.addMerchants(Merchant(0))
	gone := destroyed(Card(1))
	h.addCards(gone)
	if got := h.countCards(true); len(got) != 0 {
		h.Errorf("cards by KEK: got %v, want none", got)
	}
	if got := h.cardsOfKEK(true, math.MaxUint32, "", 9); len(got) != 0 {
		h.Errorf("cards of a KEK: got %d rows", len(got))
	}
	if got := h.cardsOfGeneration(true, math.MaxUint32, 0, "", 9); len(got) != 0 {
		h.Errorf("cards of a generation: got %d rows", len(got))
	}
	h.miss(func(r store.Reader) error { _, err := r.CardOfFingerprint(h.ctx, gone.ID); return err })
}

// cardKeys: a change of keys changes nothing else.
func cardKeys(h *harness) {
	h.addMerchants(Merchant(0))
	kept, was := stored(1, 2030, 1), stored(2, 2030, 1)
	was.PaymentMethod, was.Tag = method(2), random(20)
	h.addCards(kept, was)
	changed := was
	changed.KEKVersion, changed.DEKGeneration = 2, 3
	changed.WrappedDEK, changed.SealedPAN, changed.SealedProfile, changed.Tag = random(90), random(80), random(70), random(20)
	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCardKeys(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = id(98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCardKeys(h.ctx, &absent, was.Tag) })
	same(h, "card before", h.card(was.ID), was)

	submitted := Card(7) // the rest is kept, whatever the caller passes
	submitted.ID, submitted.KEKVersion, submitted.DEKGeneration = was.ID, changed.KEKVersion, changed.DEKGeneration
	submitted.WrappedDEK, submitted.SealedPAN, submitted.SealedProfile = changed.WrappedDEK, changed.SealedPAN, changed.SealedProfile
	submitted.Tag, submitted.Merchant = changed.Tag, merchantID(9)
	h.update(func(tx store.Tx) error { return tx.UpdateCardKeys(h.ctx, &submitted, was.Tag) })
	same(h, "card after", h.card(was.ID), changed)
	same(h, "another card", h.card(kept.ID), kept)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateCardKeys(h.ctx, &was, was.Tag) })

	gone := destroyed(changed)
	gone.Tag = random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateCard(h.ctx, &gone, changed.Tag) })
	h.rejected("a key for a destroyed card", h.Update(h.ctx, func(tx store.Tx) error {
		return tx.UpdateCardKeys(h.ctx, &changed, gone.Tag)
	}))
	same(h, "destroyed card", h.card(gone.ID), gone)
}
