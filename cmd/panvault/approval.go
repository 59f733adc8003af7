package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) approvalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approval",
		Short: "See and approve what takes two operators",
		Long: `What takes two operators is asked for by one and approved by another: another
person, with a key that was made before, and for live cards both keys must be a
day old (approvals.key_age). All of it is in the audit log. A request is good for
a day.`,
		Example: `  panvault approval list --config panvault.yaml
  panvault approval grant appr_… --config panvault.yaml`,
	}
	return group(cmd, c.approvalList(), c.approvalGrant())
}

func (c *cli) approvalList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the newest requests",
		Example: `  panvault approval list --config panvault.yaml --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				all, err := a.svc.Approvals(cmd.Context(), caller)
				if err != nil {
					return err
				}
				if c.json {
					out := make([]approvalJSON, len(all))
					for i, r := range all {
						out[i] = newApprovalJSON(r)
					}
					return c.printJSON(out)
				}
				rows := make([][]string, len(all))
				for i, r := range all {
					rows[i] = []string{r.ID, cmp.Or(r.Action, "-"), approvalState(r), cmp.Or(r.RequestedBy, "-"), cmp.Or(r.GrantedBy, "-"), day(r.ExpiresAt), r.Reason}
				}
				return c.printTable([]string{"ID", "ACTION", "STATE", "ASKED BY", "APPROVED BY", "EXPIRES", "REASON"}, rows)
			})
		},
	}
}

func (c *cli) approvalGrant() *cobra.Command {
	return &cobra.Command{
		Use:   "grant ID",
		Short: "Approve what another operator asked for",
		Long: `Approve what another operator asked for. Look at what it is first: 'panvault
approval list --json' shows merchant, mode and recipient.`,
		Example: `  panvault approval grant appr_… --config panvault.yaml`,
		Args:    oneArg("approval id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.GrantApproval(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				return c.printApproval(r, "approved; next: panvault export run "+r.ID+" --out FILE")
			})
		},
	}
}

type approvalJSON struct {
	ID          string              `json:"id"`
	Action      string              `json:"action"`
	State       string              `json:"state"`
	Subject     vault.ExportSubject `json:"subject"`
	Reason      string              `json:"reason"`
	RequestedBy string              `json:"requested_by"`
	RequestedAt *string             `json:"requested_at"`
	GrantedBy   string              `json:"granted_by"` // "" until another operator approves
	GrantedAt   *string             `json:"granted_at"`
	ExpiresAt   *string             `json:"expires_at"`
	UsedAt      *string             `json:"used_at"`
	Tampered    bool                `json:"tampered,omitempty"`
}

func newApprovalJSON(r vault.Approval) approvalJSON {
	return approvalJSON{
		ID: r.ID, Action: r.Action, State: approvalState(r), Subject: r.Subject, Reason: r.Reason,
		RequestedBy: r.RequestedBy, RequestedAt: stamp(r.RequestedAt), GrantedBy: r.GrantedBy, GrantedAt: stamp(r.GrantedAt),
		ExpiresAt: stamp(r.ExpiresAt), UsedAt: stamp(r.UsedAt), Tampered: r.Tampered,
	}
}

func approvalState(r vault.Approval) string {
	switch {
	case r.Tampered:
		return "TAMPERED"
	case !r.UsedAt.IsZero():
		return "used"
	case time.Now().After(r.ExpiresAt):
		return "expired"
	case !r.GrantedAt.IsZero():
		return "approved"
	}
	return "waiting"
}

func (c *cli) printApproval(r vault.Approval, next string) error {
	if c.json {
		return c.printJSON(newApprovalJSON(r))
	}
	err := c.printFields(r.ID, [][2]string{
		{"action", r.Action}, {"state", approvalState(r)}, {"merchant", r.Subject.Merchant}, {"mode", modeName(r.Subject.Live)},
		{"recipient", r.Subject.Recipient}, {"reason", r.Reason}, {"asked by", r.RequestedBy},
		{"approved by", cmp.Or(r.GrantedBy, "nobody yet")}, {"expires", day(r.ExpiresAt)},
	})
	fmt.Fprintln(c.stderr, next)
	return err
}
