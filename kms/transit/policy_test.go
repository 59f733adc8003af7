package transit_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit/transittest"
)

func TestIntakeWrapsAndCannotUnwrapCards(t *testing.T) {
	s := transittest.Shared(t)
	c := asRole(t, s, transittest.RoleIntake)
	for _, key := range []kms.Key{kms.CardLive, kms.CardTest} {
		_, item := wrapOne(t, c, key)
		_, err := c.Unwrap(t.Context(), key, []kms.UnwrapItem{item})
		wantIs(t, "Unwrap by intake", err, kms.ErrDenied)

		// The same with intake's own token and nothing of ours in between.
		body := fmt.Sprintf(`{"batch_input":[{"ciphertext":%q,"context":%q}]}`, item.Wrapped, base64.StdEncoding.EncodeToString(item.Context))
		status, got := s.Request(t, s.Login(t, transittest.RoleIntake), http.MethodPost, "transit/decrypt/panvault-"+string(key), body)
		if status != http.StatusForbidden {
			t.Errorf("decrypt %s with intake's token: HTTP %d %s, want 403", key, status, got)
		}
	}
	_, err := c.Wrap(t.Context(), kms.Work, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
	wantIs(t, "Wrap of a working key by intake", err, kms.ErrDenied)
}

// TestProbeOfEachRole: a start as intake asks this before anything else.
func TestProbeOfEachRole(t *testing.T) {
	s := transittest.Shared(t)
	for role, want := range map[string]bool{transittest.RoleIntake: false, transittest.RoleExchange: true, transittest.RoleInit: false} {
		c := asRole(t, s, role)
		for _, key := range []kms.Key{kms.CardLive, kms.CardTest} {
			if got, err := kms.CanUnwrap(t.Context(), c, key, rand.Reader); got != want || err != nil {
				t.Errorf("%s: CanUnwrap(%s) = %t, %v, want %t", role, key, got, err, want)
			}
		}
	}
}

func TestEachRoleDoesItsWork(t *testing.T) {
	s := transittest.Shared(t)
	initial := asRole(t, s, transittest.RoleInit)
	workKey, work := wrapOne(t, initial, kms.Work)
	wantOpens(t, initial, kms.Work, work, workKey)

	for _, role := range []string{transittest.RoleIntake, transittest.RoleExchange} {
		c := asRole(t, s, role)
		wantOpens(t, c, kms.Work, work, workKey)
		for _, key := range kms.Keys() {
			if d, err := c.Describe(t.Context(), key); err != nil || len(d.Unsafe) != 0 {
				t.Errorf("%s: Describe(%s) = %+v, %v, want a safe key", role, key, d, err)
			}
		}
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("%s: Check: %v", role, err)
		}
	}
	intake, exchange := asRole(t, s, transittest.RoleIntake), asRole(t, s, transittest.RoleExchange)
	for _, key := range []kms.Key{kms.CardLive, kms.CardTest} {
		dek, item := wrapOne(t, intake, key)
		wantOpens(t, exchange, key, item, dek)
	}
	_, card := wrapOne(t, initial, kms.CardLive)
	_, err := initial.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{card})
	wantIs(t, "Unwrap of a card by init", err, kms.ErrDenied)
}
