package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panvault/panvault/kms"
)

// fullPause takes the longest pause each time, so that a test knows it.
func fullPause(limit time.Duration) time.Duration { return limit }

func unwrapN(ctx context.Context, k kms.KMS, n int) error {
	_, err := k.Unwrap(ctx, kms.CardTest, make([]kms.UnwrapItem, n))
	return err
}

func TestResilientRetries(t *testing.T) {
	tests := []struct {
		name  string
		steps []func(context.Context) error
		opts  kms.ResilientOptions
		want  error
		calls int
		took  time.Duration
	}{
		{"first time", nil, kms.ResilientOptions{}, nil, 1, 0},
		{"second time", times(1, fail(kms.ErrUnavailable)), kms.ResilientOptions{}, nil, 2, 50 * time.Millisecond},
		{"third time", times(2, fail(kms.ErrUnavailable)), kms.ResilientOptions{}, nil, 3, 150 * time.Millisecond},
		{"never", times(9, fail(kms.ErrUnavailable)), kms.ResilientOptions{}, kms.ErrUnavailable, 3, 150 * time.Millisecond},
		{"no retries", times(9, fail(kms.ErrUnavailable)), kms.ResilientOptions{Retries: -1}, kms.ErrUnavailable, 1, 0},
		{"pauses are capped", times(9, fail(kms.ErrUnavailable)), kms.ResilientOptions{Retries: 5, TripAfter: 9},
			kms.ErrUnavailable, 6, (50 + 100 + 200 + 250 + 250) * time.Millisecond},
		{"wrapped error", times(9, fail(fmt.Errorf("x: %w", kms.ErrUnavailable))), kms.ResilientOptions{Retries: 1},
			kms.ErrUnavailable, 2, 50 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &script{steps: tt.steps}
				tt.opts.Jitter = fullPause
				r := kms.NewResilient(inner, tt.opts)
				start := time.Now()
				if err := unwrapN(t.Context(), r, 1); !errors.Is(err, tt.want) {
					t.Errorf("error %v, want %v", err, tt.want)
				}
				if got := time.Since(start); inner.calls != tt.calls || got != tt.took {
					t.Errorf("%d calls in %v, want %d in %v", inner.calls, got, tt.calls, tt.took)
				}
			})
		})
	}
}

func TestResilientDoesNotRetryAnswers(t *testing.T) {
	for _, want := range []error{kms.ErrTampered, kms.ErrVersionRetired, kms.ErrKeyMissing,
		kms.ErrUnsafeKey, kms.ErrDenied, kms.ErrInvalid} {
		synctest.Test(t, func(t *testing.T) {
			inner := &script{steps: times(99, fail(want))}
			r := kms.NewResilient(inner, kms.ResilientOptions{})
			for range 20 {
				if err := unwrapN(t.Context(), r, 1); !errors.Is(err, want) {
					t.Fatalf("error %v, want %v", err, want)
				}
			}
			if inner.calls != 20 {
				t.Errorf("%v: %d calls, want 20: no retry and no open breaker", want, inner.calls)
			}
		})
	}
}

func TestResilientDeadlinePerAttempt(t *testing.T) {
	tests := []struct {
		items int
		want  time.Duration
	}{
		{1, 3 * 2 * time.Second}, {kms.SmallBatch, 3 * 2 * time.Second},
		{kms.SmallBatch + 1, 3 * 10 * time.Second}, {kms.MaxBatch, 3 * 10 * time.Second},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			inner := &script{steps: times(9, hang)}
			r := kms.NewResilient(inner, kms.ResilientOptions{Jitter: fullPause})
			start := time.Now()
			err := unwrapN(t.Context(), r, tt.items)
			if !errors.Is(err, kms.ErrUnavailable) {
				t.Errorf("%d items: error %v, want ErrUnavailable", tt.items, err)
			}
			if got, want := time.Since(start), tt.want+150*time.Millisecond; got != want {
				t.Errorf("%d items: took %v, want %v", tt.items, got, want)
			}
		})
	}
}

func TestResilientCallerLeaves(t *testing.T) {
	tests := []struct {
		name string
		step func(context.Context) error
		want error
	}{
		{"during an attempt", hang, context.Canceled},
		{"during a pause", fail(kms.ErrUnavailable), context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &script{steps: times(9, tt.step)}
				r := kms.NewResilient(inner, kms.ResilientOptions{Jitter: fullPause})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(10*time.Millisecond, cancel)
				start := time.Now()
				err := unwrapN(ctx, r, 1)
				if !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, tt.want) {
					t.Errorf("error %v, want ErrUnavailable and %v", err, tt.want)
				}
				if got := time.Since(start); got != 10*time.Millisecond || inner.calls != 1 {
					t.Errorf("%d calls in %v, want 1 in 10ms", inner.calls, got)
				}
			})
		})
	}
}

