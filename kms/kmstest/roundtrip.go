package kmstest

import (
	"bytes"
	"testing"

	"github.com/panvault/panvault/kms"
)

func roundTripEveryKey(t *testing.T, k kms.KMS) {
	for _, key := range kms.Keys() {
		in, out := wrapOne(t, k, key, 32)
		wantPlaintext(t, unwrap(t, k, key, []kms.UnwrapItem{out})[0], in.Plaintext)
		out.Event = "evnt_conformance"
		wantPlaintext(t, unwrap(t, k, key, []kms.UnwrapItem{out})[0], in.Plaintext)
	}
}

// roundTripEveryLength covers every length of plaintext, and the shortest and
// longest context, with bytes of every value in both.
func roundTripEveryLength(t *testing.T, k kms.KMS) {
	var items []kms.WrapItem
	for n := 1; n <= kms.MaxPlaintext; n++ {
		items = append(items, kms.WrapItem{Plaintext: random(n), Context: random(40)})
	}
	every := make([]byte, kms.MaxContext)
	for i := range every {
		every[i] = byte(i)
	}
	items = append(items,
		kms.WrapItem{Plaintext: random(32), Context: every},
		kms.WrapItem{Plaintext: random(32), Context: []byte{0}},
		kms.WrapItem{Plaintext: make([]byte, 32), Context: random(1)})
	for i, r := range unwrap(t, k, kms.CardTest, outOf(items, wrap(t, k, kms.CardTest, items))) {
		wantPlaintext(t, r, items[i].Plaintext)
	}
}

func wrapTwiceDiffers(t *testing.T, k kms.KMS) {
	item := wrapItem()
	both := wrap(t, k, kms.CardTest, []kms.WrapItem{item, item})
	again := wrap(t, k, kms.CardTest, []kms.WrapItem{item})
	if bytes.Equal(both[0].Wrapped, both[1].Wrapped) || bytes.Equal(both[0].Wrapped, again[0].Wrapped) {
		t.Error("two wraps of one input are equal, want a fresh nonce each")
	}
}

// inputsUntouched overwrites the inputs after the call: a backend that kept
// them would then open, or later wrap, the wrong thing.
func inputsUntouched(t *testing.T, k kms.KMS) {
	in := wrapItem()
	given := kms.WrapItem{Plaintext: bytes.Clone(in.Plaintext), Context: bytes.Clone(in.Context)}
	res := wrap(t, k, kms.Work, []kms.WrapItem{given})
	if !bytes.Equal(given.Plaintext, in.Plaintext) || !bytes.Equal(given.Context, in.Context) {
		t.Error("Wrap modified its input")
	}
	clear(given.Plaintext)
	clear(given.Context)

	blob, ctx := bytes.Clone(res[0].Wrapped), bytes.Clone(in.Context)
	out := unwrap(t, k, kms.Work, []kms.UnwrapItem{{Wrapped: blob, Context: ctx}})
	if !bytes.Equal(blob, res[0].Wrapped) || !bytes.Equal(ctx, in.Context) {
		t.Error("Unwrap modified its input")
	}
	clear(blob)
	clear(ctx)
	wantPlaintext(t, out[0], in.Plaintext)
}

// resultsOwnTheirBytes wipes one result and expects the others, and a second
// call, to be whole: callers wipe plaintexts as soon as they have used them.
func resultsOwnTheirBytes(t *testing.T, k kms.KMS) {
	items := wrapItems(3)
	wrapped := wrap(t, k, kms.CardTest, items)
	in := outOf(items, wrapped)
	first := unwrap(t, k, kms.CardTest, in)
	wipeWhole(first[1].Plaintext)
	wantPlaintext(t, first[0], items[0].Plaintext)
	wantPlaintext(t, first[2], items[2].Plaintext)
	for i, r := range unwrap(t, k, kms.CardTest, in) {
		wantPlaintext(t, r, items[i].Plaintext)
	}
	keep := bytes.Clone(wrapped[2].Wrapped)
	wipeWhole(wrapped[1].Wrapped)
	if !bytes.Equal(wrapped[2].Wrapped, keep) {
		t.Error("wiping one wrapped key changed its neighbour")
	}
}

// wipeWhole clears a slice up to its capacity, to catch shared arrays.
func wipeWhole(b []byte) { clear(b[:cap(b)]) }

func outOf(items []kms.WrapItem, res []kms.WrapResult) []kms.UnwrapItem {
	out := make([]kms.UnwrapItem, len(items))
	for i := range items {
		out[i] = kms.UnwrapItem{Wrapped: res[i].Wrapped, Context: items[i].Context}
	}
	return out
}

func wantPlaintext(t *testing.T, r kms.UnwrapResult, want []byte) {
	t.Helper()
	if r.Err != nil {
		t.Errorf("Unwrap: %v, want a plaintext of %d bytes", r.Err, len(want))
		return
	}
	if !bytes.Equal(r.Plaintext, want) {
		t.Errorf("Unwrap: plaintext of %d bytes differs from the %d bytes wrapped", len(r.Plaintext), len(want))
	}
}
