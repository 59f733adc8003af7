package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (c *cli) serveCommand() *cobra.Command {
	t := string(tierAll)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the vault",
		Long: `Run the vault until it gets SIGTERM or SIGINT; then it stops accepting, answers
what it has accepted, and ends. SIGHUP reads the issuer file again.

With --tier intake it listens on listen.public only, opens no destination, and
refuses to start if its KMS identity may open a card, which a local keyring
always may. With --tier exchange it listens on listen.private only and needs no
right to seal one.`,
		Example: `  panvault serve --config /etc/panvault/panvault.yaml
  panvault serve --config /etc/panvault/intake.yaml --tier intake`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !tier(t).valid() {
				return hint(usageError{errors.New("--tier must be all, intake or exchange")}, "panvault serve --help")
			}
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), cfg, tier(t))
		},
	}
	cmd.Flags().StringVar(&t, "tier", t, "`side` to serve: all, intake (public) or exchange (private)")
	return cmd
}

func (c *cli) serve(ctx context.Context, cfg config, t tier) error {
	if err := disableDumps(); err != nil {
		return err // before any secret is in memory
	}
	a, err := c.open(ctx, cfg, openMode{intake: t.public(), sealing: t == tierIntake, forward: t.private(), sweep: true})
	if err != nil {
		return explainOpen(err)
	}
	err = c.run(ctx, a, t, cfg.PublicURL, nil)
	return errors.Join(err, a.close(context.WithoutCancel(ctx)))
}

// run serves an opened vault until ctx ends. Requests are answered once every
// listener is bound and the start is on record; then ready, if any, is told.
func (c *cli) run(ctx context.Context, a *app, t tier, publicURL string, ready func(*serving) error) error {
	if err := a.confine(); err != nil {
		return err
	}
	s, err := a.serve(t, publicURL)
	if err != nil {
		return err
	}
	details := map[string]string{"version": currentBuild().Version, "kms": a.cfg.KMS.Backend, "tier": string(t)}
	if err := a.svc.RecordStart(ctx, details); err != nil {
		return errors.Join(err, s.stop(0))
	}
	s.open()
	addresses := []any{"tier", t, "api", s.apiAddr, "admin", s.adminAddr}
	if s.private != "" {
		addresses = append(addresses, "private", s.private)
	}
	a.log.Info("serving", append(addresses, "version", currentBuild().Version)...)
	if ready != nil {
		if err := ready(s); err != nil {
			return errors.Join(err, s.stop(0))
		}
	}
	err = s.wait(ctx)
	return errors.Join(err, a.svc.RecordStop(context.WithoutCancel(ctx)))
}
