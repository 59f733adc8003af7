package kmstest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/panvault/panvault/kms"
)

// rewrapKeepsPlaintext moves every length of plaintext, a full batch at a time,
// across several rotations.
func rewrapKeepsPlaintext(t *testing.T, r rotation) {
	items := wrapItems(kms.MaxBatch)
	for n := 1; n <= kms.MaxPlaintext; n++ {
		items[n].Plaintext = random(n)
	}
	items[0].Context = random(kms.MaxContext)
	first := outOf(items, wrap(t, r, kms.CardLive, items))
	now := slices.Clone(first)
	for version := uint32(2); version < 4; version++ {
		r.rotate(t, kms.CardLive)
		given := rewrapItems(now)
		keep := bytes.Clone(given[0].Wrapped)
		for i, res := range r.rewrap(t, kms.CardLive, given) {
			if got, err := r.VersionOf(res.Wrapped); res.Err != nil || res.Version != version || got != version || err != nil {
				t.Fatalf("item %d: version %d, in the blob %d, %v, %v, want %d", i, res.Version, got, err, res.Err, version)
			}
			now[i].Wrapped = res.Wrapped
		}
		if !bytes.Equal(given[0].Wrapped, keep) {
			t.Error("Rewrap modified its input")
		}
		for i, res := range unwrap(t, r, kms.CardLive, slices.Concat(now, first)) {
			wantPlaintext(t, res, items[i%len(items)].Plaintext)
		}
	}
}

// rewrapKeepsContext: the context is needed to rewrap, and it is the one that
// opens the new blob.
func rewrapKeepsContext(t *testing.T, r rotation) {
	in, out := wrapOne(t, r, kms.CardLive, 32)
	r.rotate(t, kms.CardLive)
	other := random(40)
	res := r.rewrap(t, kms.CardLive, []kms.RewrapItem{{Wrapped: out.Wrapped, Context: out.Context}, {Wrapped: out.Wrapped, Context: other}})
	wantError(t, "Rewrap under another context", res[1].Err, kms.ErrTampered)
	opened := unwrap(t, r, kms.CardLive, []kms.UnwrapItem{
		{Wrapped: res[0].Wrapped, Context: in.Context}, {Wrapped: res[0].Wrapped, Context: other},
	})
	wantPlaintext(t, opened[0], in.Plaintext)
	wantError(t, "rewrapped blob under another context", opened[1].Err, kms.ErrTampered)
	crossed := unwrap(t, r, kms.CardTest, []kms.UnwrapItem{{Wrapped: res[0].Wrapped, Context: in.Context}})
	wantError(t, "rewrapped blob under another key", crossed[0].Err, kms.ErrTampered)
}

// rewrapCurrent: a blob that is current already comes back as good, and new.
func rewrapCurrent(t *testing.T, r rotation) {
	in, out := wrapOne(t, r, kms.Work, 32)
	res := r.rewrap(t, kms.Work, rewrapItems([]kms.UnwrapItem{out}))
	if res[0].Err != nil || res[0].Version != 1 || bytes.Equal(res[0].Wrapped, out.Wrapped) {
		t.Errorf("Rewrap of a current blob: version %d, %v, or the same bytes", res[0].Version, res[0].Err)
	}
	wantPlaintext(t, unwrap(t, r, kms.Work, []kms.UnwrapItem{{Wrapped: res[0].Wrapped, Context: in.Context}})[0], in.Plaintext)
}

