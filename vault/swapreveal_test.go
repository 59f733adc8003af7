package vault_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
)

// blindStore is a store whose reads find it closed while polls is set.
type blindStore struct {
	store.Store
	polls atomic.Bool
}

// View implements store.Store.
func (b *blindStore) View(ctx context.Context, fn func(store.Reader) error) error {
	if b.polls.Load() {
		return store.ErrUnavailable
	}
	return b.Store.View(ctx, fn)
}

// TestSwapReveals: a budget is counted by genuine rows or not at all.
func TestSwapReveals(t *testing.T) {
	d := newDesk(t, true, nil)
	w := &world{Vault: d.Vault, registry: d.registry, db: rawDB(t, d.Vault)}
	other := d.Merchant(t, vault.MerchantSettings{})
	var keys []vault.Caller
	var requests []vault.RevealRequest
	for i, live := range []bool{true, false} {
		for j, merchant := range []string{d.merchant, other} {
			d.clock.Advance(time.Second)
			in := vault.RevealRequest{Card: d.storedCard(t, merchant, live), Fields: []vault.RevealField{vault.FieldNumber}, Reason: "why"}
			if j == 1 {
				in.Fields = append(in.Fields, vault.FieldName)
			}
			if i == 1 {
				in.Fields = in.Fields[1:]
				in.Fields = append(in.Fields, vault.FieldBrand)
			}
			key := d.Caller(t, merchant, policy.Reveal, live)
			if _, _, err := d.see(t.Context(), key, in); err != nil {
				t.Fatal(err)
			}
			keys, requests = append(keys, key), append(requests, in)
		}
	}
	opened := d.kms.opened.Load()
	swapped := make(map[string]bool)
	w.eachSwap(t, "reveals", "", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		for _, i := range []int{a, b} {
			w.wantTampered(t, fmt.Sprintf("%s of reveals %d and %d", column, a, b), func() error {
				_, number, err := d.see(t.Context(), keys[i], requests[i])
				if number != "" {
					t.Errorf("%s: a number came back", column)
				}
				return err
			})
		}
	})
	wantSwapped(t, w, "reveals", swapped)
	if d.kms.opened.Load() != opened {
		t.Error("a card was opened")
	}
	for i := range keys {
		if _, _, err := d.see(t.Context(), keys[i], requests[i]); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
}

// TestTamperedReveal: whatever of a waiting request is edited, the approval
// opens nothing.
func TestTamperedReveal(t *testing.T) {
	for _, tt := range []struct{ table, column, value string }{
		{"reveals", "card", `'000000000000000000000000'`},
		{"reveals", "fields", `'brand'`},
		{"reveals", "outcome", `'masked'`},
		{"reveals", "counted_at", `1`},
		{"approvals", "subject", `x'7b7d'`},
		{"approvals", "expires_at", `9000000000000000`},
		{"approvals", "granted_by", `requested_by`},
		{"approvals", "action", `'export'`},
		{"api_keys", "created_at", `1`},
		{"cards", "last_digits", `'0000'`},
		{"customers", "merchant", `''`},
		{"merchants", "name", `'other'`},
	} {
		t.Run(tt.table+"."+tt.column, func(t *testing.T) {
			blind := &blindStore{}
			d := newDesk(t, true, func(o *vault.Options) {
				withApproval(o)
				blind.Store, o.Store = o.Store, blind
			})
			w := d.wait(t, t.Context())
			blind.polls.Store(true)
			d.grant(t, w)
			db := rawDB(t, d.Vault)
			if _, err := db.Exec(`UPDATE ` + tt.table + ` SET ` + tt.column + ` = ` + tt.value); err != nil {
				t.Fatal(err)
			}
			blind.polls.Store(false)
			<-w.done
			if codeOr(w.err) != vault.Internal || w.number != "" || d.kms.opened.Load() != 0 {
				t.Errorf("got %q (%v), %d opened, want tampered", w.number, w.err, d.kms.opened.Load())
			}
			world := &world{registry: d.registry, db: db}
			if world.tamperEvents(t) == 0 || world.tamperCount(t) == 0 {
				t.Error("the tampering is not on record")
			}
		})
	}
}
