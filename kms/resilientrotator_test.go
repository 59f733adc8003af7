package kms_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panvault/panvault/kms"
)

type change = func(context.Context, kms.Rotator) (kms.Description, error)

// changes calls each method that changes a key.
func changes() map[string]change {
	return map[string]change{
		kms.OpRotate: func(ctx context.Context, k kms.Rotator) (kms.Description, error) { return k.Rotate(ctx, kms.Work, 6) },
		kms.OpRetire: func(ctx context.Context, k kms.Rotator) (kms.Description, error) { return k.Retire(ctx, kms.Work, 7) },
		kms.OpTrim:   func(ctx context.Context, k kms.Rotator) (kms.Description, error) { return k.Trim(ctx, kms.Work, 7) },
	}
}

// TestResilientChangesOnce: a change of a key is attempted once, whatever the
// answer, and its error comes through with nothing described.
func TestResilientChangesOnce(t *testing.T) {
	for op, change := range changes() {
		for err, outcome := range map[error]string{
			kms.ErrUnavailable: kms.OutcomeUnavailable, kms.ErrConflict: kms.OutcomeConflict, kms.ErrRotatedTwice: kms.OutcomeConflict,
			kms.ErrInvalid: kms.OutcomeInvalid, kms.ErrDenied: kms.OutcomeDenied, errors.New("no sentinel"): kms.OutcomeUnavailable,
		} {
			synctest.Test(t, func(t *testing.T) {
				var seen []kms.Call
				inner := &rotating{script{steps: times(9, fail(err))}}
				r := kms.NewResilient(inner, kms.ResilientOptions{Observe: func(c kms.Call) { seen = append(seen, c) }})
				d, got := change(t.Context(), r)
				want := err
				if outcome == kms.OutcomeUnavailable {
					want = kms.ErrUnavailable
				}
				if !errors.Is(got, want) || d.Key != "" || inner.count() != 1 {
					t.Errorf("%s: %+v, %v after %d attempts, want %v after one", op, d, got, inner.count(), want)
				}
				if len(seen) != 1 || seen[0] != (kms.Call{Op: op, Key: kms.Work, Attempts: 1, Outcome: outcome}) {
					t.Errorf("observed %+v, want one %s: %s", seen, op, outcome)
				}
			})
		}
	}
}

func TestResilientPassesChangesOn(t *testing.T) {
	for op, change := range changes() {
		inner := &rotating{}
		d, err := change(t.Context(), kms.NewResilient(inner, kms.ResilientOptions{}))
		if err != nil || d.Key != kms.Work || d.Latest+d.MinDecrypt+d.MinAvailable != 7 || inner.count() != 1 {
			t.Errorf("%s: %+v, %v, want what the inner KMS said", op, d, err)
		}
	}
}

// TestResilientChangeDeadline: a change is several requests, and has the time
// of a large batch.
func TestResilientChangeDeadline(t *testing.T) {
	for op, change := range changes() {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := change(t.Context(), kms.NewResilient(&rotating{script{steps: times(9, hang)}}, kms.ResilientOptions{}))
			if took := time.Since(start); !errors.Is(err, kms.ErrUnavailable) || took != 10*time.Second {
				t.Errorf("%s: %v after %v, want ErrUnavailable after 10 s", op, err, took)
			}
		})
	}
}

// TestResilientRewrap: a rewrap changes nothing in the KMS, so it is retried.
func TestResilientRewrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []kms.Call
		inner := &rotating{script{steps: times(2, fail(kms.ErrUnavailable)), items: []error{nil, kms.ErrVersionRetired}}}
		r := kms.NewResilient(inner, kms.ResilientOptions{Jitter: fullPause, Observe: func(c kms.Call) { seen = append(seen, c) }})
		res, err := r.Rewrap(t.Context(), kms.CardLive, make([]kms.RewrapItem, 3))
		if err != nil || len(res) != 3 || inner.count() != 3 {
			t.Fatalf("Rewrap: %d results, %v, %d attempts, want 3, nil, 3", len(res), err, inner.count())
		}
		want := kms.Call{Op: kms.OpRewrap, Key: kms.CardLive, Items: 3, Attempts: 3, Outcome: kms.OutcomePartial, Duration: 150 * time.Millisecond}
		if len(seen) != 1 || seen[0] != want {
			t.Errorf("observed %+v, want %+v", seen, want)
		}
	})
}

func TestResilientRewrapOutcomes(t *testing.T) {
	for _, tt := range []struct {
		items []error
		want  string
	}{
		{nil, kms.OutcomeOK},
		{[]error{kms.ErrVersionRetired}, kms.OutcomePartial},
		{[]error{kms.ErrVersionRetired, kms.ErrDowngrade}, kms.OutcomeDowngrade},
		{[]error{kms.ErrDowngrade, kms.ErrDowngrade}, kms.OutcomeDowngrade},
		{[]error{kms.ErrDowngrade, kms.ErrTampered}, kms.OutcomeTampered},
	} {
		var outcome string
		r := kms.NewResilient(&rotating{script{items: tt.items}}, kms.ResilientOptions{Observe: func(c kms.Call) { outcome = c.Outcome }})
		if _, err := r.Rewrap(t.Context(), kms.CardLive, make([]kms.RewrapItem, 2)); err != nil || outcome != tt.want {
			t.Errorf("%v: outcome %s, %v, want %s", tt.items, outcome, err, tt.want)
		}
	}
}

// TestResilientRewrapLimits: what is out of bounds, or short, is no result.
func TestResilientRewrapLimits(t *testing.T) {
	inner := &rotating{}
	r := kms.NewResilient(inner, kms.ResilientOptions{})
	for _, n := range []int{0, kms.MaxBatch + 1} {
		if _, err := r.Rewrap(t.Context(), kms.Work, make([]kms.RewrapItem, n)); !errors.Is(err, kms.ErrInvalid) || inner.count() != 0 {
			t.Errorf("%d items: %v after %d attempts, want ErrInvalid after none", n, err, inner.count())
		}
	}
	short := kms.NewResilient(&rotating{script{short: true}}, kms.ResilientOptions{Retries: -1})
	if res, err := short.Rewrap(t.Context(), kms.Work, make([]kms.RewrapItem, 2)); !errors.Is(err, kms.ErrUnavailable) || res != nil {
		t.Errorf("one result too few: %d results, %v, want none and ErrUnavailable", len(res), err)
	}
}

// TestResilientWithoutRotator: a backend that changes no keys says so.
func TestResilientWithoutRotator(t *testing.T) {
	inner := &script{}
	r := kms.NewResilient(inner, kms.ResilientOptions{})
	for op, change := range changes() {
		if _, err := change(t.Context(), r); !errors.Is(err, kms.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", op, err)
		}
	}
	if _, err := r.Rewrap(t.Context(), kms.Work, make([]kms.RewrapItem, 1)); !errors.Is(err, kms.ErrInvalid) || inner.count() != 0 {
		t.Errorf("rewrap: %v after %d calls, want ErrInvalid after none", err, inner.count())
	}
}
