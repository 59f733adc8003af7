package vault_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

func withApproval(o *vault.Options) { o.Reveals.Approval = time.Minute }

// waiting is a reveal that waits for its approval.
type waiting struct {
	id     string // of the approval
	done   chan struct{}
	number string
	err    error
}

// wait starts a reveal, and returns once it can be approved.
func (d *desk) wait(t *testing.T, ctx context.Context) *waiting {
	t.Helper()
	before, err := d.Approvals(t.Context(), d.Operator)
	if err != nil {
		t.Fatal(err)
	}
	w := &waiting{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		_, w.number, w.err = d.see(ctx, d.key, d.request(vault.FieldNumber, vault.FieldName))
	}()
	await(t, "the request", func() bool {
		all, err := d.Approvals(t.Context(), d.Operator)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) > len(before) {
			w.id = all[0].ID
		}
		return w.id != ""
	})
	d.clock.Advance(time.Second)
	return w
}

func TestRevealWaitsForApproval(t *testing.T) {
	d := newDesk(t, true, withApproval)
	w := d.wait(t, t.Context())
	all, err := d.Approvals(t.Context(), d.bob)
	if err != nil || len(all) != 1 {
		t.Fatalf("approvals %+v (%v)", all, err)
	}
	row := d.rows(t)[0]
	want := vault.ApprovalSubject{Merchant: d.merchant, Live: true, Reveal: row.ID, Card: d.card, Fields: "number,name"}
	if a := all[0]; a.Action != "reveal" || a.Subject != want || a.Reason != "case 17" || a.RequestedBy != d.key.Key || row.Outcome != "waiting" {
		t.Errorf("what waits is %+v, row %+v", a, row)
	}
	if d.kms.opened.Load() != 0 || len(events(t, d.Store, audit.CardReveal)) != 0 {
		t.Error("the card was opened, or is on record as shown, before anybody approved")
	}
	if _, err := d.GrantApproval(t.Context(), d.bob, w.id); err != nil {
		t.Fatal(err)
	}
	<-w.done
	if w.err != nil || w.number != revealNumber {
		t.Fatalf("approved: %q (%v)", w.number, w.err)
	}
	if got := events(t, d.Store, audit.CardReveal); len(got) != 1 || got[0].Details["approval"] != w.id || got[0].ID != d.kms.event.Load() {
		t.Errorf("records %+v, want one that names the approval", got)
	}
	if row := d.rows(t)[0]; row.Outcome != "opened" || row.CountedAt <= row.CreatedAt {
		t.Errorf("the row is %+v, want one that counts from its approval", row)
	}
	all, err = d.Approvals(t.Context(), d.bob)
	if err != nil || all[0].UsedAt.IsZero() {
		t.Errorf("the approval is not used up: %+v (%v)", all, err)
	}
	if _, err := d.GrantApproval(t.Context(), d.Operator, w.id); codeOr(err) != vault.Conflict {
		t.Errorf("granted again: %v, want conflict", err)
	}
	if _, err := d.Export(t.Context(), d.bob, w.id, new(failingWriter), nil); codeOr(err) != vault.NotFound {
		t.Errorf("an export with it: %v, want not found", err)
	}
}

// What ends a request that waits, and what is left of it.
func TestRevealNotApproved(t *testing.T) {
	for _, tt := range []struct {
		name    string
		do      func(t *testing.T, d *desk, w *waiting, cancel func())
		code    vault.Code
		outcome string
	}{
		{"nobody in time", func(t *testing.T, d *desk, _ *waiting, _ func()) { d.clock.Advance(time.Minute) }, vault.NotApproved, "not_approved"},
		{"the client is gone", func(_ *testing.T, _ *desk, _ *waiting, cancel func()) { cancel() }, vault.Internal, "cancelled"},
		{"the server stops", func(_ *testing.T, d *desk, _ *waiting, _ func()) { d.Close(context.Background()) }, vault.Unavailable, "cancelled"},
		{"the card is destroyed", func(t *testing.T, d *desk, w *waiting, _ func()) {
			d.deleteCard(t, d.card)
			d.grant(t, w)
		}, vault.NotFound, "failed"},
		{"the key was revoked", func(t *testing.T, d *desk, w *waiting, _ func()) {
			d.revoke(t, d.key)
			d.refusesToGrant(t, d.bob, w, "revoked")
			d.clock.Advance(time.Minute)
		}, vault.NotApproved, "not_approved"},
		{"a revoked operator approves", func(t *testing.T, d *desk, w *waiting, _ func()) {
			d.revoke(t, d.bob)
			d.refusesToGrant(t, d.bob, w, "revoked")
			d.clock.Advance(time.Minute)
		}, vault.NotApproved, "not_approved"},
		{"the merchant was disabled", func(t *testing.T, d *desk, w *waiting, _ func()) {
			if _, err := d.SetMerchantDisabled(t.Context(), d.Operator, d.merchant, true); err != nil {
				t.Error(err)
			}
			d.grant(t, w)
		}, vault.NotApproved, "not_approved"},
		{"the KMS is down", func(t *testing.T, d *desk, w *waiting, _ func()) {
			d.kms.down.Store(true)
			d.grant(t, w)
		}, vault.Unavailable, "failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, true, withApproval)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := d.wait(t, ctx)
			tt.do(t, d, w, cancel)
			<-w.done
			if codeOr(w.err) != tt.code || w.number != "" {
				t.Errorf("%q (%v), want %q", w.number, w.err, tt.code)
			}
			if row := d.rows(t)[0]; row.Outcome != tt.outcome || d.outcomes(t, tt.outcome) != 1 {
				t.Errorf("the row says %q, the metric %d, want %q", row.Outcome, d.outcomes(t, tt.outcome), tt.outcome)
			}
			ends := slices.DeleteFunc(events(t, d.Store, audit.CardReveal), func(e audit.Record) bool { return e.Outcome == audit.OK })
			if len(ends) != 1 || ends[0].Details["result"] != tt.outcome || ends[0].Details["approval"] != w.id {
				t.Errorf("records of the end are %+v, want one that says %q", ends, tt.outcome)
			}
			d.clock.Advance(time.Second)
			if tt.name != "the server stops" {
				if _, err := d.GrantApproval(t.Context(), d.Operator, w.id); codeOr(err) != vault.Conflict {
					t.Errorf("granted afterwards: %v, want conflict", err)
				}
			}
		})
	}
}

