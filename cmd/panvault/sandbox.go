package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

// A sandbox is a folder with everything 'panvault dev' needs: a database, a
// keyring with its passphrase beside it, and the keys of one test merchant in
// clear. It is for development only: who has the folder has the cards in it.

const (
	sandboxPassphrase = "passphrase"
	sandboxOperator   = "operator.key"
	sandboxMerchant   = "sandbox.json"
)

// sandboxKeys is the sandbox's merchant, kept so that a restart shows the same.
type sandboxKeys struct {
	Merchant  string `json:"merchant"`
	PublicKey string `json:"public_key"`
	SecretKey string `json:"secret_key"`
}

// sandboxConfig is the configuration of a sandbox folder.
func sandboxConfig(dir string) (config, error) {
	dir = absolute(dir)
	if _, err := os.Stat(filepath.Join(dir, sandboxPassphrase)); errors.Is(err, fs.ErrNotExist) {
		return config{}, hint(fmt.Errorf("%s is not a 'panvault dev' folder", dir), "panvault dev --data %s", dir)
	}
	return newSandboxConfig(dir), nil
}

func newSandboxConfig(dir string) config {
	cfg := defaultConfig()
	cfg.Node = "dev"
	cfg.DataDir = dir
	cfg.OperatorKey = secretRef("file:" + filepath.Join(dir, sandboxOperator))
	cfg.KMS.Local.Passphrase = secretRef("file:" + filepath.Join(dir, sandboxPassphrase))
	cfg.KMS.Local.fast = true
	cfg.Approvals = approvalsConfig{} // nothing in it is worth a day
	cfg.Limits = limitsConfig{}       // a developer's loops are not card testing
	cfg.Log = logConfig{Level: "info", Format: "text"}
	cfg.Destinations = sandboxDestinations(sandboxProcessorURL)
	return cfg
}

// defaultSandbox is the folder that 'panvault dev' uses unless told otherwise.
func defaultSandbox() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", hint(errors.New("there is no home directory to keep the sandbox in"), "panvault dev --data DIR, or --data :temp:")
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "panvault", "dev"), nil
}

// prepareSandbox makes the folder and its passphrase if they are missing.
func prepareSandbox(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, sandboxPassphrase)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return saveSecret(path, func() (string, error) { return rand.Text(), nil })
}

// fillSandbox makes the operator, merchant and keys of a sandbox, or reads the
// ones it has.
func fillSandbox(ctx context.Context, a *app) (sandboxKeys, error) {
	dir := a.cfg.DataDir
	if text, err := os.ReadFile(filepath.Join(dir, sandboxMerchant)); err == nil {
		var keys sandboxKeys
		if err := json.Unmarshal(text, &keys); err != nil {
			return sandboxKeys{}, brokenSandbox(fmt.Errorf("%s is damaged", sandboxMerchant))
		}
		// The keys are worth showing only with the database they were made in.
		if _, err := a.operator(ctx); err != nil {
			return sandboxKeys{}, brokenSandbox(fmt.Errorf("the keys in %s are not those of its database: %w", dir, err))
		}
		return keys, nil
	}
	operator, err := a.developer(ctx)
	if err != nil {
		return sandboxKeys{}, brokenSandbox(err)
	}
	return a.makeSandbox(ctx, operator)
}

func brokenSandbox(err error) error { return hint(err, "another --data folder, or delete this one") }

// developer is the sandbox's operator, made at the first start.
func (a *app) developer(ctx context.Context) (vault.Caller, error) {
	path := filepath.Join(a.cfg.DataDir, sandboxOperator)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		err := saveSecret(path, func() (string, error) {
			_, secret, err := a.svc.CreateFirstOperator(ctx, "developer")
			return secret.Reveal(), plain(err)
		})
		if err != nil {
			return vault.Caller{}, err
		}
	}
	return a.operator(ctx)
}

// makeSandbox makes the merchant and its keys, and notes them down.
func (a *app) makeSandbox(ctx context.Context, operator vault.Caller) (sandboxKeys, error) {
	merchant, err := a.svc.CreateMerchant(ctx, operator, vault.MerchantSettings{Name: "Sandbox"})
	if err != nil {
		return sandboxKeys{}, err
	}
	keys := sandboxKeys{Merchant: merchant.ID}
	for _, k := range []struct {
		kind policy.Kind
		dst  *string
	}{{policy.Public, &keys.PublicKey}, {policy.Secret, &keys.SecretKey}} {
		_, secret, err := a.svc.CreateAPIKey(ctx, operator, vault.NewAPIKey{Merchant: merchant.ID, Kind: k.kind, Label: "sandbox"})
		if err != nil {
			return sandboxKeys{}, err
		}
		*k.dst = secret.Reveal()
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return sandboxKeys{}, err
	}
	return keys, saveSecret(filepath.Join(a.cfg.DataDir, sandboxMerchant), func() (string, error) { return string(text), nil })
}
