package kmstest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/panvault/panvault/kms"
)

// history wraps one item under each of versions 1 to n of key.
func (r rotation) history(t *testing.T, key kms.Key, n int) (in []kms.WrapItem, out []kms.UnwrapItem) {
	t.Helper()
	for v := 1; v <= n; v++ {
		if v > 1 {
			r.rotate(t, key)
		}
		i, o := wrapOne(t, r, key, 32)
		in, out = append(in, i), append(out, o)
	}
	return in, out
}

// opensFrom expects the blobs of history below floor to be retired, for Unwrap
// and Rewrap, here and for a new connection, and the others to open.
func (r rotation) opensFrom(t *testing.T, key kms.Key, floor int, in []kms.WrapItem, out []kms.UnwrapItem) {
	t.Helper()
	for _, k := range []Rotating{r, r.again(t)} {
		moved := rotation{Rotating: k}.rewrap(t, key, rewrapItems(out))
		for i, res := range unwrap(t, k, key, out) {
			if i+1 < floor {
				wantError(t, fmt.Sprintf("Unwrap of version %d", i+1), res.Err, kms.ErrVersionRetired)
				wantError(t, fmt.Sprintf("Rewrap of version %d", i+1), moved[i].Err, kms.ErrVersionRetired)
				continue
			}
			wantPlaintext(t, res, in[i].Plaintext)
			if moved[i].Err != nil || int(moved[i].Version) != len(in) {
				t.Errorf("Rewrap of version %d: version %d, %v, want %d", i+1, moved[i].Version, moved[i].Err, len(in))
			}
		}
	}
}

func retireRaisesTheFloor(t *testing.T, r rotation) {
	in, out := r.history(t, kms.CardLive, 4)
	for floor := uint32(1); floor <= 4; floor++ {
		was := r.describe(t, kms.CardLive)
		for range 2 { // the second time nothing is left to do
			d, err := r.Retire(t.Context(), kms.CardLive, floor)
			if err != nil {
				t.Fatalf("Retire(%d): %v", floor, err)
			}
			checkVersions(t, d)
			if d.MinDecrypt != floor || d.Latest != 4 || d.MinEncrypt != 4 || d.MinAvailable != 1 || len(d.Created) != int(5-floor) {
				t.Errorf("Retire(%d) = %+v, was %+v", floor, d, was)
			}
		}
		r.opensFrom(t, kms.CardLive, int(floor), in, out)
	}
}

func retireRefuses(t *testing.T, r rotation) {
	in, out := r.history(t, kms.Work, 3)
	if _, err := r.Retire(t.Context(), kms.Work, 2); err != nil {
		t.Fatal(err)
	}
	was := r.describe(t, kms.Work)
	for _, floor := range []uint32{0, 1, 4, 1 << 31} {
		d, err := r.Retire(t.Context(), kms.Work, floor)
		wantError(t, fmt.Sprintf("Retire(%d) of 2 to 3", floor), err, kms.ErrInvalid)
		if !reflect.DeepEqual(d, kms.Description{}) {
			t.Errorf("a refused Retire describes %+v, want nothing", d)
		}
	}
	r.unchanged(t, "refused retirements", was)
	r.opensFrom(t, kms.Work, 2, in, out)
}

// trimDestroys goes through a key's whole life twice, and expects rotation to
// go on from where it was.
func trimDestroys(t *testing.T, r rotation) {
	in, out := r.history(t, kms.CardTest, 4)
	for _, floor := range []uint32{2, 4} {
		if _, err := r.Retire(t.Context(), kms.CardTest, floor); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time nothing is left to do
			d, err := r.Trim(t.Context(), kms.CardTest, floor)
			if err != nil {
				t.Fatalf("Trim(%d): %v", floor, err)
			}
			checkVersions(t, d)
			if d.MinAvailable != floor || d.MinDecrypt != floor || d.Latest != 4 || len(d.Created) != int(5-floor) {
				t.Errorf("Trim(%d) = %+v", floor, d)
			}
		}
		r.opensFrom(t, kms.CardTest, int(floor), in, out)
	}
	if got := r.rotate(t, kms.CardTest); got != 5 {
		t.Errorf("rotated to %d after a trim, want 5", got)
	}
	res := unwrap(t, r, kms.CardTest, out)
	wantPlaintext(t, res[3], in[3].Plaintext)
	wantError(t, "a trimmed version", res[0].Err, kms.ErrVersionRetired)
}

func trimRefuses(t *testing.T, r rotation) {
	in, out := r.history(t, kms.CardLive, 4)
	refuse := func(what string, change func() (kms.Description, error)) {
		t.Helper()
		was := r.describe(t, kms.CardLive)
		d, err := change()
		wantError(t, what, err, kms.ErrInvalid)
		if !reflect.DeepEqual(d, kms.Description{}) {
			t.Errorf("%s describes %+v, want nothing", what, d)
		}
		r.unchanged(t, what, was)
	}
	trim := func(floor uint32) func() (kms.Description, error) {
		return func() (kms.Description, error) { return r.Trim(t.Context(), kms.CardLive, floor) }
	}
	refuse("Trim to 2 before anything is retired", trim(2))
	if _, err := r.Retire(t.Context(), kms.CardLive, 3); err != nil {
		t.Fatal(err)
	}
	refuse("Trim to 0", trim(0))
	refuse("Trim above the floor", trim(4))
	refuse("Trim above the newest version", trim(5))
	if _, err := trim(3)(); err != nil {
		t.Fatal(err)
	}
	refuse("Trim to less than is gone", trim(2))
	refuse("Retire to what is gone", func() (kms.Description, error) { return r.Retire(t.Context(), kms.CardLive, 2) })
	r.opensFrom(t, kms.CardLive, 3, in, out)
}
