package storetest

import (
	"math"

	"github.com/panvault/panvault/store"
)

func (h *harness) addFingerprints(all ...store.Fingerprint) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertFingerprint(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) fingerprint(mac []byte) (got store.Fingerprint) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Fingerprint(h.ctx, mac)
		return err
	})
	return got
}

func (h *harness) fingerprintByID(id string) (got store.Fingerprint) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.FingerprintByID(h.ctx, id)
		return err
	})
	return got
}

func fingerprintRoundTrip(h *harness) {
	extreme := fingerprint(2)
	extreme.MAC, extreme.Surrogate = make([]byte, 32), make([]byte, 32)
	extreme.KeyVersion, extreme.CreatedAt, extreme.Cards, extreme.Live = math.MaxUint32, maxTime, maxTime, false
	for _, want := range []store.Fingerprint{fingerprint(1), extreme} {
		h.addFingerprints(want)
		h.reopen()
		same(h, "fingerprint", h.fingerprint(want.MAC), want)
		same(h, "fingerprint by id", h.fingerprintByID(want.ID), want)
	}
}

// fingerprintNoID: rows of before there were ids, of which there may be many.
func fingerprintNoID(h *harness) {
	first, second := fingerprint(1), fingerprint(2)
	first.ID, first.Cards, second.ID, second.Cards = "", 0, "", 0
	h.addFingerprints(first, second)
	same(h, "fingerprint", h.fingerprint(first.MAC), first)
	same(h, "fingerprint", h.fingerprint(second.MAC), second)
	h.miss(func(r store.Reader) error { _, err := r.FingerprintByID(h.ctx, ""); return err })
}

func fingerprintErrors(h *harness) {
	f := fingerprint(1)
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, f.MAC); return err })
	h.miss(func(r store.Reader) error { _, err := r.FingerprintByID(h.ctx, f.ID); return err })
	h.addFingerprints(f)
	sameMAC, sameID := fingerprint(2), fingerprint(2)
	sameMAC.MAC, sameID.ID = f.MAC, f.ID
	for _, other := range []store.Fingerprint{sameMAC, sameID} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertFingerprint(h.ctx, &other) })
	}
	same(h, "fingerprint", h.fingerprint(f.MAC), f)
	same(h, "fingerprint by id", h.fingerprintByID(f.ID), f)
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, sameID.MAC); return err })
	h.miss(func(r store.Reader) error { _, err := r.FingerprintByID(h.ctx, sameMAC.ID); return err })
}

func fingerprintUpdate(h *harness) {
	kept, before, taken := fingerprint(1), fingerprint(2), fingerprint(3)
	h.addFingerprints(kept, before, taken)
	after := before
	after.MAC, after.KeyVersion, after.Cards, after.Tag = fill(32, 99), 2, 7, random(20)

	lose := func(f store.Fingerprint, mac, was []byte) {
		h.Helper()
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateFingerprint(h.ctx, &f, mac, was) })
		same(h, "fingerprint before", h.fingerprint(before.MAC), before)
		same(h, "another fingerprint", h.fingerprint(taken.MAC), taken)
	}
	clash := after
	clash.MAC = taken.MAC
	lose(after, fill(32, 98), before.Tag)
	lose(after, before.MAC, random(20))
	lose(after, before.MAC, after.Tag)
	lose(after, before.MAC, nil)
	lose(after, kept.MAC, before.Tag)
	lose(clash, before.MAC, before.Tag)

	submitted := after // what never changes is kept, whatever the caller passes
	submitted.Surrogate, submitted.ID, submitted.Merchant = random(32), id(77), merchantID(1)
	submitted.Live, submitted.CreatedAt = false, 999
	h.update(func(tx store.Tx) error { return tx.UpdateFingerprint(h.ctx, &submitted, before.MAC, before.Tag) })
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, before.MAC); return err })
	h.miss(func(r store.Reader) error { _, err := r.FingerprintByID(h.ctx, submitted.ID); return err })
	same(h, "fingerprint after", h.fingerprint(after.MAC), after)
	same(h, "fingerprint after, by id", h.fingerprintByID(after.ID), after)
	same(h, "another fingerprint", h.fingerprint(kept.MAC), kept)

	counted := after // the MAC may stay
	counted.Cards, counted.Tag = 8, random(20)
	h.update(func(tx store.Tx) error { return tx.UpdateFingerprint(h.ctx, &counted, after.MAC, after.Tag) })
	same(h, "fingerprint with another card", h.fingerprint(after.MAC), counted)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.UpdateFingerprint(h.ctx, &counted, after.MAC, after.Tag) })
}

