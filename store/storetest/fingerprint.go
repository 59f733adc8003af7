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

func fingerprintRoundTrip(h *harness) {
	extreme := fingerprint(2)
	extreme.MAC, extreme.Surrogate = make([]byte, 32), make([]byte, 32)
	extreme.KeyVersion, extreme.CreatedAt, extreme.Live = math.MaxUint32, maxTime, false
	for _, want := range []store.Fingerprint{fingerprint(1), extreme} {
		h.addFingerprints(want)
		h.reopen()
		same(h, "fingerprint", h.fingerprint(want.MAC), want)
	}
}

func fingerprintErrors(h *harness) {
	f := fingerprint(1)
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, f.MAC); return err })
	h.addFingerprints(f)
	other := fingerprint(1)
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.InsertFingerprint(h.ctx, &other) })
	same(h, "fingerprint", h.fingerprint(f.MAC), f)
}

func fingerprintReplace(h *harness) {
	kept, before, taken := fingerprint(1), fingerprint(2), fingerprint(3)
	h.addFingerprints(kept, before, taken)
	after := before
	after.MAC, after.KeyVersion, after.Tag = fill(32, 99), 2, random(20)

	h.refuse(store.ErrNotFound, func(tx store.Tx) error { return tx.ReplaceFingerprint(h.ctx, fill(32, 98), &after) })
	clash := after
	clash.MAC = taken.MAC
	h.refuse(store.ErrConflict, func(tx store.Tx) error { return tx.ReplaceFingerprint(h.ctx, before.MAC, &clash) })
	same(h, "fingerprint before", h.fingerprint(before.MAC), before)

	submitted := after
	submitted.Surrogate = random(32) // is kept, whatever the caller passes
	h.update(func(tx store.Tx) error { return tx.ReplaceFingerprint(h.ctx, before.MAC, &submitted) })
	h.miss(func(r store.Reader) error { _, err := r.Fingerprint(h.ctx, before.MAC); return err })
	same(h, "fingerprint after", h.fingerprint(after.MAC), after)
	same(h, "another fingerprint", h.fingerprint(kept.MAC), kept)
}
