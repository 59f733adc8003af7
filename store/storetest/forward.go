package storetest

import (
	"slices"
	"strings"

	"github.com/panvault/panvault/store"
)

// forward is an attempt that is about to be sent.
func forward(n int) store.Forward {
	return store.Forward{ID: id(n), Merchant: merchantID(0), Live: true, Use: "forward", Destination: "acquirer",
		Card: id(n + 100), State: store.ForwardPrepared, CreatedAt: int64(n + 1), LeaseUntil: int64(n + 9), Tag: random(20)}
}

// ended is one that was answered.
func ended(n int) store.Forward {
	f := forward(n)
	f.State, f.Status, f.SentAt, f.EndedAt, f.LeaseUntil = store.ForwardAnswered, 200, int64(n+2), int64(n+3), 0
	return f
}

func (h *harness) addForwards(all ...store.Forward) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertForward(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) forward(id string) (got store.Forward) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Forward(h.ctx, id)
		return err
	})
	return got
}

func forwardRoundTrip(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	full := ended(1)
	full.Token, full.Charge, full.Request, full.Masked, full.Reason = true, id(9), random(32), 3, "withheld"
	full.VaultTime, full.AnswerTime = 4, 5
	extreme := ended(2)
	extreme.Merchant, extreme.Live, extreme.Status = merchantID(1), false, 999
	extreme.Use, extreme.Destination, extreme.Reason = strings.Repeat("é", 32), strings.Repeat("é", 64), strings.Repeat("é", 255)
	extreme.Masked, extreme.CreatedAt, extreme.SentAt, extreme.EndedAt = maxTime, maxTime, maxTime, maxTime
	extreme.VaultTime, extreme.AnswerTime, extreme.Request = maxTime, maxTime, make([]byte, 32)
	odd := forward(3)
	odd.Reason, odd.Destination, odd.LeaseUntil = unicode, unicode, maxTime
	least := store.Forward{ID: id(4), Merchant: merchantID(0), Use: "x", Destination: "y", State: store.ForwardNotSent, Tag: make([]byte, 20)}
	sending := forward(5)
	sending.State = store.ForwardSending
	unknown := ended(6)
	unknown.State, unknown.Status = store.ForwardUnknown, 0
	for _, want := range []store.Forward{full, extreme, odd, least, sending, unknown} {
		h.addForwards(want)
		h.reopen()
		same(h, "forward", h.forward(want.ID), want)
	}
}

func forwardErrors(h *harness) {
	f := forward(1)
	h.miss(func(r store.Reader) error { _, err := r.Forward(h.ctx, f.ID); return err })
	if err := h.Update(h.ctx, func(tx store.Tx) error { return tx.InsertForward(h.ctx, &f) }); err == nil {
		h.Error("a forward of a merchant that does not exist: got no error")
	}
	h.addMerchants(Merchant(0))
	h.addForwards(f)
	other := ended(2)
	other.ID = f.ID
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertForward(h.ctx, &other) })
	same(h, "forward", h.forward(f.ID), f)
}

func forwardUpdate(h *harness) {
	h.addMerchants(Merchant(0))
	kept, was := forward(1), forward(2)
	was.Request = random(32)
	h.addForwards(kept, was)
	changed := was
	changed.Request, changed.State, changed.Reason, changed.Status, changed.Masked = nil, store.ForwardAnswered, "withheld", 402, 7
	changed.SentAt, changed.EndedAt, changed.LeaseUntil, changed.VaultTime, changed.AnswerTime = 70, 80, 0, 90, 100
	changed.Tag = random(20)

	for _, tag := range [][]byte{kept.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &changed, tag) })
	}
	absent := changed
	absent.ID = id(98)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &absent, was.Tag) })
	same(h, "forward before", h.forward(was.ID), was)

	submitted := changed // what never changes is kept, whatever the caller passes
	submitted.Merchant, submitted.Live, submitted.Use, submitted.Destination = merchantID(9), false, "charge", "other"
	submitted.Card, submitted.Token, submitted.Charge, submitted.CreatedAt = id(9), true, id(9), 999
	h.update(func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &submitted, was.Tag) })
	same(h, "forward after", h.forward(was.ID), changed)
	same(h, "another forward", h.forward(kept.ID), kept)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &was, was.Tag) })
}

