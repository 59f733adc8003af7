package kmstest

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"github.com/panvault/panvault/kms"
)

// random returns n unpredictable bytes, so that parallel runs against one
// server never share an input.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// wrapItem is a data key of the usual size under a fresh context.
func wrapItem() kms.WrapItem {
	return kms.WrapItem{Plaintext: random(32), Context: random(40)}
}

func wrapItems(n int) []kms.WrapItem {
	items := make([]kms.WrapItem, n)
	for i := range items {
		items[i] = wrapItem()
	}
	return items
}

// wrap wraps items and fails the test unless every one of them succeeds.
func wrap(t *testing.T, k kms.KMS, key kms.Key, items []kms.WrapItem) []kms.WrapResult {
	t.Helper()
	res, err := k.Wrap(t.Context(), key, items)
	if err != nil {
		t.Fatalf("Wrap(%s, %d items): %v", key, len(items), err)
	}
	if len(res) != len(items) {
		t.Fatalf("Wrap(%s): %d results, want %d", key, len(res), len(items))
	}
	for i, r := range res {
		if r.Err != nil {
			t.Fatalf("Wrap(%s): item %d: %v", key, i, r.Err)
		}
		checkWrapped(t, r)
	}
	return res
}

func checkWrapped(t *testing.T, r kms.WrapResult) {
	t.Helper()
	if n := len(r.Wrapped); n < 1 || n > kms.MaxWrapped {
		t.Fatalf("wrapped key of %d bytes, want 1 to %d", n, kms.MaxWrapped)
	}
	if r.Version < 1 {
		t.Fatal("wrapped key has version 0, want 1 or more")
	}
	for _, c := range r.Wrapped {
		if c <= ' ' || c > '~' {
			t.Fatalf("wrapped key %q is not printable ASCII", r.Wrapped)
		}
	}
}

// wrapOne wraps one fresh item of n plaintext bytes and returns both sides.
func wrapOne(t *testing.T, k kms.KMS, key kms.Key, n int) (kms.WrapItem, kms.UnwrapItem) {
	t.Helper()
	in := kms.WrapItem{Plaintext: random(n), Context: random(40)}
	res := wrap(t, k, key, []kms.WrapItem{in})
	return in, kms.UnwrapItem{Wrapped: res[0].Wrapped, Context: in.Context}
}

// unwrap opens any number of items, MaxBatch at a time. It fails the test on a
// call error and on a failed item that carries plaintext.
func unwrap(t *testing.T, k kms.KMS, key kms.Key, items []kms.UnwrapItem) []kms.UnwrapResult {
	t.Helper()
	var all []kms.UnwrapResult
	for batch := range slices.Chunk(items, kms.MaxBatch) {
		res, err := k.Unwrap(t.Context(), key, batch)
		if err != nil {
			t.Fatalf("Unwrap(%s, %d items): %v", key, len(batch), err)
		}
		if len(res) != len(batch) {
			t.Fatalf("Unwrap(%s): %d results, want %d", key, len(res), len(batch))
		}
		all = append(all, res...)
	}
	for i, r := range all {
		if r.Err != nil && len(r.Plaintext) != 0 {
			t.Fatalf("Unwrap(%s): item %d failed and still carries plaintext", key, i)
		}
	}
	return all
}

// sentinels are the errors of which a failure matches exactly one.
func sentinels() []error {
	return []error{kms.ErrTampered, kms.ErrVersionRetired, kms.ErrKeyMissing,
		kms.ErrUnsafeKey, kms.ErrUnavailable, kms.ErrDenied, kms.ErrInvalid,
		kms.ErrConflict, kms.ErrRotatedTwice, kms.ErrDowngrade}
}

// wantError fails unless err matches one of want and no other sentinel.
func wantError(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	var got []error
	for _, s := range sentinels() {
		if errors.Is(err, s) {
			got = append(got, s)
		}
	}
	if len(got) != 1 || !slices.Contains(want, got[0]) {
		t.Errorf("%s: error %v, want exactly one of %v", what, err, want)
	}
}
