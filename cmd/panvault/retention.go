package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
)

func (c *cli) retentionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "retention",
		Short:   "Show what is kept, and that nothing is kept too long",
		Example: `  panvault retention report --config panvault.yaml`,
	}
	return group(cmd, &cobra.Command{
		Use:   "report",
		Short: "Count what is kept and what is past retention",
		Long: `Count what is kept and what is past retention: due for destruction for longer
than a minute. Running servers destroy what is due every second, so it is 0; if
not, the command fails.`,
		Example: `  panvault retention report --config panvault.yaml
  panvault retention report --config panvault.yaml --json   (in a quarterly job: PCI DSS 3.2.1)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				report, err := a.svc.RetentionReport(cmd.Context(), caller)
				if err != nil {
					return err
				}
				return c.printRetention(report)
			})
		},
	})
}

func (c *cli) printRetention(r vault.RetentionReport) error {
	var err error
	if c.json {
		err = c.printJSON(httpapi.NewRetentionReport(r))
	} else {
		err = c.printFields("retention at "+r.At.Format("2006-01-02 15:04:05 MST"), [][2]string{
			{"unused tokens", fmt.Sprintf("%d, destroyed %s after they were made unless their merchant says otherwise", r.Tokens, r.TokenTTL)},
			{"stored cards", fmt.Sprint(r.Stored)},
			{"after expiry", inDays(r.Retention.AfterExpiry, "cards are kept", "%d days")},
			{"after last use", inDays(r.Retention.AfterUse, "cards are kept", "%d days")},
			{"backups", inDays(r.Retention.Backups, "there are none", "kept for %d days at most")},
			{"due now", fmt.Sprint(r.Due)},
			{"past retention", fmt.Sprint(r.Past())},
		})
	}
	if err != nil || r.Past() == 0 {
		return err
	}
	return hint(fmt.Errorf("%d records are past retention: %d spent cards, %d lapsed tokens, %d unused cards, %d expired cards",
		r.Past(), r.SpentCards, r.LapsedTokens, r.UnusedCards, r.ExpiredCards),
		"deploy/runbooks/retention.md: is a server running, and what does its log say?")
}

func inDays(n int, none, format string) string {
	if n == 0 {
		return none
	}
	return fmt.Sprintf(format, n)
}