// forwardRace: an attempt ends once, by whoever comes first.
func forwardRace(h *harness) {
	h.addMerchants(Merchant(0))
	for round := range 10 {
		was := forward(round)
		h.addForwards(was)
		var next [4]store.Forward
		for i := range next {
			next[i] = ended(round)
			next[i].Status = 200 + i
		}
		winner := h.race("end", len(next), func(tx store.Tx, i int) error { return tx.UpdateForward(h.ctx, &next[i], was.Tag) })
		same(h, "forward", h.forward(was.ID), next[winner])
	}
}

// forwardNewest: the newest row of a card and of a request, whatever order they
// were written in, and nothing for those that name none.
func forwardNewest(h *harness) {
	h.addMerchants(Merchant(0))
	request := random(32)
	var all []store.Forward
	for n := range 6 {
		f := ended(n)
		f.Card, f.Request = id(7), request
		switch n {
		case 4: // of another card and request
			f.Card, f.Request = id(8), random(32)
		case 5: // of none
			f.Card, f.Request = "", nil
		}
		all = append(all, f)
	}
	h.addForwards(all[5], all[2], all[4], all[3], all[0], all[1])
	for _, test := range []struct {
		card    string
		request []byte
		want    store.Forward
	}{{id(7), request, all[3]}, {id(8), all[4].Request, all[4]}} {
		h.view(func(r store.Reader) error {
			last, err := r.LastForward(h.ctx, test.card)
			same(h, "last of a card", last, test.want)
			if err != nil {
				return err
			}
			of, err := r.ForwardOfRequest(h.ctx, test.request)
			same(h, "of a request", of, test.want)
			return err
		})
	}
	for _, card := range []string{"", id(9)} {
		h.miss(func(r store.Reader) error { _, err := r.LastForward(h.ctx, card); return err })
	}
	for _, request := range [][]byte{nil, random(32)} {
		h.miss(func(r store.Reader) error { _, err := r.ForwardOfRequest(h.ctx, request); return err })
	}
	freed := all[4]
	freed.Request, freed.Tag = nil, random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateForward(h.ctx, &freed, all[4].Tag) })
	h.miss(func(r store.Reader) error { _, err := r.ForwardOfRequest(h.ctx, all[4].Request); return err })
}

// forwardAbandoned: those whose lease is over, oldest lease first, and never one
// that ended.
func forwardAbandoned(h *harness) {
	h.addMerchants(Merchant(0))
	lease := func(n int, until int64) store.Forward { f := forward(n); f.LeaseUntil = until; return f }
	open := []store.Forward{lease(3, 10), lease(1, 20), lease(2, 30)}
	open[1].State = store.ForwardSending
	h.addForwards(open[2], ended(4), open[0], open[1], ended(5))
	for _, test := range []struct {
		at    int64
		limit int
		want  int // from the first
	}{{-1, 9, 0}, {0, 9, 0}, {9, 9, 0}, {10, 9, 1}, {20, 9, 2}, {29, 9, 2}, {30, 9, 3}, {maxTime, 9, 3}, {30, 2, 2}, {30, 0, 0}} {
		h.view(func(r store.Reader) error {
			got, err := r.AbandonedForwards(h.ctx, test.at, test.limit)
			same(h, "abandoned", got, append([]store.Forward(nil), open[:test.want]...))
			return err
		})
	}
}

