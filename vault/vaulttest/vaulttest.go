// Package vaulttest builds the real service for tests: a temporary SQLite
// store, a local keyring, a merchant with keys. Nothing in it is a fake.
package vaulttest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// Vault is an opened vault with an operator.
type Vault struct {
	*vault.Service
	Store    store.Store
	KMS      kms.KMS
	Path     string // of the database file
	Operator vault.Caller
}

// New builds a vault that ends with the test. change, if not nil, edits the
// options before the service is opened; Store and KMS are set already.
func New(t testing.TB, change func(*vault.Options)) *Vault {
	t.Helper()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "data", "panvault.db")
	db, err := sqlite.Open(ctx, path, sqlite.Options{Migrate: true})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	backend := Keyring(t)
	opts := vault.Options{Store: db, KMS: backend, Intake: true, PoolSize: 32, Node: "test", KeyAge: 1}
	if change != nil {
		change(&opts)
	}
	if _, err := vault.Initialize(ctx, opts.Store, opts.KMS, "test", "test", opts.Clock, opts.Random); err != nil {
		t.Fatalf("initialize: %v", err)
	}
	svc, err := vault.New(ctx, opts)
	if err != nil {
		t.Fatalf("open the vault: %v", err)
	}
	v := &Vault{Service: svc, Store: opts.Store, KMS: opts.KMS, Path: path}
	t.Cleanup(func() { svc.Close(context.Background()) })
	_, secret, err := svc.CreateFirstOperator(ctx, "test operator")
	if err != nil {
		t.Fatalf("first operator: %v", err)
	}
	v.Operator = v.Login(t, secret)
	return v
}

// Keyring makes a local keyring that ends with the test.
func Keyring(t testing.TB) kms.KMS {
	t.Helper()
	passphrase, err := localkek.NewPassphrase([]byte("correct horse battery"))
	if err != nil {
		t.Fatalf("passphrase: %v", err)
	}
	defer passphrase.Wipe()
	keyring, err := localkek.Create(filepath.Join(t.TempDir(), "keyring"), passphrase, localkek.Options{Argon2: localkek.DevArgon2()})
	if err != nil {
		t.Fatalf("keyring: %v", err)
	}
	t.Cleanup(func() { _ = keyring.Close() })
	return keyring
}

// Login authenticates a key.
func (v *Vault) Login(t testing.TB, secret vault.APISecret) vault.Caller {
	t.Helper()
	caller, err := v.Authenticate(t.Context(), secret.Reveal(), audit.Origin{IP: "192.0.2.1", Request: "test"})
	if err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return caller
}

// Merchant makes a merchant.
func (v *Vault) Merchant(t testing.TB, settings vault.MerchantSettings) string {
	t.Helper()
	if settings.Name == "" {
		settings.Name = "Test merchant"
	}
	m, err := v.CreateMerchant(t.Context(), v.Operator, settings)
	if err != nil {
		t.Fatalf("create merchant: %v", err)
	}
	return m.ID
}

// Key makes an API key of a merchant.
func (v *Vault) Key(t testing.TB, merchant string, kind policy.Kind, live bool) vault.APISecret {
	t.Helper()
	_, secret, err := v.CreateAPIKey(t.Context(), v.Operator, vault.NewAPIKey{Merchant: merchant, Kind: kind, Live: live})
	if err != nil {
		t.Fatalf("create key: %v", err)
	}
	return secret
}

// Caller makes a key of a merchant and authenticates it.
func (v *Vault) Caller(t testing.TB, merchant string, kind policy.Kind, live bool) vault.Caller {
	t.Helper()
	return v.Login(t, v.Key(t, merchant, kind, live))
}
