package vault_test

import (
	"fmt"
	"testing"

	"filippo.io/age"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

// TestSwapImports: an import goes on from its own mark or not at all.
func TestSwapImports(t *testing.T) {
	w := newWorld(t)
	var sources []vault.ImportSource
	for i, c := range w.cards[:4] {
		from := source(c.caller.Merchant, c.caller.Live)
		from.Name = fmt.Sprint(i)
		im := begin(t, w.Service, w.Operator, from)
		for range i {
			im.take(t, line("4242424242424242", ""))
		}
		if i%2 == 1 {
			if err := im.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		sources = append(sources, from)
	}
	w.eachSwap(t, "imports", "", nil, func(t *testing.T, column string, a, b int) {
		for _, i := range []int{a, b} {
			w.wantTampered(t, fmt.Sprintf("%s of imports %d and %d", column, a, b), func() error {
				_, err := w.StartImport(t.Context(), w.Operator, sources[i])
				return err
			})
		}
	})
	for i, from := range sources {
		if im := begin(t, w.Service, w.Operator, from); im.Mark().Cards != int64(i) {
			t.Errorf("after swapping back: import %d is at %+v", i, im.Mark())
		}
	}
}

// TestSwapApprovals: an approval allows what was asked for, or nothing.
func TestSwapApprovals(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	_, secret, err := w.CreateAPIKey(ctx, w.Operator, vault.NewAPIKey{Kind: policy.Operator, Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	bob := w.Login(t, secret)
	var ids []string
	for i, c := range w.cards[:5] {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		subject := vault.ExportSubject{Merchant: c.caller.Merchant, Live: c.caller.Live, Recipient: identity.Recipient().String()}
		r, err := w.RequestExport(ctx, w.Operator, subject, fmt.Sprintf("reason %d", i))
		if err == nil && i < 3 {
			_, err = w.GrantApproval(ctx, bob, r.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if _, err := w.Export(ctx, w.Operator, ids[0], new(failingWriter), nil); err == nil {
		t.Fatal("an export into nothing works")
	}
	w.eachSwap(t, "approvals", "", nil, func(t *testing.T, column string, a, b int) {
		for _, i := range []int{a, b} {
			what := fmt.Sprintf("%s of approvals %d and %d", column, a, b)
			w.wantTampered(t, what+", running", func() error {
				_, err := w.Export(ctx, w.Operator, ids[i], new(failingWriter), nil)
				return err
			})
			w.wantTampered(t, what+", granting", func() error {
				_, err := w.GrantApproval(ctx, bob, ids[i])
				return err
			})
		}
		all, err := w.Approvals(ctx, w.Operator)
		if err != nil || len(all) != len(ids) {
			t.Fatalf("%s: %d approvals are listed (%v)", column, len(all), err)
		}
		tampered := 0
		for _, r := range all {
			if r.Tampered {
				tampered++
				if r.Reason != "" || r.Subject != (vault.ApprovalSubject{}) {
					t.Errorf("%s: a tampered approval tells %+v", column, r)
				}
			}
		}
		if tampered != 2 {
			t.Errorf("%s of approvals %d and %d: %d are listed as tampered, want 2", column, a, b, tampered)
		}
	})
	if got := len(w.rowids(t, "approvals", " WHERE used_at > 0")); got != 0 {
		t.Errorf("%d approvals were used", got)
	}
}
