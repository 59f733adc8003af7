package vault_test

import (
	"fmt"
	"testing"

	"github.com/panvault/panvault/vault"
)

// TestSwapCredentials: no key borrows another's merchant, mode, kind or life.
func TestSwapCredentials(t *testing.T) {
	w := newWorld(t)
	login := func(i int) error {
		_, err := w.Authenticate(t.Context(), w.secrets[i].Reveal(), vault.Origin{})
		return err
	}
	skip := map[string]bool{"last_used": true}
	w.eachSwap(t, "api_keys", " WHERE merchant <> ''", skip, func(t *testing.T, column string, a, b int) {
		for _, i := range []int{a, b} {
			w.wantTampered(t, fmt.Sprintf("%s of keys %d and %d", column, a, b), func() error { return login(i) })
		}
	})
	for i := range w.secrets {
		if err := login(i); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
}

// TestForgedCredentialIsRecorded: an edited row cannot keep its tampering out
// of the audit log by saying what no record may hold.
func TestForgedCredentialIsRecorded(t *testing.T) {
	w := newWorld(t)
	rowid := w.rowids(t, "api_keys", " WHERE merchant <> ''")[0]
	for column, forged := range map[string]any{"kind": "root", "id": "akey_\xff\n", "label": "x"} {
		old := w.cell(t, "api_keys", column, rowid)
		w.setCell(t, "api_keys", column, rowid, forged)
		w.wantTampered(t, "a forged "+column, func() error {
			_, err := w.Authenticate(t.Context(), w.secrets[0].Reveal(), vault.Origin{})
			return err
		})
		w.setCell(t, "api_keys", column, rowid, old)
	}
}

// TestListsStayReadable: an edited row is shown as such in a list, and does not
// hide the others; a forged operator does not let the last real one go.
func TestListsStayReadable(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	merchant := w.cards[0].caller.Merchant
	w.setCell(t, "api_keys", "label", w.rowids(t, "api_keys", " WHERE merchant = '"+merchant+"'")[0], "edited")
	keys, err := w.APIKeys(ctx, w.Operator, merchant)
	if err != nil || len(keys) != 2 || !keys[0].Tampered || keys[1].Tampered || keys[0].Kind != "" {
		t.Errorf("keys %+v (%v), want the first as tampered and the second", keys, err)
	}
	if _, err := w.RevokeAPIKey(ctx, w.Operator, keys[0].ID); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("revoking an edited key: %v, want conflict", err)
	}
	w.setCell(t, "merchants", "name", w.rowids(t, "merchants", "")[0], "edited")
	merchants, err := w.Merchants(ctx, w.Operator)
	if err != nil || len(merchants) != 2 || !merchants[0].Tampered || merchants[1].Tampered {
		t.Errorf("merchants %+v (%v), want the first as tampered and the second", merchants, err)
	}
	if _, err := w.db.Exec(`INSERT INTO api_keys SELECT 'akey_000000000000000000000000', randomblob(32), merchant, kind, live,
		label, hint, created_at, revoked_at, last_used, tag FROM api_keys WHERE kind = 'operator'`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RevokeAPIKey(ctx, w.Operator, w.Operator.Key); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("revoking the last operator beside a forged one: %v, want conflict", err)
	}
	if w.tamperCount(t) < 3 {
		t.Errorf("tampering was counted %v times, want 3 at least", w.tamperCount(t))
	}
}

// TestSwapMerchants: no merchant borrows another's settings.
func TestSwapMerchants(t *testing.T) {
	w := newWorld(t)
	ids := w.rowids(t, "merchants", "")
	for _, column := range w.columns(t, "merchants") {
		if !w.swap(t, "merchants", column, ids[0], ids[1]) {
			continue
		}
		for i := range w.secrets {
			w.wantTampered(t, column+" of merchants", func() error {
				_, err := w.Authenticate(t.Context(), w.secrets[i].Reveal(), vault.Origin{})
				return err
			})
		}
		w.swap(t, "merchants", column, ids[0], ids[1])
	}
}
