package vault_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// TestUpgrade: a store of a release that knew no idempotency keys gets exactly
// these, on record, and everything in it works on.
func TestUpgrade(t *testing.T) {
	s := newShop(t)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	if _, err := rawDB(t, s.Vault).Exec("DELETE FROM working_keys WHERE purpose = 'idempotency'"); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS}); !errors.Is(err, envelope.ErrNoKey) || !strings.Contains(err.Error(), "idempotency") {
		t.Errorf("opening it: %v, want no idempotency key", err)
	}
	before := len(events(t, s.Store, audit.KeyCreate))
	s.clock.Advance(time.Second)
	for _, want := range []int{2, 0} {
		if n, err := vault.Initialize(t.Context(), s.Store, s.KMS, "test", "next", s.clock.Now, nil); err != nil || n != want {
			t.Errorf("initialize makes %d keys (%v), want %d", n, err, want)
		}
	}
	var made []string
	for _, e := range events(t, s.Store, audit.KeyCreate)[before:] {
		made = append(made, e.Object+" "+e.Details["version"])
	}
	slices.Sort(made)
	if want := []string{"idempotency/live 1", "idempotency/test 1"}; !slices.Equal(made, want) {
		t.Errorf("audit has %v, want %v", made, want)
	}
	if got := events(t, s.Store, audit.SystemInit); len(got) != 2 || got[1].Details["version"] != "next" {
		t.Errorf("audit has %+v, want a second initialization", got)
	}
	svc, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS, Intake: true, PoolSize: 4, Clock: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(context.Background())
	v := *s.Vault
	v.Service = svc
	next := &shop{&v, s.public, s.secret, s.clock}
	if got, err := svc.Customer(t.Context(), s.secret, c.ID); err != nil || len(got.Cards.Rows) != 1 {
		t.Errorf("a customer of before: %v", err)
	}
	next.attach(t, c.ID, next.token(t))
	next.remembered(t, "k", vault.CustomerFields{})
	if _, answer, err := svc.Begin(t.Context(), s.secret, once("k", []byte("k"))); err != nil || answer == nil {
		t.Errorf("a repetition: %v, %v", answer, err)
	}
}

// TestUpgradeOfAnUnusableKey: a renewable key of which only a destroyed version
// is left gets a version of its own, above it.
func TestUpgradeOfAnUnusableKey(t *testing.T) {
	s := newShop(t)
	if _, err := rawDB(t, s.Vault).Exec("UPDATE working_keys SET state = 'retired' WHERE purpose = 'idempotency' AND mode = 'test'"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Second) // records of one millisecond have no order
	n, err := vault.Initialize(t.Context(), s.Store, s.KMS, "test", "next", s.clock.Now, nil)
	if err != nil || n != 1 {
		t.Fatalf("%d keys (%v), want 1", n, err)
	}
	got := events(t, s.Store, audit.KeyCreate)
	if last := got[len(got)-1]; last.Object != "idempotency/test" || last.Details["version"] != "2" {
		t.Errorf("audit has %+v, want version 2", last)
	}
}

// TestLostKeyBesideAnUpgrade: a new release's missing keys do not hide that
// another one was lost.
func TestLostKeyBesideAnUpgrade(t *testing.T) {
	for _, purpose := range []string{"fingerprint", "profile", "integrity", "apikey"} {
		s := newShop(t)
		db := rawDB(t, s.Vault)
		if _, err := db.Exec("DELETE FROM working_keys WHERE purpose IN ('idempotency', ?)", purpose); err != nil {
			t.Fatal(err)
		}
		if n, err := vault.Initialize(t.Context(), s.Store, s.KMS, "", "", nil, nil); !errors.Is(err, vault.ErrKeyLost) || n != 0 || !strings.Contains(err.Error(), purpose) {
			t.Errorf("%s: initialize makes %d keys (%v), want key lost", purpose, n, err)
		}
		if _, err := vault.New(t.Context(), vault.Options{Store: s.Store, KMS: s.KMS}); !errors.Is(err, vault.ErrKeyLost) {
			t.Errorf("%s: open: %v, want key lost", purpose, err)
		}
	}
}
