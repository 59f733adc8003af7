package kmstest

import (
	"fmt"
	"testing"

	"github.com/panvault/panvault/kms"
)

func batchSizes(t *testing.T, k kms.KMS) {
	for _, n := range []int{1, 2, kms.MaxBatch} {
		items := wrapItems(n)
		for i, r := range unwrap(t, k, kms.CardLive, outOf(items, wrap(t, k, kms.CardLive, items))) {
			wantPlaintext(t, r, items[i].Plaintext)
		}
	}
	_, one := wrapOne(t, k, kms.CardLive, 32)
	for _, n := range []int{0, kms.MaxBatch + 1} {
		wrapped, err := k.Wrap(t.Context(), kms.CardLive, wrapItems(n))
		wantError(t, fmt.Sprintf("Wrap of %d items", n), err, kms.ErrInvalid)
		many := make([]kms.UnwrapItem, n)
		for i := range many {
			many[i] = one
		}
		opened, err := k.Unwrap(t.Context(), kms.CardLive, many)
		wantError(t, fmt.Sprintf("Unwrap of %d items", n), err, kms.ErrInvalid)
		if len(wrapped)+len(opened) != 0 {
			t.Errorf("a refused call of %d items has results, want none", n)
		}
	}
}

// batchInOrder opens a batch backwards and with repeats: results follow the
// items, not the order of wrapping.
func batchInOrder(t *testing.T, k kms.KMS) {
	items := wrapItems(17)
	wrapped := outOf(items, wrap(t, k, kms.CardTest, items))
	var ask []kms.UnwrapItem
	var want []kms.WrapItem
	for i := len(items) - 1; i >= 0; i-- {
		ask = append(ask, wrapped[i], wrapped[0])
		want = append(want, items[i], items[0])
	}
	for i, r := range unwrap(t, k, kms.CardTest, ask) {
		wantPlaintext(t, r, want[i].Plaintext)
	}
}

// mixedBatch puts every third item under another item's context.
func mixedBatch(t *testing.T, k kms.KMS) {
	items := wrapItems(30)
	ask := outOf(items, wrap(t, k, kms.CardTest, items))
	for i := 0; i < len(ask); i += 3 {
		ask[i].Context = items[(i+1)%len(items)].Context
	}
	for i, r := range unwrap(t, k, kms.CardTest, ask) {
		if i%3 == 0 {
			wantError(t, fmt.Sprintf("item %d of a mixed batch", i), r.Err, kms.ErrTampered)
		} else {
			wantPlaintext(t, r, items[i].Plaintext)
		}
	}
}

// allBadBatch expects item errors, not a call error, when nothing succeeds.
func allBadBatch(t *testing.T, k kms.KMS) {
	items := wrapItems(5)
	ask := outOf(items, wrap(t, k, kms.CardTest, items))
	for i := range ask {
		ask[i].Context = random(40)
	}
	for i, r := range unwrap(t, k, kms.CardTest, ask) {
		wantError(t, fmt.Sprintf("tampered item %d", i), r.Err, kms.ErrTampered)
	}
	for i, r := range unwrap(t, k, kms.CardTest, make([]kms.UnwrapItem, 3)) {
		wantError(t, fmt.Sprintf("empty item %d", i), r.Err, kms.ErrInvalid)
	}
	res, err := k.Wrap(t.Context(), kms.CardTest, make([]kms.WrapItem, 3))
	if err != nil || len(res) != 3 {
		t.Fatalf("Wrap of three empty items: %d results, error %v, want 3 and nil", len(res), err)
	}
	for i, r := range res {
		wantError(t, fmt.Sprintf("empty wrap item %d", i), r.Err, kms.ErrInvalid)
	}
}
