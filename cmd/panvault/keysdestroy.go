package main

import (
	"github.com/spf13/cobra"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/vault"
)

func (c *cli) keysDestroy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Destroy retired versions of a KEK for good, with two operators",
		Long: `Destroy the retired versions of a KEK in the KMS. What they wrapped, in a backup
too, can not be opened by anybody from then on. One operator asks, another
approves, and then either runs it.`,
		Example: `  panvault keys destroy request card-live --version 1 --reason "yearly" --config destroyer.yaml
  panvault approve appr_… --config other-operator.yaml
  panvault keys destroy run appr_… --config destroyer.yaml`,
	}
	return group(cmd, c.keysDestroyRequest(), c.keysDestroyRun())
}

func (c *cli) keysDestroyRequest() *cobra.Command {
	var upTo uint32
	var reason string
	cmd := &cobra.Command{
		Use:   "request KEY",
		Short: "Ask for the approval to destroy versions of a KEK",
		Long: `Ask for the approval to destroy the versions of a KEK up to --version. It is
refused, and says what is in the way, unless all of them are retired, for as long
as a backup is kept (retention.backup_days), and nothing needs them.`,
		Example: `  panvault keys destroy request card-live --version 1 --reason "yearly" --config destroyer.yaml`,
		Args:    oneArg("key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.RequestDestruction(cmd.Context(), caller, kms.Key(args[0]), upTo, reason)
				if err != nil {
					return err
				}
				return c.printApproval(r, "next, by another operator: panvault approve "+r.ID)
			})
		},
	}
	cmd.Flags().Uint32Var(&upTo, "version", 0, "the newest `version` to destroy")
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for the second operator and the audit log")
	return cmd
}

func (c *cli) keysDestroyRun() *cobra.Command {
	return &cobra.Command{
		Use:   "run ID",
		Short: "Destroy the versions that were approved",
		Long: `Destroy the versions that were approved. It can not be undone. If it was
interrupted, run it again: that completes it.`,
		Example: `  panvault keys destroy run appr_… --config destroyer.yaml`,
		Args:    oneArg("approval id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				v, err := a.svc.DestroyKey(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				return c.printKeyVersion(v, "panvault keys status")
			})
		},
	}
}
