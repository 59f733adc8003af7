package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault"
)

// beforeUse takes migrations 3 to 5 back, as far as a database can show it.
var beforeUse = []string{
	"DROP TABLE key_versions", "DROP TABLE key_epoch", "DROP TABLE nodes", "DROP TABLE key_jobs",
	"DROP INDEX cards_keys", "DROP INDEX fingerprints_key", "DROP INDEX cards_again",
	"DROP TABLE reveals", "DROP TABLE charges", "DROP TABLE forwards", "DROP INDEX cards_spent", "DROP INDEX cards_payment_method",
	"ALTER TABLE cards DROP COLUMN payment_method", "ALTER TABLE merchants DROP COLUMN payment_mid",
	"DELETE FROM goose_db_version WHERE version_id >= 3",
}

// TestUpgradeOfTags: what a release wrote that knew neither forwards nor payment
// methods is proven by the tags it has, and its cards can be used.
func TestUpgradeOfTags(t *testing.T) {
	s := newTill(t)
	ctx := t.Context()
	c := s.customer(t, vault.CustomerFields{}) // a card of his would have a payment method already
	token, other := s.token(t), s.token(t)
	merchant := s.secret.Merchant
	for _, query := range beforeUse {
		if _, err := rawDB(t, s.Vault).Exec(query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	db, err := sqlite.Open(ctx, s.Path, sqlite.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	svc, err := vault.New(ctx, vault.Options{
		Store: db, KMS: s.KMS, Intake: true, PoolSize: 4, Clock: s.clock.Now, Destinations: s.processor.Destinations,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Close(context.Background())
	v := *s.Vault
	v.Service, v.Store = svc, db
	next := &till{&shop{&v, s.public, s.secret, s.clock}, s.processor}
	if got, err := svc.Customer(ctx, s.secret, c.ID); err != nil || got.ID != c.ID {
		t.Errorf("a customer of before: %v", err)
	}
	if got, err := svc.Merchants(ctx, s.Operator); err != nil || len(got) != 1 || got[0].Tampered {
		t.Errorf("merchants of before: %+v, %v", got, err)
	}
	if _, _, err := svc.CreateAPIKey(ctx, s.Operator, vault.NewAPIKey{Merchant: merchant, Kind: policy.Secret}); err != nil {
		t.Errorf("a key for a merchant of before: %v", err)
	}
	if f, err := next.forward(t, vault.ForwardRequest{Token: other}); err != nil || f.Status != 200 {
		t.Errorf("a token of before, forwarded: %+v, %v", f, err)
	}
	if got, err := next.charge(t, vault.ChargeRequest{Token: token, Capture: true}); err != nil || got.State != vault.ChargeSuccessful {
		t.Errorf("a token of before: %+v, %v", got, err)
	}
	s.clock.Advance(2 * time.Hour)
	if n, err := svc.Sweep(ctx); err != nil || n != 2 {
		t.Errorf("swept %d (%v), want the tokens that were used", n, err)
	}
}
