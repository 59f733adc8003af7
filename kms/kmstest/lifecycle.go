package kmstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
)

// everyMethod calls each method once with valid input and returns the errors.
func everyMethod(ctx context.Context, k kms.KMS, out kms.UnwrapItem) map[string]error {
	errs := map[string]error{}
	_, errs["Wrap"] = k.Wrap(ctx, kms.CardTest, wrapItems(1))
	_, errs["Unwrap"] = k.Unwrap(ctx, kms.CardTest, []kms.UnwrapItem{out})
	_, errs["Describe"] = k.Describe(ctx, kms.CardTest)
	errs["Check"] = k.Check(ctx)
	return errs
}

// contextOver calls with a context that is already over: see kms.ContextError.
func contextOver(t *testing.T, k kms.KMS) {
	_, out := wrapOne(t, k, kms.CardTest, 32)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for _, ctx := range []context.Context{cancelled, late} {
		for method, err := range everyMethod(ctx, k, out) {
			wantError(t, method, err, kms.ErrUnavailable)
			if !errors.Is(err, ctx.Err()) {
				t.Errorf("%s: error %v does not wrap %v", method, err, ctx.Err())
			}
		}
	}
	checkServes(t, k)
}

// concurrent is for the race detector, and for mixed-up answers.
func concurrent(t *testing.T, k kms.KMS) {
	const workers, rounds = 16, 4
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			key := kms.Keys()[w%len(kms.Keys())]
			for range rounds {
				if err := roundTrip(t.Context(), k, key); err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func roundTrip(ctx context.Context, k kms.KMS, key kms.Key) error {
	items := wrapItems(3)
	wrapped, err := k.Wrap(ctx, key, items)
	if err != nil || len(wrapped) != len(items) {
		return fmt.Errorf("wrap: %d results: %w", len(wrapped), err)
	}
	opened, err := k.Unwrap(ctx, key, outOf(items, wrapped))
	if err != nil || len(opened) != len(items) {
		return fmt.Errorf("unwrap: %d results: %w", len(opened), err)
	}
	for i, r := range opened {
		if r.Err != nil || !bytes.Equal(r.Plaintext, items[i].Plaintext) {
			return fmt.Errorf("item %d came back wrong: %w", i, r.Err)
		}
	}
	if _, err := k.Describe(ctx, key); err != nil {
		return err
	}
	return k.Check(ctx)
}

func closed(t *testing.T, k kms.KMS) {
	_, out := wrapOne(t, k, kms.CardTest, 32)
	if err := k.Close(); err != nil {
		t.Fatalf("Close() = %v, want nil", err)
	}
	for method, err := range everyMethod(t.Context(), k, out) {
		wantError(t, method+" after Close", err, kms.ErrUnavailable)
	}
}
