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
day old (approvals.key_age). All of it is in the audit log. An export, or the
destruction of a key's versions, is asked for by an operator and can be approved
for a day; a reveal is asked for by a
merchant's reveal key, and its request waits reveals.approval.`,
		Example: `  panvault approval list --config panvault.yaml
  panvault approve appr_… --config panvault.yaml`,
	}
	return group(cmd, c.approvalList(), c.approvalGrant("grant"))
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
					rows[i] = []string{r.ID, cmp.Or(r.Action, "-"), approvalState(r), approvalOf(r), cmp.Or(r.RequestedBy, "-"), cmp.Or(r.GrantedBy, "-"), day(r.ExpiresAt), r.Reason}
				}
				return c.printTable([]string{"ID", "ACTION", "STATE", "OF", "ASKED BY", "APPROVED BY", "EXPIRES", "REASON"}, rows)
			})
		},
	}
}

// approvalGrant is 'panvault approve' and 'panvault approval grant'.
func (c *cli) approvalGrant(name string) *cobra.Command {
	path := "panvault " + name
	if name == "grant" {
		path = "panvault approval " + name
	}
	return &cobra.Command{
		Use:   name + " ID",
		Short: "Approve what another operator or a reveal key asked for",
		Long: `Approve an export or a destruction that another operator asked for, or a reveal
that waits. Look at what it is first: 'panvault approval list --json' shows
merchant, mode, and the recipient of an export, the card and fields of a reveal,
or the key and versions to destroy.`,
		Example: `  ` + path + ` appr_… --config panvault.yaml`,
		Args:    oneArg("approval id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.GrantApproval(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				next := "approved; next: panvault export run " + r.ID + " --out FILE"
				switch {
				case r.Subject.Reveal != "":
					next = "approved; the request that waits is answered now"
				case r.Subject.Key != "":
					next = "approved; next: panvault keys destroy run " + r.ID
				}
				return c.printApproval(r, next)
			})
		},
	}
}

type approvalJSON struct {
	ID          string                `json:"id"`
	Action      string                `json:"action"`
	State       string                `json:"state"`
	Subject     vault.ApprovalSubject `json:"subject"`
	Reason      string                `json:"reason"`
	RequestedBy string                `json:"requested_by"`
	RequestedAt *string               `json:"requested_at"`
	GrantedBy   string                `json:"granted_by"` // "" until another operator approves
	GrantedAt   *string               `json:"granted_at"`
	ExpiresAt   *string               `json:"expires_at"`
	UsedAt      *string               `json:"used_at"`
	Tampered    bool                  `json:"tampered,omitempty"`
}

func newApprovalJSON(r vault.Approval) approvalJSON {
	return approvalJSON{
		ID: r.ID, Action: r.Action, State: approvalState(r), Subject: r.Subject, Reason: r.Reason,
		RequestedBy: r.RequestedBy, RequestedAt: stamp(r.RequestedAt), GrantedBy: r.GrantedBy, GrantedAt: stamp(r.GrantedAt),
		ExpiresAt: stamp(r.ExpiresAt), UsedAt: stamp(r.UsedAt), Tampered: r.Tampered,
	}
}

// approvalOf is what a request is about, for a column.
func approvalOf(r vault.Approval) string {
	switch {
	case r.Subject.Card != "":
		return r.Subject.Card + " " + r.Subject.Fields
	case r.Subject.Key != "":
		return fmt.Sprintf("%s up to version %d", r.Subject.Key, r.Subject.Version)
	}
	return cmp.Or(r.Subject.Merchant, "-")
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
	fields := [][2]string{{"action", r.Action}, {"state", approvalState(r)}}
	if r.Subject.Key != "" {
		fields = append(fields, [2]string{"key", string(r.Subject.Key)}, [2]string{"up to version", fmt.Sprint(r.Subject.Version)})
	} else {
		fields = append(fields, [2]string{"merchant", r.Subject.Merchant}, [2]string{"mode", modeName(r.Subject.Live)})
	}
	switch {
	case r.Subject.Reveal != "":
		fields = append(fields, [2]string{"reveal", r.Subject.Reveal}, [2]string{"card", r.Subject.Card}, [2]string{"fields", r.Subject.Fields})
	case r.Subject.Recipient != "":
		fields = append(fields, [2]string{"recipient", r.Subject.Recipient})
	}
	err := c.printFields(r.ID, append(fields, [][2]string{
		{"reason", r.Reason}, {"asked by", r.RequestedBy},
		{"approved by", cmp.Or(r.GrantedBy, "nobody yet")}, {"expires", day(r.ExpiresAt)},
	}...))
	fmt.Fprintln(c.stderr, next)
	return err
}
