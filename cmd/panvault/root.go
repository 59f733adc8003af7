package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/panvault/panvault/vault/card"
)

// cli is what every command shares: streams and the global flags.
type cli struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	configFile  string
	dataDir     string
	operatorKey string // instead of the configuration's
	json        bool
}

// hinted is an error with the next thing to try.
type hinted struct {
	error
	hint string
}

// Unwrap returns the error without its hint.
func (h hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// errShown ends a command whose output has already said what is wrong.
var errShown = errors.New("already shown")

// run executes one command line and returns the exit code: 0 done, 1 failed,
// 2 wrong usage.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &cli{stdin: stdin, stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errShown):
		return 1
	}
	fmt.Fprintln(stderr, "panvault:", err)
	var h hinted
	if errors.As(err, &h) {
		fmt.Fprintln(stderr, "  try:", h.hint)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "panvault",
		Short: "A card vault: PANs in, references out",
		Long: `Panvault keeps card numbers so that nothing else has to.

It seals each number under a data key of its own, wrapped by HashiCorp Vault
transit or a local keyring, and answers with tokn_ and card_ references over
the Omise API.`,
		Example: `  panvault dev                           a sandbox with test keys, nothing to configure
  panvault init  --config panvault.yaml  prepare a production store
  panvault serve --config panvault.yaml  run it`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(usageError{withoutValues(err)}, "%s --help", cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&c.configFile, "config", "", "configuration `file` (YAML)")
	flags.StringVar(&c.dataDir, "data", "", "data `folder` of a 'panvault dev' sandbox, instead of --config")
	flags.StringVar(&c.operatorKey, "operator-key", "", "who runs the command: file:PATH or env:NAME of an operator's key, instead of the configuration's")
	flags.BoolVar(&c.json, "json", false, "answer with JSON, for programs")
	root.SetHelpCommand(helpCommand())
	return group(root,
		c.devCommand(), c.sandboxProcessorCommand(), c.initCommand(), c.serveCommand(),
		c.merchantCommand(), c.apiKeyCommand(),
		c.cardCommand(), c.customerCommand(), c.retentionCommand(),
		c.importCommand(), c.exportCommand(), c.approvalCommand(), c.approvalGrant("approve"), c.forwardCommand(), c.chargeCommand(), c.keysCommand(),
		c.configCommand(), c.doctorCommand(), c.versionCommand(),
	)
}

// withoutValues is an error about flags without the values that it quotes: one
// may be a card number or a key that was typed in the wrong place.
func withoutValues(err error) error {
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) {
		return fmt.Errorf("--%s needs a value of type %s", wrong.GetFlag().Name, wrong.GetFlag().Value.Type())
	}
	return errors.New(card.RedactPANs(err.Error()))
}

// noArgs refuses positional arguments with a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return hint(usageError{fmt.Errorf("%s takes no arguments", cmd.CommandPath())}, "%s --help", cmd.CommandPath())
	}
	return nil
}

// oneArg wants exactly one positional argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return hint(usageError{fmt.Errorf("%s needs one %s", cmd.CommandPath(), what)}, "%s --help", cmd.CommandPath())
		}
		return nil
	}
}
