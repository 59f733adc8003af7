package kms_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panvault/panvault/kms"
)

// single makes every call one attempt, so that a test counts breaker verdicts.
func single() kms.ResilientOptions { return kms.ResilientOptions{Retries: -1} }

func TestBreakerOpensAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(6, fail(kms.ErrUnavailable))}
		r := kms.NewResilient(inner, single())
		check := func(what string, want error, calls int) {
			t.Helper()
			if err := unwrapN(t.Context(), r, 1); !errors.Is(err, want) {
				t.Errorf("%s: error %v, want %v", what, err, want)
			}
			if inner.calls != calls {
				t.Errorf("%s: %d calls so far, want %d", what, inner.calls, calls)
			}
		}
		for i := 1; i <= 5; i++ {
			check("closed", kms.ErrUnavailable, i)
		}
		for range 10 {
			check("open", kms.ErrUnavailable, 5)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		check("first probe fails", kms.ErrUnavailable, 6)
		check("open again", kms.ErrUnavailable, 6)
		time.Sleep(2*time.Second + time.Millisecond)
		check("second probe succeeds", nil, 7)
		for i := 8; i <= 12; i++ {
			check("closed again", nil, i)
		}
	})
}

func TestBreakerOpensInsideOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(9, fail(kms.ErrUnavailable))}
		r := kms.NewResilient(inner, kms.ResilientOptions{Retries: 99})
		if err := unwrapN(t.Context(), r, 1); !errors.Is(err, kms.ErrUnavailable) || inner.calls != 5 {
			t.Errorf("error %v after %d calls, want ErrUnavailable after 5", err, inner.calls)
		}
	})
}

func TestBreakerNeedsConsecutiveFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{}
		for range 20 {
			inner.steps = append(inner.steps, times(4, fail(kms.ErrUnavailable))...)
			inner.steps = append(inner.steps, fail(kms.ErrTampered)) // an answer all the same
		}
		r := kms.NewResilient(inner, single())
		for range 100 {
			_ = unwrapN(t.Context(), r, 1)
		}
		if inner.calls != 100 {
			t.Errorf("%d calls, want 100: the breaker must not have opened", inner.calls)
		}
	})
}

func TestBreakerIgnoresCallersThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(20, hang)}
		r := kms.NewResilient(inner, single())
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			_ = unwrapN(ctx, r, 1)
		}
		if err := unwrapN(t.Context(), r, 1); err != nil || inner.calls != 21 {
			t.Errorf("error %v after %d calls, want nil after 21", err, inner.calls)
		}
	})
}

// TestBreakerCountsCallersDeadlines: a backend that hangs must trip the breaker
// also when every caller is less patient than the attempt.
func TestBreakerCountsCallersDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(20, hang)}
		r := kms.NewResilient(inner, single())
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			_ = unwrapN(ctx, r, 1)
			cancel()
		}
		if inner.calls != 5 {
			t.Errorf("%d calls, want 5", inner.calls)
		}
	})
}

func TestBreakerLetsOneProbeThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: append(times(5, fail(kms.ErrUnavailable)), func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		})}
		r := kms.NewResilient(inner, single())
		for range 5 {
			_ = unwrapN(t.Context(), r, 1)
		}
		time.Sleep(2*time.Second + time.Millisecond)
		var wg sync.WaitGroup
		var mu sync.Mutex
		ok, refused := 0, 0
		for range 16 {
			wg.Go(func() {
				err := unwrapN(t.Context(), r, 1)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					ok++
				} else {
					refused++
				}
			})
		}
		wg.Wait()
		if ok != 1 || refused != 15 || inner.count() != 6 {
			t.Errorf("%d passed, %d refused, %d calls, want 1, 15, 6", ok, refused, inner.count())
		}
	})
}

func TestBreakerSharedByMethods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(5, fail(kms.ErrUnavailable))}
		r := kms.NewResilient(inner, single())
		_, _ = r.Wrap(t.Context(), kms.Work, make([]kms.WrapItem, 1))
		_, _ = r.Describe(t.Context(), kms.Work)
		_ = r.Check(t.Context())
		_ = unwrapN(t.Context(), r, 1)
		_ = unwrapN(t.Context(), r, kms.MaxBatch)
		if err := r.Check(t.Context()); !errors.Is(err, kms.ErrUnavailable) || inner.calls != 5 {
			t.Errorf("Check: %v after %d calls, want ErrUnavailable after 5", err, inner.calls)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &script{steps: times(5, fail(kms.ErrUnavailable))}
		opts := single()
		opts.OpenFor = 3500 * time.Millisecond
		r := kms.NewResilient(inner, opts)
		want := func(what string, want time.Duration) {
			t.Helper()
			if got := r.RetryAfter(); got != want {
				t.Errorf("%s: RetryAfter() = %v, want %v", what, got, want)
			}
		}
		want("closed", time.Second)
		for range 5 {
			_ = unwrapN(t.Context(), r, 1)
		}
		want("just opened", 4*time.Second)
		time.Sleep(time.Second)
		want("a second later", 3*time.Second)
		time.Sleep(2 * time.Second)
		want("almost over", time.Second)
		time.Sleep(time.Minute)
		want("over", time.Second)
		if err := unwrapN(t.Context(), r, 1); err != nil {
			t.Errorf("probe: %v", err)
		}
		want("closed again", time.Second)
	})
}
