package envelope

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/panvault/panvault/kms"
)

// script is a KMS that fails on cue: the subject of these tests is failure,
// which no real backend produces on demand.
type script struct {
	mu        sync.Mutex
	step      func(context.Context) error // of every call; nil succeeds
	items     []error                     // item errors
	versions  []uint32                    // of the items; version 1 after the last
	extra     int                         // results more, or fewer, than items
	calls     int
	batches   []int
	contexts  [][]byte
	wrapped   [][]byte // the plaintexts given to Wrap, not copied
	unwrapped [][]byte // the plaintexts returned by Unwrap, not copied
}

func (s *script) set(change func(*script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// fail makes every call return err; nil makes them succeed.
func (s *script) fail(err error) {
	s.set(func(s *script) {
		s.step = func(context.Context) error { return err }
	})
}

func (s *script) next(ctx context.Context, n int) error {
	s.mu.Lock()
	s.calls++
	s.batches = append(s.batches, n)
	step := s.step
	s.mu.Unlock()
	if step == nil {
		return nil
	}
	return step(ctx)
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *script) item(i int) (uint32, error) {
	version, err := uint32(1), error(nil)
	if i < len(s.versions) {
		version = s.versions[i]
	}
	if i < len(s.items) {
		err = s.items[i]
	}
	return version, err
}

func (s *script) Wrap(ctx context.Context, key kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	if err := s.next(ctx, len(items)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	res := make([]kms.WrapResult, len(items)+s.extra)
	for i := range res {
		version, err := s.item(i)
		res[i] = kms.WrapResult{Wrapped: fmt.Appendf(nil, "w:%s:%d", key, i), Version: version, Err: err}
	}
	for _, it := range items {
		s.contexts = append(s.contexts, bytes.Clone(it.Context))
		s.wrapped = append(s.wrapped, it.Plaintext)
	}
	return res, nil
}

func (s *script) Unwrap(ctx context.Context, _ kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if err := s.next(ctx, len(items)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	res := make([]kms.UnwrapResult, len(items)+s.extra)
	for i := range res {
		_, err := s.item(i)
		res[i] = kms.UnwrapResult{Plaintext: pattern(KeySize, byte(i)), Err: err}
		s.unwrapped = append(s.unwrapped, res[i].Plaintext)
	}
	return res, nil
}

func (s *script) Describe(_ context.Context, key kms.Key) (kms.Description, error) {
	return kms.Description{Key: key, Latest: 1}, nil
}

func (s *script) Check(context.Context) error { return nil }

func (s *script) Close() error { return nil }

// instant is a script that keeps no trace of its calls.
type instant struct{ *script }

func (instant) Wrap(_ context.Context, _ kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	res := make([]kms.WrapResult, len(items))
	for i := range res {
		res[i] = kms.WrapResult{Wrapped: []byte("w"), Version: 1}
	}
	return res, nil
}
