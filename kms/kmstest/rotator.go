package kmstest

import (
	"reflect"
	"testing"

	"github.com/panvault/panvault/kms"
)

// Rotating is a backend that can change its keys.
type Rotating interface {
	kms.KMS
	kms.Rotator
	kms.Versioner
}

// rotation is what one case of the rotator's suite works with: any number of
// connections to one set of keys.
type rotation struct {
	Rotating // the first connection
	open     func(t *testing.T) Rotating
}

// again returns one more connection, which is closed with the test.
func (r rotation) again(t *testing.T) Rotating {
	t.Helper()
	k := r.open(t)
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// RunRotator runs the suite of kms.Rotator, a case a subtest, one after
// another. For each, prepare makes all of kms.Keys anew, at version 1 and for
// this case alone, and returns what opens a connection to them, as another
// process would. It is meant for -race.
func RunRotator(t *testing.T, prepare func(t *testing.T) (open func(t *testing.T) Rotating)) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, r rotation)
	}{
		{"RotateAddsOne", rotateAddsOne},
		{"RotateExpectsOne", rotateExpectsOne},
		{"RotateTogether", rotateTogether},
		{"RotateUnderLoad", rotateUnderLoad},
		{"OldBlobsOpen", oldBlobsOpen},
		{"RewrapKeepsPlaintext", rewrapKeepsPlaintext},
		{"RewrapKeepsContext", rewrapKeepsContext},
		{"RewrapCurrent", rewrapCurrent},
		{"RewrapMixedBatch", rewrapMixedBatch},
		{"RewrapEveryBitFlip", rewrapEveryBitFlip},
		{"RewrapLimits", rewrapLimits},
		{"RetireRaisesTheFloor", retireRaisesTheFloor},
		{"RetireRefuses", retireRefuses},
		{"TrimDestroys", trimDestroys},
		{"TrimRefuses", trimRefuses},
		{"RotatorUnknownKey", rotatorUnknownKey},
		{"RotatorContextOver", rotatorContextOver},
		{"RotatorErrorsTellNothing", rotatorErrorsTellNothing},
		{"RotatorClosed", rotatorClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rotation{open: prepare(t)}
			r.Rotating = r.again(t)
			c.test(t, r)
		})
	}
}

// rotate adds a version to key, which must work, and returns it.
func (r rotation) rotate(t *testing.T, key kms.Key) uint32 {
	t.Helper()
	before := r.describe(t, key)
	d, err := r.Rotate(t.Context(), key, before.Latest)
	if err != nil {
		t.Fatalf("Rotate(%s, %d): %v", key, before.Latest, err)
	}
	return d.Latest
}

func (r rotation) describe(t *testing.T, key kms.Key) kms.Description {
	t.Helper()
	d, err := r.Describe(t.Context(), key)
	if err != nil {
		t.Fatalf("Describe(%s): %v", key, err)
	}
	return d
}

// unchanged fails unless the key is as it was, seen from here and from a new
// connection.
func (r rotation) unchanged(t *testing.T, what string, was kms.Description) {
	t.Helper()
	for _, k := range []kms.KMS{r, r.again(t)} {
		if is, err := k.Describe(t.Context(), was.Key); err != nil || !reflect.DeepEqual(is, was) {
			t.Errorf("after %s: %+v, %v, want it unchanged: %+v", what, is, err, was)
		}
	}
}

// rewrap rewraps items and fails the test on a call error or a wrong count.
func (r rotation) rewrap(t *testing.T, key kms.Key, items []kms.RewrapItem) []kms.WrapResult {
	t.Helper()
	res, err := r.Rewrap(t.Context(), key, items)
	if err != nil || len(res) != len(items) {
		t.Fatalf("Rewrap(%s, %d items): %d results, %v", key, len(items), len(res), err)
	}
	for i, it := range res {
		if it.Err == nil {
			checkWrapped(t, it)
		} else if len(it.Wrapped) != 0 || it.Version != 0 {
			t.Errorf("Rewrap(%s): item %d failed and carries a blob or a version", key, i)
		}
	}
	return res
}

func rewrapItems(items []kms.UnwrapItem) []kms.RewrapItem {
	out := make([]kms.RewrapItem, len(items))
	for i, it := range items {
		out[i] = kms.RewrapItem{Wrapped: it.Wrapped, Context: it.Context}
	}
	return out
}
