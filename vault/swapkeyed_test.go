package vault_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// Rows that are found by a keyed hash: of a number, of a request, of a file.

// wantSwapped wants every column to have been swapped at least once but for
// those that are equal in all rows.
func wantSwapped(t *testing.T, w *world, table string, swapped map[string]bool, equal ...string) {
	t.Helper()
	for _, column := range w.columns(t, table) {
		if swapped[column] == slices.Contains(equal, column) {
			t.Errorf("%s.%s: swapped %v", table, column, swapped[column])
		}
	}
}

// TestSwapFingerprints: a second card of the same number must not get the
// surrogate of another, nor be counted there.
func TestSwapFingerprints(t *testing.T) {
	w := newWorld(t)
	order := w.rowids(t, "fingerprints", "")
	if len(order) != len(w.cards) {
		t.Fatalf("%d fingerprints for %d cards", len(order), len(w.cards))
	}
	for i, c := range w.cards {
		for range i % 3 { // so that the counts differ
			tokenize(t, w.Vault, c.caller, c.number, "ANOTHER")
		}
	}
	swapped := make(map[string]bool)
	w.eachSwap(t, "fingerprints", "", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		for _, i := range []int{a, b} {
			c := w.cards[i]
			w.wantTampered(t, fmt.Sprintf("%s of fingerprints %d and %d", column, a, b), func() error {
				_, err := w.Tokenize(t.Context(), c.caller, request(c.number, "SECOND"))
				return err
			})
		}
	})
	wantSwapped(t, w, "fingerprints", swapped, "key_version")
}

// clocked is a world whose clock the test moves.
func clocked(t *testing.T) (*world, *vaulttest.Clock) {
	t.Helper()
	clock, registry := vaulttest.NewClock(), prometheus.NewRegistry()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock, o.Metrics = clock.Now, registry })
	return &world{Vault: v, registry: registry, db: rawDB(t, v)}, clock
}

// TestSwapIdempotency: nobody gets the answer to another request, nor the time
// or the state of another key.
func TestSwapIdempotency(t *testing.T) {
	w, clock := clocked(t)
	type made struct {
		caller vault.Caller
		r      vault.Repeatable
		flight bool
	}
	var all []made
	for m := range 2 {
		merchant := w.Merchant(t, vault.MerchantSettings{Name: fmt.Sprint(m)})
		for _, live := range []bool{false, true} {
			caller := w.Caller(t, merchant, policy.Secret, live)
			for i, key := range []string{"a", "b"} {
				clock.Advance(time.Second)
				r := once(key, []byte(key))
				claimed, _, err := w.Begin(t.Context(), caller, r)
				if err != nil {
					t.Fatal(err)
				}
				flight := live && i == 1
				if !flight {
					if _, err := w.CreateCustomer(t.Context(), claimed, vault.CustomerFields{}); err != nil {
						t.Fatal(err)
					}
				}
				all = append(all, made{caller, r, flight})
			}
		}
	}
	swapped := make(map[string]bool)
	w.eachSwap(t, "idempotency", "", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		for _, i := range []int{a, b} {
			w.wantTampered(t, fmt.Sprintf("%s of keys %d and %d, asking for %d", column, a, b, i), func() error {
				_, answer, err := w.Begin(t.Context(), all[i].caller, all[i].r)
				if answer != nil {
					t.Error("an answer came back")
				}
				return err
			})
		}
	})
	wantSwapped(t, w, "idempotency", swapped)
	for i, m := range all {
		_, answer, err := w.Begin(t.Context(), m.caller, m.r)
		if m.flight && vault.CodeOf(err) != vault.InProgress || !m.flight && (err != nil || answer == nil) {
			t.Errorf("key %d after swapping back: %v, %v", i, answer, err)
		}
	}
}