// rewrapMixedBatch puts each bad item between good ones: each has its outcome.
func rewrapMixedBatch(t *testing.T, r rotation) {
	_, retired := wrapOne(t, r, kms.CardTest, 32)
	r.rotate(t, kms.CardTest)
	in, good := wrapOne(t, r, kms.CardTest, 32)
	r.rotate(t, kms.CardTest)
	r.rotate(t, kms.CardLive)
	_, foreign := wrapOne(t, r, kms.CardLive, 32) // version 2, too
	if _, err := r.Retire(t.Context(), kms.CardTest, 2); err != nil {
		t.Fatal(err)
	}
	bad := []struct {
		name string
		item kms.RewrapItem
		want error
	}{
		{"another context", kms.RewrapItem{Wrapped: good.Wrapped, Context: random(40)}, kms.ErrTampered},
		{"another key's blob", kms.RewrapItem{Wrapped: foreign.Wrapped, Context: foreign.Context}, kms.ErrTampered},
		{"a retired version", kms.RewrapItem{Wrapped: retired.Wrapped, Context: retired.Context}, kms.ErrVersionRetired},
		{"junk", kms.RewrapItem{Wrapped: random(90), Context: good.Context}, kms.ErrTampered},
		{"an extended blob", kms.RewrapItem{Wrapped: append(bytes.Clone(good.Wrapped), "AAAA"...), Context: good.Context}, kms.ErrTampered},
		{"no blob", kms.RewrapItem{Context: good.Context}, kms.ErrInvalid},
		{"an oversize blob", kms.RewrapItem{Wrapped: bytes.Repeat([]byte{'A'}, kms.MaxWrapped+1), Context: good.Context}, kms.ErrInvalid},
		{"no context", kms.RewrapItem{Wrapped: good.Wrapped}, kms.ErrInvalid},
		{"an oversize context", kms.RewrapItem{Wrapped: good.Wrapped, Context: random(kms.MaxContext + 1)}, kms.ErrInvalid},
	}
	var items, allBad []kms.RewrapItem
	for _, b := range bad {
		items = append(items, kms.RewrapItem{Wrapped: good.Wrapped, Context: good.Context}, b.item)
		allBad = append(allBad, b.item)
	}
	res, alone := r.rewrap(t, kms.CardTest, items), r.rewrap(t, kms.CardTest, allBad)
	for i, b := range bad {
		wantError(t, b.name, res[2*i+1].Err, b.want)
		wantError(t, b.name+", among bad ones only", alone[i].Err, b.want)
		if moved := res[2*i]; moved.Err != nil || moved.Version != 3 {
			t.Errorf("the neighbour of %s: version %d, %v, want 3", b.name, moved.Version, moved.Err)
			continue
		}
		wantPlaintext(t, unwrap(t, r, kms.CardTest, []kms.UnwrapItem{{Wrapped: res[2*i].Wrapped, Context: good.Context}})[0], in.Plaintext)
	}
}

// rewrapEveryBitFlip: a forged blob must not become a genuine one by rewrapping.
func rewrapEveryBitFlip(t *testing.T, r rotation) {
	r.rotate(t, kms.CardTest)
	_, out := wrapOne(t, r, kms.CardTest, 32)
	var items []kms.RewrapItem
	for i := range out.Wrapped {
		for bit := range 8 {
			m := bytes.Clone(out.Wrapped)
			m[i] ^= 1 << bit
			items = append(items, kms.RewrapItem{Wrapped: m, Context: out.Context})
		}
	}
	for batch := range slices.Chunk(items, kms.MaxBatch) {
		for i, res := range r.rewrap(t, kms.CardTest, batch) {
			wantError(t, fmt.Sprintf("rewrap of mutant %q", batch[i].Wrapped), res.Err, kms.ErrTampered)
		}
	}
}

func rewrapLimits(t *testing.T, r rotation) {
	_, out := wrapOne(t, r, kms.CardTest, 32)
	for _, n := range []int{0, kms.MaxBatch + 1} {
		res, err := r.Rewrap(t.Context(), kms.CardTest, rewrapItems(slices.Repeat([]kms.UnwrapItem{out}, n)))
		wantError(t, fmt.Sprintf("Rewrap of %d items", n), err, kms.ErrInvalid)
		if len(res) != 0 {
			t.Errorf("Rewrap of %d items has %d results, want none", n, len(res))
		}
	}
}
