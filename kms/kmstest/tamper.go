package kmstest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/panvault/panvault/kms"
)

func wrongContext(t *testing.T, k kms.KMS) {
	for _, key := range kms.Keys() {
		in, out := wrapOne(t, k, key, 32)
		long := append(bytes.Clone(in.Context), 0)
		flipped := bytes.Clone(in.Context)
		flipped[0] ^= 1
		var items []kms.UnwrapItem
		for _, ctx := range [][]byte{random(40), long, in.Context[:39], flipped, in.Context[1:]} {
			items = append(items, kms.UnwrapItem{Wrapped: out.Wrapped, Context: ctx})
		}
		for i, r := range unwrap(t, k, key, items) {
			wantError(t, fmt.Sprintf("%s under wrong context %d", key, i), r.Err, kms.ErrTampered)
		}
	}
}

func blobOfAnotherKey(t *testing.T, k kms.KMS) {
	for _, from := range kms.Keys() {
		_, out := wrapOne(t, k, from, 32)
		for _, to := range kms.Keys() {
			if to == from {
				continue
			}
			res := unwrap(t, k, to, []kms.UnwrapItem{out})
			wantError(t, fmt.Sprintf("blob of %s under %s", from, to), res[0].Err, refusals(t, k, to, kms.ErrTampered)...)
		}
	}
}

// everyBitFlip flips each bit of blobs whose last base64 digit carries 0, 2 and
// 4 unused bits: a lenient decoder ignores those.
func everyBitFlip(t *testing.T, k kms.KMS) {
	forEachBlob(t, k, func(blob []byte) (mutants [][]byte) {
		for i := range blob {
			for bit := range 8 {
				m := bytes.Clone(blob)
				m[i] ^= 1 << bit
				mutants = append(mutants, m)
			}
		}
		return mutants
	})
}

func everyTruncation(t *testing.T, k kms.KMS) {
	forEachBlob(t, k, func(blob []byte) (mutants [][]byte) {
		for i := 1; i < len(blob); i++ {
			mutants = append(mutants, blob[:i], blob[i:])
		}
		return mutants
	})
}

// everyExtension inserts, at each place, the characters that decoders of
// numbers and of base64 like to forgive.
func everyExtension(t *testing.T, k kms.KMS) {
	forEachBlob(t, k, func(blob []byte) (mutants [][]byte) {
		for i := range len(blob) + 1 {
			for _, s := range []string{"\n", "\r", " ", "\x00", "=", "==", "+", "0", "A", ":", "AAAA"} {
				m := append(bytes.Clone(blob[:i]), s...)
				mutants = append(mutants, append(m, blob[i:]...))
			}
		}
		return mutants
	})
}

// foreignBlobs opens what was never wrapped: other backends' blobs, and junk.
func foreignBlobs(t *testing.T, k kms.KMS) {
	want := refusals(t, k, kms.CardTest, kms.ErrTampered, kms.ErrInvalid)
	for _, b := range garbage() {
		res := unwrap(t, k, kms.CardTest, []kms.UnwrapItem{{Wrapped: b, Context: random(40)}})
		wantError(t, fmt.Sprintf("blob %.20q", b), res[0].Err, want...)
	}
}

// forEachBlob expects each mutant that differs from its blob to be refused.
func forEachBlob(t *testing.T, k kms.KMS, mutate func([]byte) [][]byte) {
	t.Helper()
	want := refusals(t, k, kms.CardTest, kms.ErrTampered, kms.ErrInvalid)
	for _, n := range []int{31, 32, 33} {
		_, out := wrapOne(t, k, kms.CardTest, n)
		var items []kms.UnwrapItem
		for _, m := range mutate(out.Wrapped) {
			if !bytes.Equal(m, out.Wrapped) {
				items = append(items, kms.UnwrapItem{Wrapped: m, Context: out.Context})
			}
		}
		for i, r := range unwrap(t, k, kms.CardTest, items) {
			if r.Err == nil {
				t.Errorf("mutant %q of blob %q opened", items[i].Wrapped, out.Wrapped)
				continue
			}
			wantError(t, fmt.Sprintf("mutant %q", items[i].Wrapped), r.Err, want...)
		}
	}
}

// refusals adds ErrVersionRetired to want if key has retired versions: a blob
// that was changed, or is another key's, may name one of them.
func refusals(t *testing.T, k kms.KMS, key kms.Key, want ...error) []error {
	t.Helper()
	d, err := k.Describe(t.Context(), key)
	if err != nil {
		t.Fatalf("Describe(%s): %v", key, err)
	}
	if d.MinDecrypt > 1 {
		want = append(want, kms.ErrVersionRetired)
	}
	return want
}

// garbage is a list of blobs that belong to no backend.
func garbage() [][]byte {
	return [][]byte{
		[]byte("x"), []byte(":"), []byte("::"), []byte("v1"), []byte("vault"), []byte("local"),
		[]byte("vault:"), []byte("local:"), []byte("vault:v1:"), []byte("local:v1:"),
		[]byte("vault:v0:AAAA"), []byte("local:v0:AAAA"), []byte("vault:v-1:AAAA"), []byte("local:v-1:AAAA"),
		[]byte("vault:v4294967296:AAAA"), []byte("local:v4294967296:AAAA"),
		[]byte("vault:v1:!!!!"), []byte("local:v1:!!!!"), []byte("other:v1:AAAAAAAAAAAAAAAAAAAA"),
		bytes.Repeat([]byte{'A'}, kms.MaxWrapped), bytes.Repeat([]byte{0}, 60), {0xff, 0xfe}, random(90),
	}
}
