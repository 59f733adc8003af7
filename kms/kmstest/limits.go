package kmstest

import (
	"bytes"
	"testing"

	"github.com/panvault/panvault/kms"
)

// wrapItemLimits puts each bad item between good ones: only the bad ones fail.
func wrapItemLimits(t *testing.T, k kms.KMS) {
	bad := []struct {
		name string
		item kms.WrapItem
	}{
		{"nil plaintext", kms.WrapItem{Context: random(40)}},
		{"empty plaintext", kms.WrapItem{Plaintext: []byte{}, Context: random(40)}},
		{"oversize plaintext", kms.WrapItem{Plaintext: random(kms.MaxPlaintext + 1), Context: random(40)}},
		{"huge plaintext", kms.WrapItem{Plaintext: random(1 << 20), Context: random(40)}},
		{"nil context", kms.WrapItem{Plaintext: random(32)}},
		{"empty context", kms.WrapItem{Plaintext: random(32), Context: []byte{}}},
		{"oversize context", kms.WrapItem{Plaintext: random(32), Context: random(kms.MaxContext + 1)}},
	}
	var items []kms.WrapItem
	for _, b := range bad {
		items = append(items, wrapItem(), b.item)
	}
	res, err := k.Wrap(t.Context(), kms.CardTest, items)
	if err != nil || len(res) != len(items) {
		t.Fatalf("Wrap: %d results, error %v, want %d and nil", len(res), err, len(items))
	}
	for i, b := range bad {
		good, failed := res[2*i], res[2*i+1]
		wantError(t, b.name, failed.Err, kms.ErrInvalid)
		if len(failed.Wrapped) != 0 || failed.Version != 0 {
			t.Errorf("%s: failed item carries a blob or a version, want neither", b.name)
		}
		if good.Err != nil {
			t.Errorf("%s: its neighbour failed: %v", b.name, good.Err)
			continue
		}
		opened := unwrap(t, k, kms.CardTest, outOf(items[2*i:2*i+1], res[2*i:2*i+1]))
		wantPlaintext(t, opened[0], items[2*i].Plaintext)
	}
}

func unwrapItemLimits(t *testing.T, k kms.KMS) {
	in, good := wrapOne(t, k, kms.CardTest, 32)
	bad := []struct {
		name string
		item kms.UnwrapItem
	}{
		{"nil blob", kms.UnwrapItem{Context: good.Context}},
		{"empty blob", kms.UnwrapItem{Wrapped: []byte{}, Context: good.Context}},
		{"oversize blob", kms.UnwrapItem{Wrapped: bytes.Repeat([]byte{'A'}, kms.MaxWrapped+1), Context: good.Context}},
		{"nil context", kms.UnwrapItem{Wrapped: good.Wrapped}},
		{"empty context", kms.UnwrapItem{Wrapped: good.Wrapped, Context: []byte{}}},
		{"oversize context", kms.UnwrapItem{Wrapped: good.Wrapped, Context: random(kms.MaxContext + 1)}},
	}
	var items []kms.UnwrapItem
	for _, b := range bad {
		items = append(items, good, b.item)
	}
	res := unwrap(t, k, kms.CardTest, items)
	for i, b := range bad {
		wantPlaintext(t, res[2*i], in.Plaintext)
		wantError(t, b.name, res[2*i+1].Err, kms.ErrInvalid)
	}
}

func unknownKey(t *testing.T, k kms.KMS) {
	_, out := wrapOne(t, k, kms.CardTest, 32)
	for _, key := range []kms.Key{"", "card", "card-test ", "no-such-key", "../card-test", "card-test/../work"} {
		_, err := k.Wrap(t.Context(), key, wrapItems(1))
		wantError(t, "Wrap under unknown key "+string(key), err, kms.ErrKeyMissing)
		_, err = k.Unwrap(t.Context(), key, []kms.UnwrapItem{out})
		wantError(t, "Unwrap under unknown key "+string(key), err, kms.ErrKeyMissing)
		_, err = k.Describe(t.Context(), key)
		wantError(t, "Describe of unknown key "+string(key), err, kms.ErrKeyMissing)
	}
}
