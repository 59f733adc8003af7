package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) chargeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "charge",
		Short:   "Settle charges whose outcome is not known",
		Example: `  panvault charge settle chrg_… --outcome failed --reason "the processor has no such payment" --config panvault.yaml`,
	}
	return group(cmd, c.chargeSettle())
}

func (c *cli) chargeSettle() *cobra.Command {
	var outcome, reference, reason string
	cmd := &cobra.Command{
		Use:   "settle ID",
		Short: "Say what became of a pending charge",
		Long: `Say what became of a charge that is pending because its outcome is not known. Ask
the processor first: it knows the charge by its id (deploy/runbooks/forward.md).
Nothing is sent. Who said it, and why, is in the audit log.`,
		Example: `  panvault charge settle chrg_… --outcome successful --reference pay_123 --reason "seen in the processor's console" --config panvault.yaml
  panvault charge settle chrg_… --outcome failed --reason "the processor has no such payment" --config panvault.yaml`,
		Args: oneArg("charge id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if outcome == "" || reason == "" {
				return hint(usageError{errors.New("--outcome and --reason are needed")}, "panvault charge settle --help")
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				ch, err := a.svc.SettleCharge(cmd.Context(), caller, args[0], vault.ChargeState(outcome), reference, reason)
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(struct {
						ID       string `json:"id"`
						State    string `json:"state"`
						Amount   int64  `json:"amount"`
						Currency string `json:"currency"`
						Customer string `json:"customer"` // "" for a token's card
					}{ch.ID, string(ch.State), ch.Amount, ch.Currency, ch.Customer})
				}
				return c.printFields(ch.ID, [][2]string{
					{"state", string(ch.State)}, {"amount", fmt.Sprintf("%d %s, in the smallest unit", ch.Amount, ch.Currency)}, {"customer", cmp.Or(ch.Customer, "-")},
				})
			})
		},
	}
	cmd.Flags().StringVar(&outcome, "outcome", "", "`STATE`: successful, authorized or failed")
	cmd.Flags().StringVar(&reference, "reference", "", "the processor's own `id` of it, for a later capture or reversal")
	cmd.Flags().StringVar(&reason, "reason", "", "`why` it is known, for the audit log")
	return cmd
}
