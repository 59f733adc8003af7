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
}

func (c *cli) initialize(ctx context.Context, operator, out string) error {
	if err := disableDumps(); err != nil {
		return err
	}
	cfg, err := c.loadConfig()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return err
	}
	var done initialized
	if done.Keyring, err = c.createKeyring(cfg); err != nil {
		return err
	}
	mode := openMode{migrate: true}
	a, err := c.openBackends(ctx, cfg, mode)
	if err != nil {
		return explainOpen(err)
	}
	done.WorkingKeys, err = vault.Initialize(ctx, a.store, a.kms, cfg.node(), currentBuild().Version, nil, nil)
	if err == nil {
		err = a.openService(ctx, mode)
	}
	if err == nil && operator != "" {
		err = c.firstOperator(ctx, a, operator, out, &done)
	}
	if err = errors.Join(err, a.close(context.WithoutCancel(ctx))); err != nil {
		return explainOpen(err)
	}
	return c.printInitialized(done, operator, out)
}

func (c *cli) firstOperator(ctx context.Context, a *app, name, out string, done *initialized) error {
	key, secret, err := a.svc.CreateFirstOperator(ctx, name)
	if vault.CodeOf(err) == vault.Conflict {
		return hint(err, "panvault apikey create --kind operator --label %s, with the key of an operator", name)
	}
	if err != nil {
		return err
	}
	done.Operator = key.ID
	if out == "" {
		done.OperatorKey = secret.Reveal()
		return nil
	}
	return writeSecretFile(out, secret.Reveal())
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
	case operator == "":
		fmt.Fprintln(c.stdout, "operator     none made; give --operator NAME for the first")
	}
	return nil
}
