package kms_test

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/kms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a KMS that fails on cue: the decorator's subject is failure, which
// no real backend produces on demand.
type script struct {
	mu     sync.Mutex
	steps  []func(context.Context) error // one a call; after the last, calls succeed
	items  []error                       // item errors of successful calls
	short  bool                          // return one result too few
	calls  int
	closed int
}

// fail is a step that returns err at once.
func fail(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// hang is a step that answers nothing until its context is over.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func times(n int, step func(context.Context) error) []func(context.Context) error {
	steps := make([]func(context.Context) error, n)
	for i := range steps {
		steps[i] = step
	}
	return steps
}

func (s *script) next(ctx context.Context) error {
	s.mu.Lock()
	s.calls++
	var step func(context.Context) error
	if len(s.steps) > 0 {
		step, s.steps = s.steps[0], s.steps[1:]
	}
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

func (s *script) item(i int) error {
	if i < len(s.items) {
		return s.items[i]
	}
	return nil
}

func (s *script) Wrap(ctx context.Context, _ kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	if err := s.next(ctx); err != nil {
		return nil, err
	}
	res := make([]kms.WrapResult, len(items))
	for i := range res {
		res[i] = kms.WrapResult{Wrapped: []byte("w"), Version: 1, Err: s.item(i)}
	}
	if s.short {
		res = res[1:]
	}
	return res, nil
}

func (s *script) Unwrap(ctx context.Context, _ kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if err := s.next(ctx); err != nil {
		return nil, err
	}
	res := make([]kms.UnwrapResult, len(items))
	for i := range res {
		res[i] = kms.UnwrapResult{Plaintext: []byte("p"), Err: s.item(i)}
	}
	if s.short {
		res = res[1:]
	}
	return res, nil
}

func (s *script) Describe(ctx context.Context, key kms.Key) (kms.Description, error) {
	return kms.Description{Key: key, Latest: 1}, s.next(ctx)
}

func (s *script) Check(ctx context.Context) error { return s.next(ctx) }

func (s *script) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}

// versioned is a script that reads versions.
type versioned struct{ script }

func (*versioned) VersionOf([]byte) (uint32, error) { return 7, nil }

// rotating is a script that changes keys, with the same steps.
type rotating struct{ script }

func (s *rotating) Rotate(ctx context.Context, key kms.Key, expected uint32) (kms.Description, error) {
	return kms.Description{Key: key, Latest: expected + 1}, s.next(ctx)
}

func (s *rotating) Retire(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	return kms.Description{Key: key, MinDecrypt: floor}, s.next(ctx)
}

func (s *rotating) Trim(ctx context.Context, key kms.Key, floor uint32) (kms.Description, error) {
	return kms.Description{Key: key, MinAvailable: floor}, s.next(ctx)
}

func (s *rotating) Rewrap(ctx context.Context, key kms.Key, items []kms.RewrapItem) ([]kms.WrapResult, error) {
	return s.Wrap(ctx, key, make([]kms.WrapItem, len(items)))
}
