package kms_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
)

func TestCanUnwrap(t *testing.T) {
	pass := func(context.Context) error { return nil }
	steps := func(s ...func(context.Context) error) []func(context.Context) error { return s }
	for _, tt := range []struct {
		name    string
		script  *script
		want    bool
		wantErr error
	}{
		{"may", &script{}, true, nil},
		{"may not", &script{steps: steps(pass, fail(kms.ErrDenied))}, false, nil},
		{"may not wrap either", &script{steps: steps(fail(kms.ErrDenied))}, false, kms.ErrDenied},
		{"no answer to the unwrap", &script{steps: steps(pass, fail(kms.ErrUnavailable))}, false, kms.ErrUnavailable},
		{"no answer to the wrap", &script{steps: steps(fail(kms.ErrUnavailable))}, false, kms.ErrUnavailable},
		{"an item that fails", &script{items: []error{kms.ErrTampered}}, false, kms.ErrTampered},
		{"results are missing", &script{short: true}, false, kms.ErrUnavailable},
	} {
		got, err := kms.CanUnwrap(t.Context(), tt.script, kms.CardTest, rand.Reader)
		if got != tt.want || !errors.Is(err, tt.wantErr) {
			t.Errorf("%s: %t, %v, want %t, %v", tt.name, got, err, tt.want, tt.wantErr)
		}
	}
	if _, err := kms.CanUnwrap(t.Context(), &script{}, kms.CardTest, strings.NewReader("short")); err == nil {
		t.Error("without random bytes: no error")
	}
}
