package storetest

import (
	"math"

	"github.com/panvault/panvault/store"
)

func (h *harness) addWorkingKeys(all ...store.WorkingKey) {
	h.Helper()
	h.update(func(tx store.Tx) error {
		for i := range all {
			if err := tx.InsertWorkingKey(h.ctx, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *harness) workingKeys() (got []store.WorkingKey) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.WorkingKeys(h.ctx)
		return err
	})
	return got
}

func workingKeyRoundTrip(h *harness) {
	if got := h.workingKeys(); len(got) != 0 {
		h.Errorf("working keys of an empty store: got %d rows", len(got))
	}
	destroyed := workingKey("fingerprint", "live", 1)
	destroyed.State, destroyed.Wrapped, destroyed.KEKVersion, destroyed.CreatedAt = "destroyed", nil, 0, 0
	extreme := workingKey("fingerprint", "live", math.MaxUint32)
	extreme.KEKVersion, extreme.CreatedAt, extreme.State = math.MaxUint32, maxTime, "decrypt-only"
	want := []store.WorkingKey{
		workingKey("apikey", "all", 1),
		destroyed,
		workingKey("fingerprint", "live", 2),
		workingKey("fingerprint", "live", 10), // by number, not by text
		extreme,
		workingKey("fingerprint", "test", 1),
		workingKey("profile", "live", 1),
	}
	h.addWorkingKeys(want[5], want[3], want[0], want[4], want[1], want[6], want[2])
	h.reopen()
	same(h, "working keys", h.workingKeys(), want)
}

func workingKeyErrors(h *harness) {
	k := workingKey("profile", "live", 1)
	h.addWorkingKeys(k)
	other := workingKey("profile", "live", 1)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertWorkingKey(h.ctx, &other) })
	same(h, "working keys", h.workingKeys(), []store.WorkingKey{k})
}

func (h *harness) updateWorkingKey(k store.WorkingKey, was []byte) func(store.Tx) error {
	return func(tx store.Tx) error { return tx.UpdateWorkingKey(h.ctx, &k, was) }
}

func workingKeyUpdate(h *harness) {
	others := []store.WorkingKey{workingKey("fingerprint", "live", 1), workingKey("profile", "live", 2), workingKey("profile", "test", 1)}
	was := workingKey("profile", "live", 1)
	h.addWorkingKeys(append(others, was)...)
	all := func(k store.WorkingKey) []store.WorkingKey {
		return []store.WorkingKey{others[0], k, others[1], others[2]}
	}
	changed := was
	changed.State, changed.KEKVersion, changed.Wrapped, changed.Tag = "decrypt-only", 7, random(80), random(20)
	for _, tag := range [][]byte{others[0].Tag, changed.Tag, random(20), nil} {
		h.refuse(store.ErrConflict, h.updateWorkingKey(changed, tag))
	}
	for _, absent := range []store.WorkingKey{{Purpose: "apikey", Mode: "live", Version: 1}, {Purpose: "profile", Mode: "all", Version: 1},
		{Purpose: "profile", Mode: "live", Version: 3}} {
		absent.State, absent.Tag = "active", random(20)
		h.refuse(store.ErrConflict, h.updateWorkingKey(absent, was.Tag))
	}
	same(h, "working keys before", h.workingKeys(), all(was))

	submitted := changed
	submitted.CreatedAt = 999 // is kept, whatever the caller passes
	h.update(h.updateWorkingKey(submitted, was.Tag))
	same(h, "working keys after", h.workingKeys(), all(changed))
	h.refuse(store.ErrConflict, h.updateWorkingKey(was, was.Tag))

	gone := changed
	gone.State, gone.Wrapped, gone.KEKVersion, gone.Tag = "destroyed", nil, math.MaxUint32, random(20)
	h.update(h.updateWorkingKey(gone, changed.Tag))
	h.reopen()
	same(h, "working keys after destruction", h.workingKeys(), all(gone))
	bad := gone
	bad.Tag = marked(19)
	h.rejected("an update with a short tag", h.Update(h.ctx, h.updateWorkingKey(bad, gone.Tag)))
	bad.Tag, bad.State = random(20), ""
	h.rejected("an update to no state", h.Update(h.ctx, h.updateWorkingKey(bad, gone.Tag)))
	same(h, "working keys", h.workingKeys(), all(gone))
}

func workingKeyRace(h *harness) {
	was := workingKey("profile", "live", 1)
	h.addWorkingKeys(was)
	for range 10 {
		var next [4]store.WorkingKey
		for i := range next {
			next[i] = was
			next[i].KEKVersion, next[i].Tag = uint32(i), random(20)
		}
		winner := h.race("update", len(next), func(tx store.Tx, i int) error { return tx.UpdateWorkingKey(h.ctx, &next[i], was.Tag) })
		was = next[winner]
		same(h, "working keys", h.workingKeys(), []store.WorkingKey{was})
	}
}