func (d *desk) grant(t *testing.T, w *waiting) {
	t.Helper()
	if _, err := d.GrantApproval(t.Context(), d.bob, w.id); err != nil {
		t.Error(err)
	}
}

func (d *desk) refusesToGrant(t *testing.T, c vault.Caller, w *waiting, says string) {
	t.Helper()
	if _, err := d.GrantApproval(t.Context(), c, w.id); codeOr(err) != vault.Conflict || !strings.Contains(err.Error(), says) {
		t.Errorf("granting: %v, want conflict with %q", err, says)
	}
}

// An approver who is revoked before the card is opened approved nothing. The
// request is stopped between the two by a store that is asked in vain.
func TestRevealApproverIsRevoked(t *testing.T) {
	blind := &blindStore{}
	d := newDesk(t, true, func(o *vault.Options) {
		withApproval(o)
		blind.Store, o.Store = o.Store, blind
	})
	w := d.wait(t, t.Context())
	blind.polls.Store(true)
	d.grant(t, w)
	d.revoke(t, d.bob)
	blind.polls.Store(false)
	<-w.done
	if codeOr(w.err) != vault.NotApproved || w.number != "" || d.kms.opened.Load() != 0 {
		t.Errorf("%q (%v), want not approved", w.number, w.err)
	}
}

// Who may approve: an operator with a key of his own name, made before the
// request, and for live cards old enough, as the reveal key must be.
func TestRevealApprover(t *testing.T) {
	d := newDesk(t, true, func(o *vault.Options) {
		withApproval(o)
		o.KeyAge = 0 // the default
	})
	_, secret, err := d.CreateAPIKey(t.Context(), d.Operator, vault.NewAPIKey{Merchant: d.merchant, Kind: policy.Reveal, Live: true, Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	d.key = d.Login(t, secret)
	w := d.wait(t, t.Context())
	d.refusesToGrant(t, d.bob, w, "both keys are of one operator")
	d.refusesToGrant(t, d.Operator, w, "younger than 24h0m0s")
	young := d.hire(t, "young")
	d.refusesToGrant(t, young, w, "younger than the request")
	for _, c := range []vault.Caller{d.key, d.Caller(t, d.merchant, policy.Secret, true), {}} {
		if _, err := d.GrantApproval(t.Context(), c, w.id); codeOr(err) != vault.Unauthenticated {
			t.Errorf("granted by kind %q: %v", c.Kind, err)
		}
	}
	d.clock.Advance(vault.DefaultKeyAge) // over, but the keys are old now
	<-w.done
	w = d.wait(t, t.Context())
	if _, err := d.GrantApproval(t.Context(), d.Operator, w.id); err != nil {
		t.Fatalf("with old keys: %v", err)
	}
	<-w.done
	if w.err != nil || w.number != revealNumber {
		t.Errorf("approved: %q (%v)", w.number, w.err)
	}
}

// A request that waits takes its part of the budget.
func TestRevealBudgetOfThoseThatWait(t *testing.T) {
	d := newDesk(t, false, func(o *vault.Options) {
		withApproval(o)
		o.Reveals.PerHour = 1
	})
	ctx, cancel := context.WithCancel(t.Context())
	w := d.wait(t, ctx)
	if _, _, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber)); codeOr(err) != vault.RateLimited {
		t.Errorf("beside one that waits: %v, want rate limited", err)
	}
	cancel()
	<-w.done
	if _, _, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber)); codeOr(err) != vault.RateLimited {
		t.Errorf("after one that was cancelled: %v, want rate limited", err)
	}
	if all, err := d.Approvals(t.Context(), d.bob); err != nil || len(all) != 1 {
		t.Errorf("%d requests for approval (%v), want 1", len(all), err)
	}
}
