package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

const tempSandbox = ":temp:"

func (c *cli) devCommand() *cobra.Command {
	var opts devOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a sandbox: test keys, local storage, nothing to configure",
		Long: `Run a whole vault on this machine with a sandbox merchant and test keys, and
beside it the sandbox processor (panvault sandbox-processor), a second server that
its destinations lead to. Cards sent there are in this process's memory until it
ends.

The sandbox lives in --data (a folder under your state directory by default) and
is reopened by the next start with the same keys; --data :temp: makes one that
is deleted at the end. Its keyring's passphrase lies beside it, so never put a
real card into it.

With --json the only line on standard output, once requests are answered, is
  {"url","admin_url","merchant","public_key","secret_key","data","processor_url"}`,
		Example: `  panvault dev
  panvault dev --data :temp: --listen 127.0.0.1:0 --json
  panvault apikey list --data ~/.local/state/panvault/dev   (beside it)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.dev(cmd.Context(), opts) },
	}
	flags := cmd.Flags()
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:8440", "`address` of the API")
	flags.StringVar(&opts.admin, "admin-listen", "", "`address` of health and metrics (default: 127.0.0.1:8441, or any free port)")
	flags.StringVar(&opts.processor, "processor-listen", "", "`address` of the sandbox processor (default: 127.0.0.1:8450, or any free port)")
	flags.BoolVar(&opts.allowExpired, "allow-expired-in-test-mode", false, "accept cards with past expiry dates, as old client test suites send")
	return cmd
}

func (c *cli) dev(ctx context.Context, opts devOptions) (err error) {
	if c.configFile != "" {
		return hint(usageError{errors.New("dev takes no --config")}, "panvault serve --config %s", c.configFile)
	}
	if err := opts.validate(); err != nil {
		return err
	}
	if err := disableDumps(); err != nil {
		return err
	}
	processor, err := c.startDevProcessor(opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, processor.stop()) }()
	dir, remove, err := sandboxFolder(c.dataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := prepareSandbox(dir); err != nil {
		return err
	}
	cfg := newSandboxConfig(dir)
	cfg.Cards.AllowExpiredInTestMode = opts.allowExpired
	cfg.Listen.Public, cfg.Listen.Private = opts.listen, opts.listen
	cfg.Listen.Admin = adminAddress(opts)
	cfg.Destinations = sandboxDestinations(processor.url)
	if c.dataDir == tempSandbox {
		cfg.Hardening.removable = filepath.Dir(dir)
	}
	a, err := c.openSandbox(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close(context.WithoutCancel(ctx))) }()
	keys, err := fillSandbox(ctx, a)
	if err != nil {
		return err
	}
	return c.runSandbox(ctx, a, keys, opts, processor)
}

// runSandbox serves, on any free admin port if the usual one is taken, until ctx
// ends or the processor fails.
func (c *cli) runSandbox(ctx context.Context, a *app, keys sandboxKeys, opts devOptions, p *runningProcessor) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		select {
		case err := <-p.failed:
			failed <- fmt.Errorf("sandbox processor: %w", err)
			stop()
		case <-ctx.Done():
		}
	}()
	err := c.serveSandbox(ctx, a, keys, opts, p.url)
	select {
	case why := <-failed:
		return errors.Join(why, err)
	default:
		return err
	}
}

func (c *cli) serveSandbox(ctx context.Context, a *app, keys sandboxKeys, opts devOptions, processorURL string) error {
	ready := func(s *serving) error { return c.announce(s, keys, processorURL) }
	if opts.admin == "" && portTaken(a.cfg.Listen.Admin) {
		a.cfg.Listen.Admin = "127.0.0.1:0"
	}
	return devBindError(c.run(ctx, a, tierAll, "", ready))
}

// openSandbox creates what is missing and opens it.
func (c *cli) openSandbox(ctx context.Context, cfg config) (*app, error) {
	mode := openMode{create: true, intake: true, forward: true, sweep: true}
	a, err := c.openBackends(ctx, cfg, mode)
	if err != nil {
		return nil, explainOpen(err)
	}
	_, err = vault.Initialize(ctx, a.store, a.kms, cfg.node(), currentBuild().Version, nil, nil)
	if err == nil {
		err = a.openService(ctx, mode)
	}
	if err != nil {
		return nil, errors.Join(explainOpen(err), a.close(ctx))
	}
	return a, nil
}

// sandboxFolder resolves --data. remove deletes a throw-away folder.
func sandboxFolder(dir string) (path string, remove func() error, err error) {
	keep := func() error { return nil }
	switch dir {
	case tempSandbox:
		path, err = os.MkdirTemp("", "panvault-dev-")
		return path, func() error { return removeFolder(path) }, err
	case "":
		path, err = defaultSandbox()
		return path, keep, err
	default:
		return absolute(dir), keep, nil
	}
}

// removeFolder deletes a folder of files. os.RemoveAll would open the folder
// above, which a confined process may not.
func removeFolder(path string) error {
	entries, err := os.ReadDir(path)
	errs := []error{err}
	for _, e := range entries {
		errs = append(errs, os.Remove(filepath.Join(path, e.Name())))
	}
	return errors.Join(append(errs, os.Remove(path))...)
}
