package vault_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
)

// TestCardRecords: every state in the life of a card, by both of its ids.
func TestCardRecords(t *testing.T) {
	s := newShop(t)
	unused, lapsed := s.token(t), s.token(t)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	gone := s.attach(t, c.ID, s.token(t))
	if _, err := s.DeleteCard(t.Context(), s.secret, c.ID, gone); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]vault.RecordState{
		unused: vault.StateUnused, cardOf(unused): vault.StateUnused, c.DefaultCard: vault.StateStored, tokenOf(c.DefaultCard): vault.StateStored,
		gone: vault.StateDestroyed, tokenOf(gone): vault.StateDestroyed,
	} {
		got := s.record(t, id)
		destroyed := want == vault.StateDestroyed
		if got.State != want || got.ID != cardOf(tokenOf(id)) && got.ID != cardOf(id) || got.Merchant != s.public.Merchant || got.Live {
			t.Errorf("%s: %+v, want %s", id, got, want)
		}
		if destroyed != (got.Brand == "") || destroyed != (got.LastDigits == "") || destroyed != (got.Fingerprint == nil) || destroyed != (got.Expiry == card.Expiry{}) ||
			destroyed == got.DeletedAt.IsZero() || destroyed == got.ShredHorizon.IsZero() {
			t.Errorf("%s: %+v, want what was readable gone exactly if it is destroyed", id, got)
		}
		if (want == vault.StateUnused) != !got.ExpiresAt.IsZero() || (want == vault.StateUnused) != (got.Customer == "") {
			t.Errorf("%s: lapses %s, customer %q", id, got.ExpiresAt, got.Customer)
		}
	}
	s.clock.Advance(time.Hour)
	if got := s.record(t, lapsed); got.State != vault.StateLapsed || got.LastDigits != "4242" {
		t.Errorf("a lapsed token: %+v", got)
	}
	got := events(t, s.Store, audit.RecordRead)
	if len(got) != 7 || got[6].Object != lapsed || got[6].Actor.ID != s.Operator.Key { // an hour after the others
		t.Errorf("audit has %d look-ups, the last %+v; want 7, of %s", len(got), got[len(got)-1], lapsed)
	}
}

func TestRecordsOfNothing(t *testing.T) {
	s := newShop(t)
	token := s.token(t)
	c := s.customer(t, vault.CustomerFields{})
	zeros := strings.Repeat("0", 24)
	for _, id := range []string{"", "x", "card_test_" + zeros, "tokn_" + zeros, "cust_test_" + zeros, c.ID, strings.Replace(token, "test_", "", 1), token + "x", "4242424242424242"} {
		_, err := s.CardRecord(t.Context(), s.Operator, id)
		if e, ok := err.(*vault.Error); !ok || e.Code != vault.NotFound || e.Object != "card" || e.ID != id {
			t.Errorf("card %q: %v, want not found", id, err)
		}
	}
	for _, id := range []string{"", "cust_test_" + zeros, strings.Replace(c.ID, "test_", "", 1), token, cardOf(token)} {
		_, err := s.CustomerRecord(t.Context(), s.Operator, id)
		if e, ok := err.(*vault.Error); !ok || e.Code != vault.NotFound || e.Object != "customer" {
			t.Errorf("customer %q: %v, want not found", id, err)
		}
	}
	if got := events(t, s.Store, audit.RecordRead); len(got) != 0 {
		t.Errorf("audit has %+v", got)
	}
}

func TestCustomerRecords(t *testing.T) {
	s := newShop(t)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t), Email: []byte("a@example.com")})
	s.attach(t, c.ID, s.token(t))
	got, err := s.CustomerRecord(t.Context(), s.Operator, c.ID)
	if err != nil || got.ID != c.ID || got.State != vault.StateActive || got.Cards != 2 || got.Merchant != s.secret.Merchant || !got.DeletedAt.IsZero() || !got.ShredHorizon.IsZero() {
		t.Errorf("%+v (%v), want an active one with 2 cards", got, err)
	}
	s.clock.Advance(time.Hour)
	if _, err := s.DeleteCustomer(t.Context(), s.secret, c.ID); err != nil {
		t.Fatal(err)
	}
	got, err = s.CustomerRecord(t.Context(), s.Operator, c.ID)
	if err != nil || got.State != vault.StateDestroyed || got.Cards != 0 || got.DeletedAt.UnixMicro() != s.clock.Now().UnixMicro() {
		t.Errorf("%+v (%v), want a destroyed one", got, err)
	}
	if got := events(t, s.Store, audit.RecordRead); len(got) != 2 || got[0].Object != c.ID {
		t.Errorf("audit has %+v, want two look-ups", got)
	}
}

// TestTamperedRecords: a record that was edited is not shown.
func TestTamperedRecords(t *testing.T) {
	s, w := newEvidence(t, nil)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	for _, statement := range []string{"UPDATE cards SET deleted_at = 1", "UPDATE customers SET deleted_at = 1"} {
		if _, err := w.db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{c.DefaultCard, tokenOf(c.DefaultCard)} {
		w.wantTampered(t, id, func() error { return second(s.CardRecord(t.Context(), s.Operator, id)) })
	}
	w.wantTampered(t, c.ID, func() error { return second(s.CustomerRecord(t.Context(), s.Operator, c.ID)) })
	var objects []string
	for _, e := range events(t, s.Store, audit.RecordTampered) {
		objects = append(objects, e.Object)
	}
	slices.Sort(objects)
	if want := []string{c.DefaultCard, c.ID, tokenOf(c.DefaultCard)}; !slices.Equal(objects, want) {
		t.Errorf("audit has %v, want %v", objects, want)
	}
}
