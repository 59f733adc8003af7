package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/store"
)

// openKMS opens the configured KMS backend; with create it makes a local
// keyring that is missing. The store is open already.
func (a *app) openKMS(ctx context.Context, create bool) error {
	backend, err := a.kmsBackend(ctx, create)
	if err != nil {
		return err
	}
	a.keks, _ = backend.(interface{ Locked() bool })
	a.kms = kms.NewResilient(backend, kms.ResilientOptions{Observe: observeKMS(a.registry)})
	return nil
}

func (a *app) kmsBackend(ctx context.Context, create bool) (kms.KMS, error) {
	if a.cfg.KMS.Backend == "transit" {
		client, err := transit.New(ctx, a.cfg.transit(), a.log)
		if err != nil {
			return nil, err
		}
		return client, nil
	}
	keyring, err := a.keyring(ctx, create)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return keyring, nil
}

// keyring opens the local keyring, or makes it.
func (a *app) keyring(ctx context.Context, create bool) (*localkek.Keyring, error) {
	path := a.cfg.inDataDir(a.cfg.KMS.Local.Keyring)
	_, err := os.Stat(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if missing {
		if err := a.mayMakeKeyring(ctx, path, create); err != nil {
			return nil, err
		}
	}
	passphrase, err := a.cli.passphrase(a.cfg.KMS.Local.Passphrase, missing)
	if err != nil {
		return nil, err
	}
	defer passphrase.Wipe()
	if missing {
		cost := localkek.DefaultArgon2()
		if a.cfg.KMS.Local.fast {
			cost = localkek.DevArgon2()
		}
		keyring, err := localkek.Create(path, passphrase, localkek.Options{Argon2: cost})
		a.keyringMade = err == nil
		if !errors.Is(err, fs.ErrExist) {
			return keyring, err
		} // else another process was first
	}
	return localkek.Open(path, passphrase, localkek.Options{})
}

// mayMakeKeyring says whether a missing keyring can be made: not if the
// database has keys that only the lost one opens.
func (a *app) mayMakeKeyring(ctx context.Context, path string, create bool) error {
	var rows []store.WorkingKey
	err := a.store.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.WorkingKeys(ctx)
		return err
	})
	switch {
	case err != nil:
		return err
	case len(rows) > 0:
		return hint(fmt.Errorf("%s is missing, and nothing else opens this database", path), "restore the keyring from its backup")
	case !create:
		return hint(fmt.Errorf("%s is missing", path), "panvault init, which creates the keyring")
	}
	return nil
}

// passphrase reads the keyring's passphrase from where the reference says, or
// asks for it on the terminal.
func (c *cli) passphrase(ref secretRef, confirm bool) (p localkek.Passphrase, err error) {
	const setting = "kms.local.passphrase"
	switch {
	case ref.is("file"):
		p, err = localkek.PassphraseFromFile(ref.target())
	case ref.is("env"):
		p, err = localkek.PassphraseFromEnv(ref.target())
	default:
		in, ok := c.stdin.(*os.File)
		if !ok {
			return p, hint(errors.New("the keyring needs a passphrase and there is no terminal to ask on"), setting+": file:PATH in the configuration")
		}
		p, err = localkek.PassphraseFromPrompt(in, c.stderr, confirm)
	}
	switch {
	case errors.Is(err, localkek.ErrWeakPassphrase):
		return p, hint(err, "a passphrase of %d to %d bytes", localkek.MinPassphrase, localkek.MaxPassphrase)
	case err != nil && !errors.Is(err, localkek.ErrMode):
		return p, unreadable(setting, err)
	}
	return p, err
}

func (cfg *config) transit() transit.Config {
	t := cfg.KMS.Transit
	return transit.Config{
		Address: t.Address, AllowPlaintext: t.AllowPlaintext, Namespace: t.Namespace,
		Mount: t.Mount, Prefix: t.Prefix, TokenFile: t.TokenFile,
		TLS: transit.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName},
		AppRole: transit.AppRole{
			Mount: t.AppRole.Mount, RoleIDFile: t.AppRole.RoleIDFile,
			SecretIDFile: t.AppRole.SecretIDFile, Wrapped: t.AppRole.Wrapped,
		},
	}
}
