package storetest

import (
	"math"
	"strings"

	"github.com/panvault/panvault/store"
)

func (h *harness) addKeyVersions(all ...store.KeyVersion) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertKeyVersion(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) keyVersions() (got []store.KeyVersion) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.KeyVersions(h.ctx)
		return err
	})
	return got
}

func (h *harness) updateKeyVersion(k store.KeyVersion, was []byte) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.UpdateKeyVersion(h.ctx, &k, was) }
}

func keyVersionRoundTrip(h *harness) {
	if got := h.keyVersions(); len(got) != 0 {
		h.Errorf("key versions of an empty store: got %d rows", len(got))
	}
	least := store.KeyVersion{Key: "x", Version: 1, State: store.KeyPlanned, ChangedBy: "y", Tag: make([]byte, 20)}
	extreme := store.KeyVersion{Key: strings.Repeat("é", 64), Version: math.MaxUint32, State: store.KeyDestroyed, Suspect: true,
		BornAt: maxTime, ActivatedAt: maxTime, DeactivatedAt: maxTime, RetiredAt: maxTime, DestroyedAt: maxTime,
		ChangedBy: strings.Repeat("é", 255), Reason: strings.Repeat("é", 255), Canary: random(4096), Tag: random(20)}
	odd := keyVersion("work", 2)
	odd.ChangedBy, odd.Reason, odd.Canary, odd.Suspect = unicode, unicode, []byte{0}, true
	opening, retired := keyVersion("card-live", 1), keyVersion("card-live", 2)
	opening.State, opening.DeactivatedAt = store.KeyDecryptOnly, 5
	retired.State, retired.RetiredAt = store.KeyRetired, 6
	want := []store.KeyVersion{
		opening, retired,
		keyVersion("card-live", 10), // by number, not by text
		keyVersion("fingerprint/live", 1),
		keyVersion("fingerprint/test", 1),
		keyVersion("work", 1), odd, least, extreme,
	}
	h.addKeyVersions(want[8], want[3], want[2], want[7], want[6], want[0], want[4], want[1], want[5])
	h.reopen()
	same(h, "key versions", h.keyVersions(), want)
}

func keyVersionErrors(h *harness) {
	k := keyVersion("work", 1)
	h.addKeyVersions(k)
	other := keyVersion("work", 1)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertKeyVersion(h.ctx, &other) })
	same(h, "key versions", h.keyVersions(), []store.KeyVersion{k})
}

func keyVersionUpdate(h *harness) {
	was, next, other := keyVersion("work", 1), keyVersion("work", 2), keyVersion("card-live", 1)
	h.addKeyVersions(was, next, other)
	changed := store.KeyVersion{Key: was.Key, Version: was.Version, State: store.KeyDestroyed, Suspect: true, BornAt: 10,
		ActivatedAt: 20, DeactivatedAt: 30, RetiredAt: 40, DestroyedAt: 50, ChangedBy: "panvault keys", Reason: "why", Tag: random(20)}
	for _, tag := range [][]byte{next.Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, h.updateKeyVersion(changed, tag))
	}
	for _, absent := range []store.KeyVersion{{Key: "work", Version: 3}, {Key: "card-test", Version: 1}} {
		absent.State, absent.ChangedBy, absent.Tag = store.KeyActive, "x", random(20)
		h.refuse(store.ErrConflict, h.updateKeyVersion(absent, was.Tag))
	}
	same(h, "key versions before", h.keyVersions(), []store.KeyVersion{other, was, next})
	h.update(h.updateKeyVersion(changed, was.Tag))
	same(h, "key versions after", h.keyVersions(), []store.KeyVersion{other, changed, next})
	h.refuse(store.ErrConflict, h.updateKeyVersion(was, was.Tag))
}

