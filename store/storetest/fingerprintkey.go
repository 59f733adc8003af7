package storetest

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/panvault/panvault/store"
)

// addFingerprintVersions adds rows of a few key versions, and returns them in
// the order of ids. Some have none.
func (h *harness) addFingerprintVersions(n int, seed uint64) []store.Fingerprint {
	h.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	var all []store.Fingerprint
	for i := range n {
		f := fingerprint(i)
		f.KeyVersion, f.Live = [4]uint32{1, 2, 5, math.MaxUint32}[r.IntN(4)], r.IntN(2) == 0
		if r.IntN(6) == 0 {
			f.ID, f.Cards = "", 0
		}
		all = append(all, f)
	}
	h.addFingerprints(all...)
	slices.SortFunc(all, func(a, b store.Fingerprint) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (h *harness) fingerprintsOf(live bool, below uint32, after string, limit int) (got []store.Fingerprint) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.FingerprintsOfVersion(h.ctx, live, below, after, limit)
		return err
	})
	return got
}

func (h *harness) countFingerprints(live bool) (got map[uint32]int) {
	h.Helper()
	h.view(func(r store.Reader) (err error) {
		got, err = r.CountFingerprintsByVersion(h.ctx, live)
		return err
	})
	return got
}

// fingerprintVersions compares pages and counts with filtering by hand.
func fingerprintVersions(h *harness) {
	if got := h.countFingerprints(true); len(got) != 0 {
		h.Errorf("fingerprints of an empty store: got %v", got)
	}
	if got := h.fingerprintsOf(true, math.MaxUint32, "", 9); len(got) != 0 {
		h.Errorf("fingerprints of an empty store: got %d rows", len(got))
	}
	all := h.addFingerprintVersions(200, 1)
	for _, live := range []bool{true, false} {
		want := make(map[uint32]int)
		for _, f := range all {
			if f.Live == live {
				want[f.KeyVersion]++
			}
		}
		if got := h.countFingerprints(live); !maps.Equal(got, want) {
			h.Errorf("live %v: got %v, want %v", live, got, want)
		}
	}
	for _, live := range []bool{true, false} {
		for _, below := range []uint32{0, 1, 2, 3, 6, math.MaxUint32} {
			for _, after := range []string{"", id(50), id(199)} {
				for _, limit := range []int{0, 1, 7, 1000} {
					var want []store.Fingerprint
					for _, f := range all {
						if len(want) < limit && f.Live == live && f.KeyVersion < below && f.ID > after {
							want = append(want, f)
						}
					}
					same(h, fmt.Sprintf("live %v, below %d, after %q, limit %d", live, below, after, limit),
						h.fingerprintsOf(live, below, after, limit), want)
				}
			}
		}
	}
}

// fingerprintRun: a run that gives page after page a new MAC meets every row
// with an id once and leaves those without.
func fingerprintRun(h *harness) {
	const target = 6
	all := h.addFingerprintVersions(200, 2)
	var want, met []string
	orphans := 0
	for _, f := range all {
		switch {
		case !f.Live || f.KeyVersion >= target:
		case f.ID == "":
			orphans++
		default:
			want = append(want, f.ID)
		}
	}
	for after := ""; ; {
		page := h.fingerprintsOf(true, target, after, 9)
		if len(page) == 0 {
			break
		}
		h.update(func(tx store.Tx) error {
			for _, f := range page {
				mac, was := f.MAC, f.Tag
				f.MAC, f.KeyVersion, f.Tag = random(32), target, random(20)
				if err := tx.UpdateFingerprint(h.ctx, &f, mac, was); err != nil {
					return err
				}
			}
			return nil
		})
		for _, f := range page {
			met, after = append(met, f.ID), f.ID
		}
	}
	same(h, "rows that were met", met, want)
	left := 0
	for version, rows := range h.countFingerprints(true) {
		if version < target {
			left += rows
		}
	}
	if left != orphans || orphans == 0 {
		h.Errorf("got %d rows left, want the %d without an id", left, orphans)
	}
}
