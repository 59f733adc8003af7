package kms_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/kms"
)

func TestObserveOutcomes(t *testing.T) {
	const n = 3
	tests := []struct {
		name  string
		inner *script
		want  kms.Call
	}{
		{"ok", &script{}, kms.Call{Attempts: 1, Outcome: "ok"}},
		{"ok after a pause", &script{steps: times(1, fail(kms.ErrUnavailable))},
			kms.Call{Attempts: 2, Outcome: "ok", Duration: 50 * time.Millisecond}},
		{"partial", &script{items: []error{kms.ErrInvalid}}, kms.Call{Attempts: 1, Outcome: "partial"}},
		{"one tampered", &script{items: []error{kms.ErrInvalid, kms.ErrTampered}},
			kms.Call{Attempts: 1, Outcome: "tampered", Tampered: 1}},
		{"all tampered", &script{items: []error{kms.ErrTampered, kms.ErrTampered, kms.ErrTampered}},
			kms.Call{Attempts: 1, Outcome: "tampered", Tampered: 3}},
		{"all retired", &script{items: []error{kms.ErrVersionRetired, kms.ErrVersionRetired, kms.ErrVersionRetired}},
			kms.Call{Attempts: 1, Outcome: "retired"}},
		{"denied", &script{steps: times(1, fail(kms.ErrDenied))}, kms.Call{Attempts: 1, Outcome: "denied"}},
		{"missing", &script{steps: times(1, fail(kms.ErrKeyMissing))}, kms.Call{Attempts: 1, Outcome: "missing"}},
		{"unsafe", &script{steps: times(1, fail(kms.ErrUnsafeKey))}, kms.Call{Attempts: 1, Outcome: "unsafe"}},
		{"invalid", &script{steps: times(1, fail(kms.ErrInvalid))}, kms.Call{Attempts: 1, Outcome: "invalid"}},
		{"unavailable", &script{steps: times(3, hang)},
			kms.Call{Attempts: 3, Outcome: "unavailable", Duration: 6*time.Second + 150*time.Millisecond}},
		{"cancelled", &script{steps: times(1, fail(context.Canceled))}, kms.Call{Attempts: 1, Outcome: "cancelled"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []kms.Call
				opts := kms.ResilientOptions{Jitter: fullPause, Observe: func(c kms.Call) { got = append(got, c) }}
				if tt.name == "cancelled" {
					opts.Retries = -1
				}
				r := kms.NewResilient(tt.inner, opts)
				_, _ = r.Unwrap(t.Context(), kms.CardLive, make([]kms.UnwrapItem, n))
				tt.want.Op, tt.want.Key, tt.want.Items = kms.OpUnwrap, kms.CardLive, n
				if diff := cmp.Diff([]kms.Call{tt.want}, got); diff != "" {
					t.Errorf("observed (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestObserveEveryMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []kms.Call
		r := kms.NewResilient(&script{}, kms.ResilientOptions{Observe: func(c kms.Call) { got = append(got, c) }})
		_, _ = r.Wrap(t.Context(), kms.Work, make([]kms.WrapItem, 2))
		_, _ = r.Wrap(t.Context(), kms.Work, nil)
		_, _ = r.Describe(t.Context(), kms.CardTest)
		_ = r.Check(t.Context())
		want := []kms.Call{
			{Op: kms.OpWrap, Key: kms.Work, Items: 2, Attempts: 1, Outcome: kms.OutcomeOK},
			{Op: kms.OpWrap, Key: kms.Work, Outcome: kms.OutcomeInvalid},
			{Op: kms.OpDescribe, Key: kms.CardTest, Attempts: 1, Outcome: kms.OutcomeOK},
			{Op: kms.OpCheck, Attempts: 1, Outcome: kms.OutcomeOK},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	})
}
