package storetest

import (
	"slices"
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addIdempotency(all ...store.Idempotency) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertIdempotency(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) idempotency(id []byte) (got store.Idempotency) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Idempotency(h.ctx, id)
		return err
	})
	return got
}

func (h *harness) noIdempotency(id []byte) {
	h.Helper()
	h.miss(func(r store.Reader) error { _, err := r.Idempotency(h.ctx, id); return err })
}

func idempotencyRoundTrip(h *harness) {
	extreme := answered(2)
	extreme.ID, extreme.Request, extreme.Tag = make([]byte, 32), make([]byte, 32), make([]byte, 20)
	extreme.Merchant, extreme.Live, extreme.Customer = merchantID(9), false, id(9)
	extreme.CreatedAt, extreme.ExpiresAt, extreme.Status, extreme.Answer = maxTime, maxTime, 599, random(64<<10)
	least := answered(3)
	least.CreatedAt, least.ExpiresAt, least.Status, least.Answer = 0, 0, 100, []byte{0}
	for _, want := range []store.Idempotency{answered(1), extreme, least, idempotency(4)} {
		h.addIdempotency(want)
		h.reopen()
		same(h, "idempotency", h.idempotency(want.ID), want)
	}
}

func idempotencyErrors(h *harness) {
	i := idempotency(1)
	h.noIdempotency(i.ID)
	h.addIdempotency(i)
	other := answered(2)
	other.ID = i.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertIdempotency(h.ctx, &other) })
	same(h, "idempotency", h.idempotency(i.ID), i)
}

func idempotencyUpdate(h *harness) {
	kept, was := idempotency(1), idempotency(2)
	h.addIdempotency(kept, was)
	changed := was
	changed.Request, changed.Customer, changed.CreatedAt, changed.ExpiresAt = random(32), id(5), 70, 80
	changed.Status, changed.Answer, changed.Tag = 402, random(50), random(20)

	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = fill(32, 98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &absent, was.Tag) })
	same(h, "idempotency before", h.idempotency(was.ID), was)

	submitted := changed // what never changes is kept, whatever the caller passes
	submitted.Merchant, submitted.Live = merchantID(1), false
	h.update(func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &submitted, was.Tag) })
	same(h, "idempotency after", h.idempotency(was.ID), changed)
	same(h, "another idempotency", h.idempotency(kept.ID), kept)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &was, was.Tag) })

	again := changed // taken over: in flight once more
	again.Status, again.Answer, again.Tag = 0, nil, random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateIdempotency(h.ctx, &again, changed.Tag) })
	same(h, "idempotency in flight again", h.idempotency(was.ID), again)
}

// idempotencyOfCustomer: an answer is found by whom it is about, and by nobody.
func idempotencyOfCustomer(h *harness) {
	all := []store.Idempotency{answered(1), answered(2), answered(3), idempotency(4)}
	all[0].Customer, all[1].Customer = id(1), id(1)
	all[2].Customer = id(2)
	h.addIdempotency(all...)
	for customer, want := range map[string][]store.Idempotency{id(1): all[:2], id(2): all[2:3], id(3): nil, "": nil} {
		got := h.answersOf(customer)
		slices.SortFunc(got, func(a, b store.Idempotency) int {
			return slices.Index(idsOf(all), string(a.ID)) - slices.Index(idsOf(all), string(b.ID))
		})
		same(h, "answers about "+customer, got, want)
	}
}

func idsOf(rows []store.Idempotency) (ids []string) {
	for _, row := range rows {
		ids = append(ids, string(row.ID))
	}
	return ids
}

func (h *harness) answersOf(customer string) (rows []store.Idempotency) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		rows, err = r.CustomerAnswers(h.ctx, customer)
		return err
	})
	return rows
}

func idempotencyDelete(h *harness) {
	kept, gone := idempotency(1), answered(2)
	h.addIdempotency(kept, gone)
	for _, wrong := range []store.Idempotency{
		{ID: gone.ID, Tag: kept.Tag},
		{ID: kept.ID, Tag: gone.Tag},
		{ID: fill(32, 98), Tag: gone.Tag},
		{ID: gone.ID},
	} {
		h.update(func(tx store.Tx) error { return tx.DeleteIdempotency(h.ctx, wrong.ID, wrong.Tag) })
		same(h, "idempotency", h.idempotency(gone.ID), gone)
	}
	for range 2 { // without a row it does nothing
		h.update(func(tx store.Tx) error { return tx.DeleteIdempotency(h.ctx, gone.ID, gone.Tag) })
		h.noIdempotency(gone.ID)
	}
	same(h, "another idempotency", h.idempotency(kept.ID), kept)
	h.addIdempotency(gone)
	same(h, "idempotency added again", h.idempotency(gone.ID), gone)
}

