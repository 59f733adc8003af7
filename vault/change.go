package vault

import (
	"context"

	"github.com/panvault/panvault/store"
)

// change is a caller's change: the writes of fn, and the answer that a
// repetition of the request will get, commit together or not at all. fn may run
// twice; see store.Store.
func change[T any](ctx context.Context, s *Service, c Caller, fn func(store.Tx) (T, error)) (T, error) {
	var result, none T
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if result, err = fn(tx); err != nil {
			return err
		}
		return s.remember(ctx, tx, c.claim, result)
	})
	if err != nil {
		return none, s.settle(ctx, c, err)
	}
	if c.claim != nil {
		c.claim.kept = true
	}
	return result, nil
}

// destruction is a change that overwrites what was sealed. Only after its commit
// can a scrub remove the old bytes: one that came before would take them for
// removed.
func destruction[T any](ctx context.Context, s *Service, c Caller, fn func(store.Tx) (T, error)) (T, error) {
	result, err := change(ctx, s, c, fn)
	if err == nil {
		s.unscrubbed.Store(true)
	}
	return result, err
}
