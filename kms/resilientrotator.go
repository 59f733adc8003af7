package kms

import (
	"context"
	"fmt"
)

var _ Rotator = (*Resilient)(nil)

// Rotate implements Rotator with a single attempt: what it did before an
// ErrUnavailable is not known. ErrInvalid if the inner KMS is no Rotator.
func (r *Resilient) Rotate(ctx context.Context, key Key, expected uint32) (Description, error) {
	return r.change(ctx, OpRotate, key, func(ctx context.Context, inner Rotator) (Description, error) {
		return inner.Rotate(ctx, key, expected)
	})
}

// Retire implements Rotator with a single attempt, as Rotate.
func (r *Resilient) Retire(ctx context.Context, key Key, floor uint32) (Description, error) {
	return r.change(ctx, OpRetire, key, func(ctx context.Context, inner Rotator) (Description, error) {
		return inner.Retire(ctx, key, floor)
	})
}

// Trim implements Rotator with a single attempt, as Rotate.
func (r *Resilient) Trim(ctx context.Context, key Key, floor uint32) (Description, error) {
	return r.change(ctx, OpTrim, key, func(ctx context.Context, inner Rotator) (Description, error) {
		return inner.Trim(ctx, key, floor)
	})
}

// Rewrap implements Rotator. A batch outside 1..MaxBatch does not reach the
// backend. It is retried like a Wrap: a wasted blob is one that nobody has seen.
func (r *Resilient) Rewrap(ctx context.Context, key Key, items []RewrapItem) ([]WrapResult, error) {
	c := &record{Call: Call{Op: OpRewrap, Key: key, Items: len(items)}}
	inner, err := r.rotator()
	if err != nil {
		return nil, r.failed(c, err)
	}
	res, err := do(ctx, r, c, r.opts.Retries, func(ctx context.Context) ([]WrapResult, error) {
		res, err := inner.Rewrap(ctx, key, items)
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

// change makes one attempt at a change of a key.
func (r *Resilient) change(ctx context.Context, op string, key Key, fn func(context.Context, Rotator) (Description, error)) (Description, error) {
	c := &record{Call: Call{Op: op, Key: key}}
	inner, err := r.rotator()
	if err != nil {
		return Description{}, r.failed(c, err)
	}
	d, err := do(ctx, r, c, 0, func(ctx context.Context) (Description, error) { return fn(ctx, inner) })
	if err != nil {
		return Description{}, r.failed(c, err)
	}
	r.finished(c)
	return d, nil
}

func (r *Resilient) rotator() (Rotator, error) {
	if inner, ok := r.inner.(Rotator); ok {
		return inner, nil
	}
	return nil, fmt.Errorf("%w: %T rotates no keys", ErrInvalid, r.inner)
}
