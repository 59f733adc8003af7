package storetest

import (
	"fmt"

	"github.com/panvault/panvault/store"
)

func (h *harness) addEvents(all ...store.Event) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.AppendEvent(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) events(after string, limit int) (got []store.Event) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Events(h.ctx, after, limit)
		return err
	})
	return got
}

func eventRoundTrip(h *harness) {
	extreme := Event(2)
	extreme.At, extreme.Type, extreme.Body = maxTime, "é.💳", random(16<<10)
	extreme.Leaf = make([]byte, 32)
	least := Event(3)
	least.At, least.Body = 0, []byte{0}
	want := []store.Event{Event(1), extreme, least}
	h.addEvents(want...)
	h.reopen()
	same(h, "events", h.events("", 10), want)
}

func eventPages(h *harness) {
	if got := h.events("", 1); len(got) != 0 {
		h.Errorf("events of an empty store: got %d rows", len(got))
	}
	const n = 1001
	var all []store.Event
	for i := range n {
		all = append(all, Event((i*389)%n)) // every one once, out of order
	}
	h.addEvents(all...)
	for _, limit := range []int{1000, 333, 100} {
		after, seen := "", 0
		for {
			page := h.events(after, limit)
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				h.Fatalf("limit %d: got %d rows", limit, len(page))
			}
			for _, e := range page {
				same(h, fmt.Sprintf("event %d", seen), e, Event(seen))
				seen++
			}
			after = page[len(page)-1].ID
		}
		if seen != n {
			h.Errorf("limit %d: got %d events, want %d", limit, seen, n)
		}
	}
	for _, limit := range []int{-1, 0, 1001} {
		err := h.View(h.ctx, func(r store.Reader) error { _, err := r.Events(h.ctx, "", limit); return err })
		if err == nil {
			h.Errorf("limit %d: got no error", limit)
		}
	}
}

func eventConflict(h *harness) {
	first := Event(1)
	h.addEvents(first)
	other := Event(1)
	other.Body = []byte(`{"forged":true}`)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.AppendEvent(h.ctx, &other) })
	same(h, "events", h.events("", 10), []store.Event{first})
}