func fingerprintDelete(h *harness) {
	kept, gone := fingerprint(1), fingerprint(2)
	h.addFingerprints(kept, gone)
	for _, wrong := range []store.Fingerprint{
		{MAC: gone.MAC, Tag: kept.Tag},
		{MAC: kept.MAC, Tag: gone.Tag},
		{MAC: fill(32, 98), Tag: gone.Tag},
		{MAC: gone.MAC},
	} {
		h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.DeleteFingerprint(h.ctx, wrong.MAC, wrong.Tag) })
		same(h, "fingerprint", h.fingerprint(gone.MAC), gone)
	}
	remove := func(tx store.Tx) error { return tx.DeleteFingerprint(h.ctx, gone.MAC, gone.Tag) }
	h.update(remove)
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, gone.MAC); return err })
	h.miss(func(r store.Reader) error { _, err := r.FingerprintByID(h.ctx, gone.ID); return err })
	same(h, "another fingerprint", h.fingerprint(kept.MAC), kept)
	h.refuse(store.ErrConflict, remove)
	h.addFingerprints(gone) // MAC and id are free again
	same(h, "fingerprint added again", h.fingerprint(gone.MAC), gone)
}

// fingerprintRace: of those who count a card on one row, or take the row away
// with its last card, one does.
func fingerprintRace(h *harness) {
	for round := range 10 {
		was := fingerprint(round)
		h.addFingerprints(was)
		var next [4]store.Fingerprint
		for i := range next {
			next[i] = was
			next[i].Cards, next[i].Tag = int64(i), random(20)
		}
		winner := h.race("update or delete", len(next), func(tx store.Tx, i int) error {
			if i == 0 {
				return tx.DeleteFingerprint(h.ctx, was.MAC, was.Tag)
			}
			return tx.UpdateFingerprint(h.ctx, &next[i], was.MAC, was.Tag)
		})
		if winner == 0 {
			h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, was.MAC); return err })
		} else {
			same(h, "fingerprint", h.fingerprint(was.MAC), next[winner])
		}
	}
}

func fingerprintRules(h *harness) {
	good := fingerprint(1)
	rules(h, "fingerprint", &good,
		func(tx store.Tx, f *store.Fingerprint) error { return tx.InsertFingerprint(h.ctx, f) },
		[]broken[store.Fingerprint]{
			{"a short id", func(f *store.Fingerprint) { f.ID = marker }},
			{"a long id", func(f *store.Fingerprint) { f.ID = marker + marker }},
			{"fewer than no cards", func(f *store.Fingerprint) { f.Cards = -markerNumber }},
			{"a short MAC", func(f *store.Fingerprint) { f.MAC = marked(31) }},
			{"a short surrogate", func(f *store.Fingerprint) { f.Surrogate = marked(31) }},
			{"a long tag", func(f *store.Fingerprint) { f.Tag = marked(21) }},
			{"no merchant", func(f *store.Fingerprint) { f.Merchant = "" }},
		})
	same(h, "fingerprint", h.fingerprint(good.MAC), good)
	bad := good
	bad.Cards, bad.Tag = -markerNumber, random(20)
	h.rejected("an update to fewer than no cards", h.Update(h.ctx, func(tx store.Tx) error {
		return tx.UpdateFingerprint(h.ctx, &bad, good.MAC, good.Tag)
	}))
	same(h, "fingerprint", h.fingerprint(good.MAC), good)
}