// keyVersionRace: of those who end a version, one does.
func keyVersionRace(h *harness) {
	was := keyVersion("work", 1)
	h.addKeyVersions(was)
	for range 10 {
		var next [4]store.KeyVersion
		for i := range next {
			next[i] = was
			next[i].RetiredAt, next[i].Tag = int64(i), random(20)
		}
		winner := h.race("update", len(next), func(tx store.Tx, i int) error { return tx.UpdateKeyVersion(h.ctx, &next[i], was.Tag) })
		was = next[winner]
		same(h, "key versions", h.keyVersions(), []store.KeyVersion{was})
	}
}

func keyVersionRules(h *harness) {
	good := keyVersion("work", 1)
	all := []broken[store.KeyVersion]{
		{"a state of no life", func(k *store.KeyVersion) { k.State = marker }},
		{"no state", func(k *store.KeyVersion) { k.State = "" }},
		{"an end that is not destruction", func(k *store.KeyVersion) { k.DestroyedAt = markerNumber }},
		{"a destruction at no time", func(k *store.KeyVersion) { k.State = store.KeyDestroyed }},
		{"a birth before 1970", func(k *store.KeyVersion) { k.BornAt = -markerNumber }},
		{"a start before 1970", func(k *store.KeyVersion) { k.ActivatedAt = -markerNumber }},
		{"a stop before 1970", func(k *store.KeyVersion) { k.DeactivatedAt = -markerNumber }},
		{"a retirement before 1970", func(k *store.KeyVersion) { k.RetiredAt = -markerNumber }},
		{"nobody who changed it", func(k *store.KeyVersion) { k.ChangedBy = "" }},
		{"a long name who changed it", func(k *store.KeyVersion) { k.ChangedBy = string(marked(256)) }},
		{"a long reason", func(k *store.KeyVersion) { k.Reason = string(marked(256)) }},
		{"an empty canary", func(k *store.KeyVersion) { k.Canary = []byte{} }},
		{"a long canary", func(k *store.KeyVersion) { k.Canary = marked(4097) }},
		{"a short tag", func(k *store.KeyVersion) { k.Tag = marked(19) }},
	}
	rules(h, "key version", &good,
		func(tx store.Tx, k *store.KeyVersion) error { return tx.InsertKeyVersion(h.ctx, k) },
		append(all, broken[store.KeyVersion]{"no key", func(k *store.KeyVersion) { k.Key = "" }},
			broken[store.KeyVersion]{"a long key", func(k *store.KeyVersion) { k.Key = string(marked(65)) }},
			broken[store.KeyVersion]{"version 0", func(k *store.KeyVersion) { k.Version = 0 }}))
	for _, b := range all {
		bad := good
		b.make(&bad)
		h.rejected("an update to "+b.rule, h.Update(h.ctx, h.updateKeyVersion(bad, good.Tag)))
	}
	same(h, "key versions", h.keyVersions(), []store.KeyVersion{good})
}

func (h *harness) epoch() (got int64) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.Epoch(h.ctx)
		return err
	})
	return got
}

// keyVersionEpoch: changes are counted one by one, however many come at once,
// and those that were undone are not.
func keyVersionEpoch(h *harness) {
	same(h, "epoch of an empty store", h.epoch(), 0)
	h.update(func(tx store.Tx) error {
		for want := int64(1); want <= 2; want++ {
			got, err := tx.BumpEpoch(h.ctx)
			same(h, "the epoch of a change", got, want)
			if err != nil {
				return err
			}
		}
		return nil
	})
	h.refuse(store.ErrConflict, func(tx store.Tx) error {
		if _, err := tx.BumpEpoch(h.ctx); err != nil {
			return err
		}
		return store.ErrConflict
	})
	same(h, "epoch", h.epoch(), 2)
	const n = 20
	var seen [n]int64
	together(n, func(i int) {
		err := h.again(func(tx store.Tx) (err error) {
			seen[i], err = tx.BumpEpoch(h.ctx)
			return err
		})
		if err != nil {
			h.Errorf("change %d: %v", i, err)
		}
	})
	once := make(map[int64]bool)
	for _, epoch := range seen {
		once[epoch] = true
	}
	if len(once) != n {
		h.Errorf("%d changes got %d epochs", n, len(once))
	}
	h.reopen()
	same(h, "epoch", h.epoch(), 2+n)
}
