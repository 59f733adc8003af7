package kmstest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
)

// everyChange calls each method of kms.Rotator once with valid input and
// returns the errors.
func everyChange(ctx context.Context, k kms.Rotator, key kms.Key, out kms.UnwrapItem) map[string]error {
	errs := map[string]error{}
	_, errs["Rotate"] = k.Rotate(ctx, key, 1)
	_, errs["Rewrap"] = k.Rewrap(ctx, key, rewrapItems([]kms.UnwrapItem{out}))
	_, errs["Retire"] = k.Retire(ctx, key, 1)
	_, errs["Trim"] = k.Trim(ctx, key, 1)
	return errs
}

func rotatorUnknownKey(t *testing.T, r rotation) {
	_, out := wrapOne(t, r, kms.CardTest, 32)
	for _, key := range []kms.Key{"", "card", "no-such-key", "../card-test", "card-test/rotate"} {
		for method, err := range everyChange(t.Context(), r, key, out) {
			wantError(t, method+" of unknown key "+string(key), err, kms.ErrKeyMissing)
		}
	}
}

// rotatorContextOver: what was given up before it began has done nothing.
func rotatorContextOver(t *testing.T, r rotation) {
	_, out := wrapOne(t, r, kms.CardTest, 32)
	was := r.describe(t, kms.CardTest)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, late} {
		for method, err := range everyChange(ctx, r, kms.CardTest, out) {
			wantError(t, method, err, kms.ErrUnavailable)
			if !errors.Is(err, ctx.Err()) {
				t.Errorf("%s: error %v does not wrap %v", method, err, ctx.Err())
			}
		}
	}
	r.unchanged(t, "calls whose context was over", was)
}

func rotatorClosed(t *testing.T, r rotation) {
	_, out := wrapOne(t, r, kms.CardTest, 32)
	was := r.describe(t, kms.CardTest)
	if err := r.Close(); err != nil {
		t.Fatalf("Close() = %v, want nil", err)
	}
	for method, err := range everyChange(t.Context(), r, kms.CardTest, out) {
		wantError(t, method+" after Close", err, kms.ErrUnavailable)
	}
	r.Rotating = r.again(t)
	r.unchanged(t, "calls after Close", was)
}

func rotatorErrorsTellNothing(t *testing.T, r rotation) {
	secret, label := random(32), random(40)
	blob := wrap(t, r, kms.CardTest, []kms.WrapItem{{Plaintext: secret, Context: label}})[0].Wrapped
	var errs []error
	rewrap := func(key kms.Key, items ...kms.RewrapItem) {
		res, err := r.Rewrap(t.Context(), key, items)
		errs = append(errs, err)
		for _, it := range res {
			errs = append(errs, it.Err)
		}
	}
	r.rotate(t, kms.CardTest)
	rewrap("no-such-key", kms.RewrapItem{Wrapped: blob, Context: label})
	rewrap(kms.CardTest)
	rewrap(kms.CardLive,
		kms.RewrapItem{Wrapped: blob, Context: label},
		kms.RewrapItem{Wrapped: secret, Context: label},
		kms.RewrapItem{Wrapped: append(bytes.Clone(blob), secret...), Context: label},
		kms.RewrapItem{Wrapped: blob, Context: bytes.Repeat(label, 8)})
	if _, err := r.Retire(t.Context(), kms.CardTest, 2); err != nil {
		t.Fatal(err)
	}
	rewrap(kms.CardTest, kms.RewrapItem{Wrapped: blob, Context: label})
	_, err := r.Rotate(t.Context(), kms.CardTest, 1)
	errs = append(errs, err)
	failed := 0
	for _, err := range errs {
		checkSilent(t, err, map[string][]byte{"plaintext": secret, "context": label, "blob": blob[len(blob)-24:]})
		if err != nil {
			failed++
		}
	}
	if failed != 8 {
		t.Errorf("%d calls and items failed, want 8: %v", failed, errs)
	}
}
