package kms

import (
	"context"
	"fmt"
	"slices"
)

// Known reports whether the key is one of Keys. Backends answer a call for any
// other key with ErrKeyMissing. It is pure and safe for concurrent use.
func (k Key) Known() bool { return slices.Contains(Keys(), k) }

// ValidateWrap checks a Wrap call against the limits of this package. The
// second result is the error of the whole call: ErrKeyMissing for a key outside
// Keys, ErrInvalid for no items or more than MaxBatch. Otherwise the first
// result has one entry an item, nil or ErrInvalid. Errors name the limit and a
// length in bytes, never a byte of the input. Safe for concurrent use.
func ValidateWrap(key Key, items []WrapItem) ([]error, error) {
	if err := validateCall(key, len(items)); err != nil {
		return nil, err
	}
	errs := make([]error, len(items))
	for i, it := range items {
		errs[i] = firstError(
			checkLength("plaintext", len(it.Plaintext), MaxPlaintext),
			checkLength("context", len(it.Context), MaxContext))
	}
	return errs, nil
}

// ValidateUnwrap checks an Unwrap call as ValidateWrap checks a Wrap call. It
// looks at lengths only: whether a blob parses is for the backend to say.
func ValidateUnwrap(key Key, items []UnwrapItem) ([]error, error) {
	if err := validateCall(key, len(items)); err != nil {
		return nil, err
	}
	errs := make([]error, len(items))
	for i, it := range items {
		errs[i] = firstError(
			checkLength("wrapped key", len(it.Wrapped), MaxWrapped),
			checkLength("context", len(it.Context), MaxContext))
	}
	return errs, nil
}

// ValidateRewrap checks a Rewrap call as ValidateUnwrap checks an Unwrap call.
func ValidateRewrap(key Key, items []RewrapItem) ([]error, error) {
	if err := validateCall(key, len(items)); err != nil {
		return nil, err
	}
	errs := make([]error, len(items))
	for i, it := range items {
		errs[i] = firstError(
			checkLength("wrapped key", len(it.Wrapped), MaxWrapped),
			checkLength("context", len(it.Context), MaxContext))
	}
	return errs, nil
}

// ContextError returns nil while ctx is live. Afterwards it returns an error
// that matches both ErrUnavailable and the context's own error, which is what
// every method of KMS returns for a call that its caller gave up or that ran
// out of time.
func ContextError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

func validateCall(key Key, n int) error {
	if err := validateBatch(n); err != nil {
		return err
	}
	if !key.Known() {
		return ErrKeyMissing
	}
	return nil
}

func validateBatch(n int) error {
	if n < 1 || n > MaxBatch {
		return fmt.Errorf("%w: %d items, want 1 to %d", ErrInvalid, n, MaxBatch)
	}
	return nil
}

func checkLength(what string, n, limit int) error {
	if n < 1 || n > limit {
		return fmt.Errorf("%w: %s of %d bytes, want 1 to %d", ErrInvalid, what, n, limit)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
