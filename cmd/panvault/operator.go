package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
)

// operator authenticates who runs an administrative command.
func (a *app) operator(ctx context.Context) (vault.Caller, error) {
	if a.cfg.OperatorKey == "" {
		return vault.Caller{}, hint(errors.New("who are you? this command needs an operator key"),
			"operator_key: file:PATH in the configuration, or PANVAULT_OPERATOR_KEY=file:PATH; 'panvault init' makes the first key")
	}
	secret, err := a.cfg.OperatorKey.read()
	if err != nil {
		return vault.Caller{}, unreadable("operator_key", err)
	}
	caller, err := a.svc.Authenticate(ctx, secret, vault.Origin{})
	if vault.CodeOf(err) == vault.Unauthenticated && err != nil {
		return vault.Caller{}, hint(errors.New("the operator key is not valid here"), "panvault doctor; another operator can make a new key with 'panvault apikey create --kind operator'")
	}
	if err != nil {
		return vault.Caller{}, plain(err)
	}
	if caller.Kind != policy.Operator {
		return vault.Caller{}, hint(errors.New("operator_key is a merchant's key, not an operator's"), "the key that 'panvault init' or 'panvault apikey create --kind operator' made")
	}
	return caller, nil
}

// unreadable is a secret that cannot be read; name is its setting.
func unreadable(name string, err error) error {
	wrapped := fmt.Errorf("%s: %w", name, err)
	if errors.As(err, new(hinted)) {
		return wrapped
	}
	return hint(wrapped, "%s: file:PATH or env:NAME, where the secret is", name)
}

// hasOperator reports whether anyone may administer this vault.
func hasOperator(ctx context.Context, s store.Store) (bool, error) {
	var rows []store.APIKey
	err := s.View(ctx, func(r store.Reader) (err error) {
		rows, err = r.APIKeys(ctx, "")
		return err
	})
	for _, row := range rows {
		if row.RevokedAt == 0 {
			return true, err
		}
	}
	return false, err
}

// administer opens the vault for one administrative command.
func (c *cli) administer(ctx context.Context, do func(*app, vault.Caller) error) error {
	cfg, err := c.loadConfig()
	if err != nil {
		return err
	}
	return c.administerWith(ctx, cfg, openMode{}, do)
}

// administerWith is administer with a configuration that was read before.
func (c *cli) administerWith(ctx context.Context, cfg config, mode openMode, do func(*app, vault.Caller) error) error {
	a, err := c.open(ctx, cfg, mode)
	if err != nil {
		return explainOpen(err)
	}
	caller, err := a.operator(ctx)
	if err == nil {
		err = plain(do(a, caller))
	}
	return errors.Join(err, a.close(context.WithoutCancel(ctx)))
}
