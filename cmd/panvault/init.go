package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) initCommand() *cobra.Command {
	var operator, out string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Prepare a store: schema, working keys, first operator",
		Long: `Prepare what the configuration names: the local keyring (with kms.backend local),
the database schema, the working keys wrapped by the KMS, and the first operator.

It may be run again: it adds what is missing, brings an older schema up to date,
and changes nothing else. The operator's key is shown once, or written to a new
file with --key-out.`,
		Example: `  panvault init --config panvault.yaml --operator alice
  panvault init --config panvault.yaml --operator alice --key-out alice.key`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.initialize(cmd.Context(), operator, out)
		},
	}
	cmd.Flags().StringVar(&operator, "operator", "", "`name` of the first operator")
	cmd.Flags().StringVar(&out, "key-out", "", "new `file` for the operator's key, instead of showing it")
	return cmd
}

// initialized is what init did, for programs.
type initialized struct {
	Keyring     bool   `json:"keyring_created"`
	WorkingKeys int    `json:"working_keys_created"`
	Operator    string `json:"operator_key_id,omitempty"`
	OperatorKey string `json:"operator_key,omitempty"` // only without --key-out

	hasOperator bool
}

func (c *cli) initialize(ctx context.Context, operator, out string) error {
	if out != "" && operator == "" {
		return hint(usageError{errors.New("--key-out is for the key of an operator")}, "panvault init --operator NAME --key-out %s", out)
	}
	if err := disableDumps(); err != nil {
		return err
	}
	cfg, err := c.loadConfig()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return hint(err, "data_dir: a folder that this user can create, or one that exists")
	}
	mode := openMode{create: true}
	a, err := c.openBackends(ctx, cfg, mode)
	if err != nil {
		return explainOpen(err)
	}
	done := initialized{Keyring: a.keyringMade}
	done.WorkingKeys, err = vault.Initialize(ctx, a.store, a.kms, cfg.node(), currentBuild().Version, nil, nil)
	if err == nil {
		err = a.openService(ctx, mode)
	}
	if err == nil {
		done.hasOperator, err = hasOperator(ctx, a.store)
	}
	if err == nil && operator != "" {
		err = c.firstOperator(ctx, a, operator, out, &done)
	}
	closed := a.close(context.WithoutCancel(ctx))
	if err != nil {
		return explainOpen(errors.Join(err, closed))
	}
	return errors.Join(c.printInitialized(done, operator, out), closed) // a new key is shown in any case
}

func (c *cli) firstOperator(ctx context.Context, a *app, name, out string, done *initialized) error {
	err := saveSecret(out, func() (string, error) {
		key, secret, err := a.svc.CreateFirstOperator(ctx, name)
		done.Operator = key.ID
		if out == "" {
			done.OperatorKey = secret.Reveal()
		}
		return secret.Reveal(), err
	})
	if err != nil && vault.CodeOf(err) == vault.Conflict {
		return hint(plain(err), "panvault apikey create --kind operator --label %s, with the key of an operator", name)
	}
	return plain(err)
}

func (c *cli) printInitialized(done initialized, operator, out string) error {
	if c.json {
		return c.printJSON(done)
	}
	if done.Keyring {
		fmt.Fprintln(c.stdout, "keyring      created")
	}
	fmt.Fprintln(c.stdout, "schema       up to date")
	fmt.Fprintf(c.stdout, "working keys %d created\n", done.WorkingKeys)
	switch {
	case done.OperatorKey != "":
		fmt.Fprintf(c.stdout, "operator     %s (%s)\n\n  %s\n\nKeep this key now: it is not stored and cannot be shown again.\n", operator, done.Operator, done.OperatorKey)
	case out != "" && operator != "":
		fmt.Fprintf(c.stdout, "operator     %s (%s), key in %s\n", operator, done.Operator, out)
	case done.hasOperator:
		fmt.Fprintln(c.stdout, "operator     there is one")
	default:
		fmt.Fprintln(c.stdout, "operator     none yet; --operator NAME makes the first")
	}
	return nil
}