func idempotencyExpiry(h *harness) {
	const n = 7
	all := make([]store.Idempotency, n) // they expire at 0, 10, 20 … 60
	for i := range all {
		all[i] = answered(i)
		if i%2 == 1 {
			all[i] = idempotency(i) // in flight ones expire as well
		}
		all[i].ExpiresAt = int64(10 * i)
	}
	h.addIdempotency(all[3], all[0], all[6], all[1], all[5], all[2], all[4])
	for _, step := range []struct {
		before     int64
		limit      int
		want, left int // how many are removed, and the first that is left
	}{
		{-1, 10, 0, 0},
		{0, 10, 0, 0},
		{1, 0, 0, 0}, // no room
		{1, 10, 1, 1},
		{10, 10, 0, 1}, // not below
		{31, 2, 2, 3},  // the limit: those that expired first go first
		{31, 2, 1, 4},
		{31, 2, 0, 4},
		{50, 10, 1, 5},
		{maxTime, 1, 1, 6},
		{maxTime, 10, 1, 7},
		{maxTime, 10, 0, 7},
	} {
		var got int
		h.update(func(tx store.Tx) (err error) {
			got, err = tx.DeleteIdempotencyBefore(h.ctx, step.before, step.limit)
			return err
		})
		if got != step.want {
			h.Errorf("before %d, at most %d: removed %d rows, want %d", step.before, step.limit, got, step.want)
		}
		for i := range all {
			if i < step.left {
				h.noIdempotency(all[i].ID)
			} else {
				same(h, "idempotency", h.idempotency(all[i].ID), all[i])
			}
		}
	}
}

// idempotencyRace: of those who take over one abandoned request, one does; and
// of those who begin a request, one does.
func idempotencyRace(h *harness) {
	for round := range 10 {
		var began, took [4]store.Idempotency
		for i := range began {
			began[i], took[i] = idempotency(round), idempotency(round)
			took[i].ExpiresAt = 99
		}
		first := h.race("insert", len(began), func(tx store.Tx, i int) error { return tx.InsertIdempotency(h.ctx, &began[i]) })
		same(h, "idempotency begun", h.idempotency(began[first].ID), began[first])
		next := h.race("update", len(took), func(tx store.Tx, i int) error {
			return tx.UpdateIdempotency(h.ctx, &took[i], began[first].Tag)
		})
		same(h, "idempotency taken over", h.idempotency(took[next].ID), took[next])
	}
}

func idempotencyRules(h *harness) {
	good := answered(1)
	rules(h, "idempotency", &good,
		func(tx store.Tx, i *store.Idempotency) error { return tx.InsertIdempotency(h.ctx, i) },
		[]broken[store.Idempotency]{
			{"an answer in flight", func(i *store.Idempotency) { i.Status, i.Answer = 0, marked(40) }},
			{"a status without an answer", func(i *store.Idempotency) { i.Answer = nil }},
			{"an empty answer", func(i *store.Idempotency) { i.Answer = []byte{} }},
			{"an empty answer in flight", func(i *store.Idempotency) { i.Status, i.Answer = 0, []byte{} }},
			{"a status below 100", func(i *store.Idempotency) { i.Status = 99 }},
			{"a status above 599", func(i *store.Idempotency) { i.Status = 600 }},
			{"a negative status", func(i *store.Idempotency) { i.Status = -markerNumber }},
			{"a short id", func(i *store.Idempotency) { i.ID = marked(31) }},
			{"no id", func(i *store.Idempotency) { i.ID = nil }},
			{"a long request", func(i *store.Idempotency) { i.Request = marked(33) }},
			{"a short tag", func(i *store.Idempotency) { i.Tag = marked(19) }},
			{"a short merchant", func(i *store.Idempotency) { i.Merchant = marker }},
			{"a long merchant", func(i *store.Idempotency) { i.Merchant = "mrch_" + strings.Repeat("42", 13) }},
			{"a time before 1970", func(i *store.Idempotency) { i.CreatedAt = -markerNumber }},
			{"an end before 1970", func(i *store.Idempotency) { i.ExpiresAt = -markerNumber }},
		})
	for _, b := range []broken[store.Idempotency]{
		{"without its answer", func(i *store.Idempotency) { i.Answer = nil }},
		{"without its status", func(i *store.Idempotency) { i.Status, i.Answer = 0, marked(40) }},
	} {
		bad := good
		b.make(&bad)
		h.rejected("an update "+b.rule, h.Update(h.ctx, func(tx store.Tx) error {
			return tx.UpdateIdempotency(h.ctx, &bad, good.Tag)
		}))
		same(h, "idempotency", h.idempotency(good.ID), good)
	}
}
