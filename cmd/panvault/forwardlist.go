package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) forwardList() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was sent to processors, newest first",
		Long: `List the ledger: every request that was to put a card into a processor's request,
and what is known of it. answered: the processor answered. not_sent: nothing was
written. unknown: it may have been carried out, or the answer does not say what became of
it; it is never repeated; ask the processor for the reference, which is the id shown here or that of the charge
(deploy/runbooks/forward.md).`,
		Example: `  panvault forward list --state unknown --config panvault.yaml
  panvault forward list --limit 1000 --config panvault.yaml --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				all, err := a.svc.Forwards(cmd.Context(), caller, vault.ForwardState(state), limit)
				if err != nil {
					return err
				}
				if c.json {
					out := make([]ledgerLine, len(all))
					for i, f := range all {
						out[i] = newLedgerLine(f)
					}
					return c.printJSON(out)
				}
				rows := make([][]string, len(all))
				for i, f := range all {
					if f.Tampered {
						rows[i] = []string{f.ID, "", "", "TAMPERED", "", "", "", "deploy/runbooks/tampered.md"}
						continue
					}
					rows[i] = []string{
						f.ID, f.CreatedAt.Format("2006-01-02 15:04:05"), f.Destination, string(f.State), statusText(f.Status),
						cmp.Or(f.Card, "-"), cmp.Or(f.Charge, "-"), cmp.Or(f.Reason, "-"),
					}
				}
				return c.printTable([]string{"FORWARD", "AT (UTC)", "DESTINATION", "STATE", "STATUS", "CARD", "CHARGE", "REASON"}, rows)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only `STATE`: prepared, sending, answered, not_sent or unknown")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most `N` lines, 1 to 1000")
	return cmd
}

func (c *cli) forwardShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show one line of the ledger",
		Example: `  panvault forward show fwrd_… --config panvault.yaml`,
		Args:    oneArg("forward id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				f, err := a.svc.LedgerLine(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(newLedgerLine(f))
				}
				fields := [][2]string{
					{"state", string(f.State)}, {"reason", cmp.Or(f.Reason, "-")}, {"status", statusText(f.Status)},
					{"use", string(f.Use)}, {"destination", f.Destination}, {"merchant", f.Merchant}, {"mode", modeName(f.Live)},
					{"card", cmp.Or(f.Card, "-")}, {"charge", cmp.Or(f.Charge, "-")}, {"masked", fmt.Sprintf("%d places of the answer", f.Masked)},
					{"vault", f.VaultTime.Round(time.Microsecond).String()}, {"processor", f.AnswerTime.Round(time.Microsecond).String()},
				}
				return c.printFields(f.ID, append(fields, moments([]moment{{"created", f.CreatedAt}, {"sent", f.SentAt}, {"ended", f.EndedAt}})...))
			})
		},
	}
}

func statusText(status int) string {
	if status == 0 {
		return "-"
	}
	return fmt.Sprint(status)
}

// ledgerLine is a line of the ledger for programs.
type ledgerLine struct {
	ID          string  `json:"id"`
	Merchant    string  `json:"merchant"`
	Livemode    bool    `json:"livemode"`
	Use         string  `json:"use"`
	Destination string  `json:"destination"`
	Card        string  `json:"card"`   // "" for a request without a card
	Charge      string  `json:"charge"` // "" for none
	State       string  `json:"state"`
	Reason      string  `json:"reason"`
	Status      int     `json:"status"` // 0 without an answer
	Masked      int64   `json:"masked"`
	CreatedAt   *string `json:"created_at"`
	SentAt      *string `json:"sent_at"`
	EndedAt     *string `json:"ended_at"`
	Tampered    bool    `json:"tampered,omitempty"` // the row was edited, and only id is told
}

func newLedgerLine(f vault.Forward) ledgerLine {
	return ledgerLine{
		ID: f.ID, Merchant: f.Merchant, Livemode: f.Live, Use: string(f.Use), Destination: f.Destination, Card: f.Card, Charge: f.Charge,
		State: string(f.State), Reason: f.Reason, Status: f.Status, Masked: f.Masked,
		CreatedAt: stamp(f.CreatedAt), SentAt: stamp(f.SentAt), EndedAt: stamp(f.EndedAt), Tampered: f.Tampered,
	}
}
