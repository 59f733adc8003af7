package kms

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// SmallBatch is the largest batch, in items, that has the small deadline: the
// ones a request waits for. Larger ones are background work.
const SmallBatch = 16

// ResilientOptions tunes a Resilient. A zero field takes its default.
type ResilientOptions struct {
	SmallTimeout time.Duration // one attempt of up to SmallBatch items; 2 s
	LargeTimeout time.Duration // one attempt of a larger batch, or of a change of a key; 10 s
	Retries      int           // further attempts after ErrUnavailable; 2, negative for none
	BackoffMin   time.Duration // upper bound of the first pause; 50 ms, doubled each time
	BackoffMax   time.Duration // upper bound of every pause; 250 ms
	TripAfter    uint32        // consecutive ErrUnavailable attempts that open the breaker; 5
	OpenFor      time.Duration // how long the breaker stays open before one probe; 2 s

	// Jitter draws a pause between 0 and its argument. The default is uniform
	// (full jitter). Called concurrently.
	Jitter func(time.Duration) time.Duration
	// Observe is told of every finished call, for metrics. It runs in the
	// caller's goroutine, concurrently with itself, and must not block.
	Observe func(Call)
}

func (o ResilientOptions) withDefaults() ResilientOptions {
	o.SmallTimeout = orDefault(o.SmallTimeout, 2*time.Second)
	o.LargeTimeout = orDefault(o.LargeTimeout, 10*time.Second)
	o.Retries = orDefault(o.Retries, 2)
	o.BackoffMin = orDefault(o.BackoffMin, 50*time.Millisecond)
	o.BackoffMax = orDefault(o.BackoffMax, 250*time.Millisecond)
	o.TripAfter = orDefault(o.TripAfter, 5)
	o.OpenFor = orDefault(o.OpenFor, 2*time.Second)
	if o.Jitter == nil {
		o.Jitter = func(limit time.Duration) time.Duration { return rand.N(limit + 1) }
	}
	if o.Observe == nil {
		o.Observe = func(Call) {}
	}
	return o
}

// orDefault returns v, or d when v is zero.
func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// Resilient decorates a KMS with deadlines, bounded retries and one circuit
// breaker shared by all calls, so that a slow or sealed KMS costs its callers a
// quick ErrUnavailable and not a pile of waiting requests.
//
// Only ErrUnavailable is retried and counted: every other answer comes from a
// KMS that works. An error of the inner KMS that is no sentinel of this package
// becomes ErrUnavailable, without its text. It is safe for concurrent use.
type Resilient struct {
	inner   KMS
	opts    ResilientOptions
	breaker *breaker
	done    chan struct{} // closed by Close
	close   func() error
}

// NewResilient decorates inner and takes it over: Close closes it.
func NewResilient(inner KMS, opts ResilientOptions) *Resilient {
	r := &Resilient{inner: inner, opts: opts.withDefaults(), done: make(chan struct{})}
	r.breaker = newBreaker(r.opts.TripAfter, r.opts.OpenFor)
	r.close = sync.OnceValue(func() error {
		close(r.done)
		return inner.Close()
	})
	return r
}

// Wrap implements KMS. A batch outside 1..MaxBatch does not reach the backend.
// A retried Wrap only wastes a blob that nobody has seen.
func (r *Resilient) Wrap(ctx context.Context, key Key, items []WrapItem) ([]WrapResult, error) {
	c := &record{Call: Call{Op: OpWrap, Key: key, Items: len(items)}}
	res, err := do(ctx, r, c, r.opts.Retries, func(ctx context.Context) ([]WrapResult, error) {
		res, err := r.inner.Wrap(ctx, key, items)
		return res, checkCount(len(res), len(items), err)
	})
	if err != nil {
		return nil, r.failed(c, err)
	}
	for _, it := range res {
		c.count(it.Err)
	}
	r.finished(c)
	return res, nil
}

// Unwrap implements KMS. A batch outside 1..MaxBatch does not reach the
// backend. The backend may see, and audit, an item once per attempt.
func (r *Resilient) Unwrap(ctx context.Context, key Key, items []UnwrapItem) ([]UnwrapResult, error) {
	c := &record{Call: Call{Op: OpUnwrap, Key: key, Items: len(items)}}
	res, err := do(ctx, r, c, r.opts.Retries, func(ctx context.Context) ([]UnwrapResult, error) {
		res, err := r.inner.Unwrap(ctx, key, items)
		if err = checkCount(len(res), len(items), err); err != nil {
			wipeResults(res)
		}
		return res, err
	})
	if err != nil {
		return nil, r.failed(c, err)
	}
	for _, it := range res {
		c.count(it.Err)
	}
	r.finished(c)
	return res, nil
}

// Describe implements KMS.
func (r *Resilient) Describe(ctx context.Context, key Key) (Description, error) {
	c := &record{Call: Call{Op: OpDescribe, Key: key}}
	d, err := do(ctx, r, c, r.opts.Retries, func(ctx context.Context) (Description, error) {
		return r.inner.Describe(ctx, key)
	})
	if err != nil {
		return Description{}, r.failed(c, err)
	}
	r.finished(c)
	return d, nil
}

// Check implements KMS with a single attempt: a probe wants today's answer. It
// passes the breaker like any call, so a regular health check also recovers it.
func (r *Resilient) Check(ctx context.Context) error {
	c := &record{Call: Call{Op: OpCheck}}
	_, err := do(ctx, r, c, 0, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.inner.Check(ctx)
	})
	if err != nil {
		return r.failed(c, err)
	}
	r.finished(c)
	return nil
}

// Close ends pauses between attempts, closes the inner KMS and returns its
// error, the same each time. Later calls return ErrUnavailable.
func (r *Resilient) Close() error { return r.close() }

// VersionOf implements Versioner by asking the inner KMS; it returns ErrInvalid
// if that is no Versioner. It is local work and passes no breaker.
func (r *Resilient) VersionOf(wrapped []byte) (uint32, error) {
	v, ok := r.inner.(Versioner)
	if !ok {
		return 0, fmt.Errorf("%w: %T reads no versions", ErrInvalid, r.inner)
	}
	return v.VersionOf(wrapped)
}

// RetryAfter says how long a caller that got ErrUnavailable should wait before
// it tries again: until an open breaker lets a probe through, in whole seconds,
// at least one.
func (r *Resilient) RetryAfter() time.Duration { return r.breaker.retryAfter() }
