package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// CanUnwrap reports whether the identity behind k may unwrap under key, by
// trying: it wraps 32 bytes of random (crypto/rand.Reader), bound to a context
// that no card has, and asks for them back. Only ErrDenied means that it may
// not. A false answer also proves that the identity may wrap.
//
// It returns an error when that is not known: those of Wrap, ErrDenied among
// them, those of Unwrap but ErrDenied, and random's.
func CanUnwrap(ctx context.Context, k KMS, key Key, random io.Reader) (bool, error) {
	var drawn [64]byte
	defer clear(drawn[:])
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return false, err
	}
	item := WrapItem{Plaintext: drawn[:32], Context: append([]byte("probe "), drawn[32:]...)}
	wrapped, err := k.Wrap(ctx, key, []WrapItem{item})
	if err == nil {
		err = checkCount(len(wrapped), 1, nil)
	}
	if err == nil {
		err = wrapped[0].Err
	}
	if err != nil {
		return false, fmt.Errorf("key %s: %w", key, err)
	}
	opened, err := k.Unwrap(ctx, key, []UnwrapItem{{Wrapped: wrapped[0].Wrapped, Context: item.Context}})
	defer wipeResults(opened)
	if err == nil {
		err = checkCount(len(opened), 1, nil)
	}
	if err == nil {
		err = opened[0].Err
	}
	switch {
	case errors.Is(err, ErrDenied):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("key %s: %w", key, err)
	}
	return true, nil
}
