package kms

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errOpen is the answer of an open breaker.
var errOpen = fmt.Errorf("%w: circuit breaker is open", ErrUnavailable)

// errClosed is the answer after Close.
var errClosed = fmt.Errorf("%w: closed", ErrUnavailable)

// do runs one call: at most 1+retries attempts, each with its own deadline and
// each through the breaker, with a pause before every further one. It fills in
// the call's attempts and duration.
func do[R any](ctx context.Context, r *Resilient, c *record, retries int, fn func(context.Context) (R, error)) (R, error) {
	start := time.Now()
	defer func() { c.Duration = time.Since(start) }()
	var none R
	if c.batch() {
		if err := validateBatch(c.Items); err != nil {
			return none, err
		}
	}
	for {
		if err := r.stopped(ctx); err != nil {
			return none, err
		}
		res, ran, err := attempt(ctx, r, c.Call, fn)
		if ran {
			c.Attempts++
		}
		if err == nil {
			return res, nil
		}
		if !ran || c.Attempts > retries || !errors.Is(err, ErrUnavailable) {
			return none, err
		}
		if err := r.pause(ctx, c.Attempts); err != nil {
			return none, err
		}
	}
}

// attempt runs fn once under its deadline. ran is false when the breaker did
// not let it through.
func attempt[R any](ctx context.Context, r *Resilient, c Call, fn func(context.Context) (R, error)) (res R, ran bool, err error) {
	timeout := r.opts.SmallTimeout
	if c.slow() {
		timeout = r.opts.LargeTimeout
	}
	_, _ = r.breaker.cb.Execute(func() (struct{}, error) {
		ran = true
		ctx2, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		res, err = fn(ctx2)
		err = canonical(err)
		return struct{}{}, verdict(ctx, err)
	})
	if !ran {
		return res, false, errOpen
	}
	return res, true, err
}

// pause waits before the attempt after n: up to BackoffMin doubled n-1 times,
// capped at BackoffMax, as Jitter draws it.
func (r *Resilient) pause(ctx context.Context, n int) error {
	limit := r.opts.BackoffMin
	for i := 1; i < n && limit < r.opts.BackoffMax; i++ {
		limit *= 2
	}
	timer := time.NewTimer(r.opts.Jitter(min(limit, r.opts.BackoffMax)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ContextError(ctx)
	case <-r.done:
		return errClosed
	}
}

// stopped returns the reason to make no further attempt, or nil.
func (r *Resilient) stopped(ctx context.Context) error {
	select {
	case <-r.done:
		return errClosed
	default:
		return ContextError(ctx)
	}
}

// canonical turns an error that is none of the sentinels into ErrUnavailable.
// Its text is dropped, because nobody vouches for what is in it; a context's
// error is kept.
func canonical(err error) error {
	switch {
	case err == nil || sentinelOf(err) != nil:
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded)
	}
	return fmt.Errorf("%w: unexpected %T", ErrUnavailable, err)
}

// checkCount holds a backend to one result an item.
func checkCount(got, want int, err error) error {
	if err == nil && got != want {
		return fmt.Errorf("%w: backend returned %d results for %d items", ErrUnavailable, got, want)
	}
	return err
}

func wipeResults(res []UnwrapResult) {
	for _, r := range res {
		clear(r.Plaintext)
	}
}
