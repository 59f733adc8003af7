package kmstest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/panvault/panvault/kms"
)

func rotateAddsOne(t *testing.T, r rotation) {
	for _, key := range kms.Keys() {
		for want := uint32(2); want < 5; want++ {
			others := map[kms.Key]kms.Description{}
			for _, other := range kms.Keys() {
				others[other] = r.describe(t, other)
			}
			d, err := r.Rotate(t.Context(), key, want-1)
			if err != nil {
				t.Fatalf("Rotate(%s, %d): %v", key, want-1, err)
			}
			checkVersions(t, d)
			if d.Latest != want || d.MinEncrypt != want || d.MinDecrypt != 1 || d.MinAvailable != 1 || len(d.Created) != int(want) || d.Key != key {
				t.Errorf("Rotate(%s, %d) = %+v, want version %d and nothing older to wrap", key, want-1, d, want)
			}
			if was := others[key]; !d.Created[want-1].Equal(was.Created[want-1]) || d.Name != was.Name {
				t.Errorf("Rotate(%s) changed what was known of version %d: %+v, was %+v", key, want-1, d, was)
			}
			if seen := r.describe(t, key); !reflect.DeepEqual(seen, d) {
				t.Errorf("Describe(%s) = %+v, Rotate said %+v", key, seen, d)
			}
			for _, other := range kms.Keys() {
				if is := r.describe(t, other); other != key && !reflect.DeepEqual(is, others[other]) {
					t.Errorf("rotating %s changed %s: %+v, was %+v", key, other, is, others[other])
				}
			}
		}
	}
}

func rotateExpectsOne(t *testing.T, r rotation) {
	r.rotate(t, kms.CardLive)
	was := r.describe(t, kms.CardLive)
	for _, expected := range []uint32{0, 1, 3, 1 << 31} {
		d, err := r.Rotate(t.Context(), kms.CardLive, expected)
		wantError(t, fmt.Sprintf("Rotate expecting %d of 2", expected), err, kms.ErrConflict)
		if !reflect.DeepEqual(d, kms.Description{}) {
			t.Errorf("a refused Rotate describes %+v, want nothing", d)
		}
		r.unchanged(t, fmt.Sprintf("Rotate expecting %d of 2", expected), was)
	}
}

// rotateTogether lets several add version 2. Not more than one may believe that
// it did; where the backend cannot keep them apart, those who came on top say
// so. In no case may an older version still wrap.
func rotateTogether(t *testing.T, r rotation) {
	const callers = 4
	errs := make([]error, callers)
	conns := make([]Rotating, callers)
	for i := range conns {
		conns[i] = r.again(t)
	}
	var wg sync.WaitGroup
	for i, k := range conns {
		wg.Go(func() { _, errs[i] = k.Rotate(t.Context(), kms.CardTest, 1) })
	}
	wg.Wait()
	won, twice := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case errors.Is(err, kms.ErrRotatedTwice):
			twice++
		default:
			wantError(t, "Rotate beside others", err, kms.ErrConflict)
		}
	}
	d, err := r.again(t).Describe(t.Context(), kms.CardTest)
	if err != nil {
		t.Fatal(err)
	}
	if won > 1 || won+twice == 0 || int(d.Latest) != 1+won+twice || d.MinEncrypt != d.Latest {
		t.Errorf("%d succeeded, %d noticed another: version %d, wrapping from %d", won, twice, d.Latest, d.MinEncrypt)
	}
}

// rotateUnderLoad wraps, opens and rewraps through several connections while
// the key is rotated: nothing fails, and what was wrapped opens afterwards.
func rotateUnderLoad(t *testing.T, r rotation) {
	const workers, rotations = 4, 4
	done := make(chan struct{})
	kept := make([][]kms.UnwrapItem, workers)
	plain := make([][]kms.WrapItem, workers)
	var wg sync.WaitGroup
	for w := range workers {
		k := r.again(t)
		wg.Go(func() {
			for {
				items := wrapItems(4)
				out, err := moved(t, k, items)
				if err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
				kept[w], plain[w] = append(kept[w], out...), append(plain[w], items...)
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range rotations {
		r.rotate(t, kms.CardLive)
	}
	close(done)
	wg.Wait()
	last := r.again(t)
	for w := range workers {
		for i, res := range unwrap(t, last, kms.CardLive, kept[w]) {
			wantPlaintext(t, res, plain[w][i].Plaintext)
		}
	}
}

// moved wraps items, rewraps half of them and opens all.
func moved(t *testing.T, k Rotating, items []kms.WrapItem) ([]kms.UnwrapItem, error) {
	wrapped, err := k.Wrap(t.Context(), kms.CardLive, items)
	if err != nil {
		return nil, err
	}
	out := outOf(items, wrapped)
	res, err := k.Rewrap(t.Context(), kms.CardLive, rewrapItems(out[:len(out)/2]))
	if err != nil {
		return nil, err
	}
	for i, it := range res {
		if it.Err != nil || it.Version < wrapped[i].Version {
			return nil, fmt.Errorf("rewrapped version %d as %d: %w", wrapped[i].Version, it.Version, it.Err)
		}
		out[i].Wrapped = it.Wrapped
	}
	opened, err := k.Unwrap(t.Context(), kms.CardLive, out)
	if err != nil {
		return nil, err
	}
	for i, it := range opened {
		if it.Err != nil || !bytes.Equal(it.Plaintext, items[i].Plaintext) {
			return nil, fmt.Errorf("item %d came back wrong: %w", i, it.Err)
		}
	}
	return out, nil
}

// oldBlobsOpen: what was wrapped before opens after, what is wrapped after has
// the new version, and another process that has not looked yet opens it too.
func oldBlobsOpen(t *testing.T, r rotation) {
	other := r.again(t)
	in := wrapItems(3)
	old := outOf(in, wrap(t, r, kms.CardTest, in))
	for version := uint32(2); version < 5; version++ {
		r.rotate(t, kms.CardTest)
		fresh := wrapItems(1)
		wrapped := wrap(t, r, kms.CardTest, fresh)
		if got, err := r.VersionOf(wrapped[0].Wrapped); wrapped[0].Version != version || got != version || err != nil {
			t.Errorf("wrapped under %d, the blob says %d, %v, want %d", wrapped[0].Version, got, err, version)
		}
		in, old = append(in, fresh...), append(old, outOf(fresh, wrapped)...)
		for _, k := range []kms.KMS{r, other} {
			for i, res := range unwrap(t, k, kms.CardTest, old) {
				wantPlaintext(t, res, in[i].Plaintext)
			}
		}
	}
}