func forwardList(h *harness) {
	h.addMerchants(Merchant(0), Merchant(1))
	check := func(state store.ForwardState, limit int, want []store.Forward) {
		h.Helper()
		h.view(func(r store.Reader) error {
			got, err := r.Forwards(h.ctx, state, limit)
			same(h, "forwards of state "+string(state), got, want)
			return err
		})
	}
	count := func(want map[store.ForwardState]int) {
		h.Helper()
		h.view(func(r store.Reader) error {
			got, err := r.CountForwards(h.ctx)
			same(h, "counts", got, want)
			return err
		})
	}
	check("", 9, nil)
	count(map[store.ForwardState]int{})
	all := []store.Forward{ended(5), forward(4), ended(3), ended(2), forward(1)} // newest first
	all[0].Merchant, all[0].Live = merchantID(1), false                          // of every merchant and mode
	all[3].State, all[3].Status = store.ForwardUnknown, 0
	h.addForwards(all[2], all[4], all[0], all[3], all[1])
	check("", 9, all)
	check("", 2, all[:2])
	check("", 0, nil)
	check(store.ForwardAnswered, 9, []store.Forward{all[0], all[2]})
	check(store.ForwardAnswered, 1, all[:1])
	check(store.ForwardPrepared, 9, []store.Forward{all[1], all[4]})
	check(store.ForwardUnknown, 9, []store.Forward{all[3]})
	check(store.ForwardNotSent, 9, nil)
	count(map[store.ForwardState]int{store.ForwardAnswered: 2, store.ForwardPrepared: 2, store.ForwardUnknown: 1})
}

func forwardRules(h *harness) {
	h.addMerchants(Merchant(0))
	good := ended(1)
	good.Request = random(32)
	rules(h, "forward", &good,
		func(tx store.Tx, f *store.Forward) error { return tx.InsertForward(h.ctx, f) },
		slices.Concat(forwardStates(), []broken[store.Forward]{
			{"a short id", func(f *store.Forward) { f.ID = marker }},
			{"no use", func(f *store.Forward) { f.Use = "" }},
			{"a long use", func(f *store.Forward) { f.Use = string(marked(33)) }},
			{"no destination", func(f *store.Forward) { f.Destination = "" }},
			{"a long destination", func(f *store.Forward) { f.Destination = string(marked(65)) }},
			{"a short card", func(f *store.Forward) { f.Card = marker }},
			{"a short charge", func(f *store.Forward) { f.Charge = marker }},
			{"a short request", func(f *store.Forward) { f.Request = marked(31) }},
			{"an empty request", func(f *store.Forward) { f.Request = []byte{} }},
			{"a short tag", func(f *store.Forward) { f.Tag = marked(19) }},
			{"a creation before 1970", func(f *store.Forward) { f.CreatedAt = -markerNumber }},
		}))
	for _, b := range forwardStates() {
		bad := good
		b.make(&bad)
		h.rejected("an update to "+b.rule, h.Update(h.ctx, func(tx store.Tx) error {
			return tx.UpdateForward(h.ctx, &bad, good.Tag)
		}))
	}
	same(h, "forward", h.forward(good.ID), good)
}

// forwardStates break what an update could break too.
func forwardStates() []broken[store.Forward] {
	return []broken[store.Forward]{
		{"an end and a lease", func(f *store.Forward) { f.LeaseUntil = markerNumber }},
		{"neither an end nor a lease", func(f *store.Forward) { f.State = store.ForwardSending }},
		{"no state", func(f *store.Forward) { f.State = "" }},
		{"another state", func(f *store.Forward) { f.State = marker }},
		{"a long reason", func(f *store.Forward) { f.Reason = string(marked(256)) }},
		{"a negative status", func(f *store.Forward) { f.Status = -1 }},
		{"a status of four digits", func(f *store.Forward) { f.Status = 4242 }},
		{"a negative count", func(f *store.Forward) { f.Masked = -markerNumber }},
		{"writing before 1970", func(f *store.Forward) { f.SentAt = -markerNumber }},
		{"an end before 1970", func(f *store.Forward) { f.EndedAt = -markerNumber }},
		{"a lease before 1970", func(f *store.Forward) { f.LeaseUntil = -markerNumber }},
		{"a negative time of the vault", func(f *store.Forward) { f.VaultTime = -markerNumber }},
		{"a negative time of the answer", func(f *store.Forward) { f.AnswerTime = -markerNumber }},
	}
}
