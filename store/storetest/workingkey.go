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
