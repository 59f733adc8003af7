package kms_test

import (
	"context"
	"errors"
	"testing"

	"github.com/panvault/panvault/kms"
)

func TestValidateCall(t *testing.T) {
	tests := []struct {
		name string
		key  kms.Key
		n    int
		want error
	}{
		{"none", kms.CardTest, 0, kms.ErrInvalid},
		{"one", kms.CardTest, 1, nil},
		{"most", kms.Work, kms.MaxBatch, nil},
		{"too many", kms.Work, kms.MaxBatch + 1, kms.ErrInvalid},
		{"unknown key", "card", 1, kms.ErrKeyMissing},
		{"no key", "", 1, kms.ErrKeyMissing},
	}
	for _, tt := range tests {
		errs, err := kms.ValidateWrap(tt.key, make([]kms.WrapItem, tt.n))
		if !errors.Is(err, tt.want) || (err == nil) != (len(errs) == tt.n && tt.n > 0) {
			t.Errorf("%s: ValidateWrap: %d item errors, error %v, want %v", tt.name, len(errs), err, tt.want)
		}
		errs, err = kms.ValidateUnwrap(tt.key, make([]kms.UnwrapItem, tt.n))
		if !errors.Is(err, tt.want) || (err == nil) != (len(errs) == tt.n && tt.n > 0) {
			t.Errorf("%s: ValidateUnwrap: %d item errors, error %v, want %v", tt.name, len(errs), err, tt.want)
		}
	}
}

func TestValidateItems(t *testing.T) {
	bytesOf := func(n int) []byte { return make([]byte, n) }
	tests := []struct {
		body, context int
		limit         int
		ok            bool
	}{
		{1, 1, 0, true},
		{0, 1, 0, false},
		{1, 0, 0, false},
		{kms.MaxPlaintext, kms.MaxContext, kms.MaxPlaintext, true},
		{kms.MaxPlaintext + 1, 1, kms.MaxPlaintext, false},
		{1, kms.MaxContext + 1, kms.MaxPlaintext, false},
		{kms.MaxWrapped, kms.MaxContext, kms.MaxWrapped, true},
		{kms.MaxWrapped + 1, 1, kms.MaxWrapped, false},
	}
	for _, tt := range tests {
		if tt.limit != kms.MaxWrapped {
			errs, err := kms.ValidateWrap(kms.Work, []kms.WrapItem{{Plaintext: bytesOf(tt.body), Context: bytesOf(tt.context)}})
			if err != nil || (errs[0] == nil) != tt.ok || (!tt.ok && !errors.Is(errs[0], kms.ErrInvalid)) {
				t.Errorf("ValidateWrap(%d, %d) = %v, %v, want ok %v", tt.body, tt.context, errs, err, tt.ok)
			}
		}
		if tt.limit != kms.MaxPlaintext {
			errs, err := kms.ValidateUnwrap(kms.Work, []kms.UnwrapItem{{Wrapped: bytesOf(tt.body), Context: bytesOf(tt.context)}})
			if err != nil || (errs[0] == nil) != tt.ok || (!tt.ok && !errors.Is(errs[0], kms.ErrInvalid)) {
				t.Errorf("ValidateUnwrap(%d, %d) = %v, %v, want ok %v", tt.body, tt.context, errs, err, tt.ok)
			}
		}
	}
}

func TestContextError(t *testing.T) {
	if err := kms.ContextError(t.Context()); err != nil {
		t.Errorf("live context: %v, want nil", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := kms.ContextError(ctx); !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled context: %v, want ErrUnavailable and context.Canceled", err)
	}
}