func TestResilientForeignErrors(t *testing.T) {
	const leak = "connection to 10.0.0.1 said SECRET"
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(9, fail(errors.New(leak)))}
		err := unwrapN(t.Context(), kms.NewResilient(inner, kms.ResilientOptions{}), 1)
		if !errors.Is(err, kms.ErrUnavailable) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "SECRET") {
			t.Errorf("error %#v, want ErrUnavailable without the backend's text", err)
		}
	})
}

func TestResilientHoldsBackendToOneResultAnItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := kms.NewResilient(&script{short: true}, kms.ResilientOptions{})
		if res, err := r.Unwrap(t.Context(), kms.Work, make([]kms.UnwrapItem, 3)); res != nil || !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("Unwrap = %d results, %v, want none and ErrUnavailable", len(res), err)
		}
		if res, err := r.Wrap(t.Context(), kms.Work, make([]kms.WrapItem, 3)); res != nil || !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("Wrap = %d results, %v, want none and ErrUnavailable", len(res), err)
		}
	})
}

func TestResilientBatchLimits(t *testing.T) {
	inner := &script{}
	r := kms.NewResilient(inner, kms.ResilientOptions{})
	for _, n := range []int{0, kms.MaxBatch + 1} {
		if err := unwrapN(t.Context(), r, n); !errors.Is(err, kms.ErrInvalid) {
			t.Errorf("Unwrap of %d items: %v, want ErrInvalid", n, err)
		}
		if _, err := r.Wrap(t.Context(), kms.Work, make([]kms.WrapItem, n)); !errors.Is(err, kms.ErrInvalid) {
			t.Errorf("Wrap of %d items: %v, want ErrInvalid", n, err)
		}
	}
	if inner.calls != 0 {
		t.Errorf("%d calls reached the backend, want 0", inner.calls)
	}
}

func TestResilientCheckIsOneAttempt(t *testing.T) {
	inner := &script{steps: times(9, fail(kms.ErrUnavailable))}
	if err := kms.NewResilient(inner, kms.ResilientOptions{}).Check(t.Context()); !errors.Is(err, kms.ErrUnavailable) || inner.calls != 1 {
		t.Errorf("Check: %v after %d calls, want ErrUnavailable after 1", err, inner.calls)
	}
}

func TestResilientVersionOf(t *testing.T) {
	if v, err := kms.NewResilient(&versioned{}, kms.ResilientOptions{}).VersionOf([]byte("x")); v != 7 || err != nil {
		t.Errorf("VersionOf = %d, %v, want 7, nil", v, err)
	}
	if _, err := kms.NewResilient(&script{}, kms.ResilientOptions{}).VersionOf(nil); !errors.Is(err, kms.ErrInvalid) {
		t.Errorf("VersionOf without a Versioner: %v, want ErrInvalid", err)
	}
}

func TestResilientClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(9, fail(kms.ErrUnavailable))}
		r := kms.NewResilient(inner, kms.ResilientOptions{Jitter: func(time.Duration) time.Duration { return time.Hour }})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := unwrapN(t.Context(), r, 1); !errors.Is(err, kms.ErrUnavailable) {
				t.Errorf("call that Close met in its pause: %v, want ErrUnavailable", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
		wg.Wait()
		if err := r.Check(t.Context()); !errors.Is(err, kms.ErrUnavailable) {
			t.Errorf("Check after Close: %v, want ErrUnavailable", err)
		}
		if inner.closed != 1 || inner.calls != 1 || time.Since(start) != 0 {
			t.Errorf("inner closed %d times, called %d times, waited %v, want 1, 1, 0", inner.closed, inner.calls, time.Since(start))
		}
	})
}

func TestResilientDefaultJitter(t *testing.T) {
	var pauses []time.Duration
	for range 40 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			if err := unwrapN(t.Context(), kms.NewResilient(&script{steps: times(1, fail(kms.ErrUnavailable))}, kms.ResilientOptions{}), 1); err != nil {
				t.Fatal(err)
			}
			pauses = append(pauses, time.Since(start))
		})
	}
	distinct := map[time.Duration]bool{}
	for _, p := range pauses {
		if distinct[p] = true; p < 0 || p > 50*time.Millisecond {
			t.Errorf("first pause %v, want 0 to 50ms", p)
		}
	}
	if len(distinct) < 20 {
		t.Errorf("%d distinct pauses of 40, want jitter", len(distinct))
	}
}

func TestResilientPassesResults(t *testing.T) {
	r := kms.NewResilient(&script{items: []error{nil, kms.ErrTampered}}, kms.ResilientOptions{})
	res, err := r.Unwrap(t.Context(), kms.Work, make([]kms.UnwrapItem, 2))
	if err != nil || len(res) != 2 || !bytes.Equal(res[0].Plaintext, []byte("p")) || !errors.Is(res[1].Err, kms.ErrTampered) {
		t.Errorf("Unwrap = %v, %v, want the backend's results", res, err)
	}
	d, err := r.Describe(t.Context(), kms.Work)
	if err != nil || d.Key != kms.Work {
		t.Errorf("Describe = %v, %v, want the backend's", d, err)
	}
}
