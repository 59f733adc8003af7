package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (c *cli) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the vault",
		Long: `Run the vault until it gets SIGTERM or SIGINT; then it stops accepting, answers
what it has accepted, and ends. SIGHUP reads the issuer file again.`,
		Example: `  panvault serve --config /etc/panvault/panvault.yaml`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			return c.serve(cmd.Context(), cfg)
		},
	}
}

func (c *cli) serve(ctx context.Context, cfg config) error {
	if err := disableDumps(); err != nil {
		return err // before any secret is in memory
	}
	a, err := c.open(ctx, cfg, openMode{intake: true})
	if err != nil {
		return explainOpen(err)
	}
	err = c.run(ctx, a, cfg.PublicURL, nil)
	return errors.Join(err, a.close(context.WithoutCancel(ctx)))
}

// run serves an opened vault until ctx ends. ready, if any, is told once
// requests are answered.
func (c *cli) run(ctx context.Context, a *app, publicURL string, ready func(*serving) error) error {
	if err := a.confine(); err != nil {
		return err
	}
	s, err := a.serve(publicURL)
	if err != nil {
		return err
	}
	details := map[string]string{"version": currentBuild().Version, "kms": a.cfg.KMS.Backend, "tier": "all"}
	if err := a.svc.RecordStart(ctx, details); err != nil {
		return errors.Join(err, s.drain(0))
	}
	a.log.Info("serving", "api", s.apiAddr, "admin", s.adminAddr, "version", currentBuild().Version)
	if ready != nil {
		if err := ready(s); err != nil {
			return errors.Join(err, s.drain(0))
		}
	}
	err = s.wait(ctx)
	return errors.Join(err, a.svc.RecordStop(context.WithoutCancel(ctx)))
}
