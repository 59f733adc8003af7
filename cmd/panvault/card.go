package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
)

func (c *cli) cardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Find and show cards, masked",
		Long: `Cards of all merchants as operators see them: never more of a number than its
last four digits. Every look-up is in the audit log.`,
		Example: `  panvault card find --config panvault.yaml --last4 4242 --brand visa
  panvault card show card_… --config panvault.yaml`,
	}
	return group(cmd, c.cardFind(), c.cardShow())
}

// cardFlags are a query as it is typed.
type cardFlags struct {
	query       vault.CardQuery
	mode        string
	fingerprint string
	from, to    string
}

func (c *cli) cardFind() *cobra.Command {
	var in cardFlags
	cmd := &cobra.Command{
		Use:   "find",
		Short: "Find cards by what is known of them",
		Long: `Find cards that are not destroyed by the last four digits, brand, first digits,
fingerprint or customer, newest first. A search looks at a million cards at most
and then says where to go on; --from and --to narrow it down to when the card
was tokenized, which is quick.`,
		Example: `  panvault card find --config panvault.yaml --last4 4242
  panvault card find --config panvault.yaml --bin 424242 --last4 4242 --from 2026-11-01
  panvault card find --config panvault.yaml --customer cust_… --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := in.parse()
			if err != nil {
				return err
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error { return c.findCards(cmd.Context(), a, caller, q) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.query.LastDigits, "last4", "", "last four `digits`")
	flags.StringVar(&in.query.Brand, "brand", "", "`name` of the brand, like visa")
	flags.StringVar(&in.query.BIN, "bin", "", "first four to six `digits`")
	flags.StringVar(&in.fingerprint, "fingerprint", "", "the card's `fingerprint`, 44 characters")
	flags.StringVar(&in.query.Customer, "customer", "", "`id` of its customer")
	flags.StringVar(&in.query.Merchant, "merchant", "", "`id` of its merchant (default: all)")
	flags.StringVar(&in.mode, "mode", "", "`test` or live (default: both)")
	flags.StringVar(&in.from, "from", "", "tokenized since this `time`, like 2026-11-01 or 2026-11-01T08:00:00Z")
	flags.StringVar(&in.to, "to", "", "tokenized until this `time`")
	flags.StringVar(&in.query.After, "after", "", "go on below this card `id`")
	flags.IntVar(&in.query.Limit, "limit", 20, "how many to show, 1 to 100")
	return cmd
}

func (in cardFlags) parse() (q vault.CardQuery, err error) {
	q = in.query
	q.Mode = vault.Mode(in.mode)
	if q.Fingerprint, err = httpapi.ParseFingerprint(in.fingerprint); err != nil {
		return q, plain(err)
	}
	if q.From, err = parseTime("--from", in.from); err != nil {
		return q, err
	}
	q.To, err = parseTime("--to", in.to)
	return q, err
}

// parseTime reads a day or a time of RFC 3339; zero for "".
func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hint(usageError{fmt.Errorf("%s is not a time", flag)}, "%s 2026-11-01, or 2026-11-01T08:00:00Z", flag)
}

func (c *cli) findCards(ctx context.Context, a *app, caller vault.Caller, q vault.CardQuery) error {
	if q.Limit == 0 {
		return usageError{errors.New("--limit must be 1 to 100")}
	}
	found, err := a.svc.FindCards(ctx, caller, q)
	if err != nil {
		return err
	}
	if c.json {
		return c.printJSON(httpapi.NewFoundCards(found))
	}
	rows := make([][]string, len(found.Cards))
	for i, r := range found.Cards {
		rows[i] = []string{
			r.ID, cmp.Or(r.Customer, "-"), r.Brand, "…" + r.LastDigits,
			fmt.Sprintf("%02d/%d", r.Expiry.Month, r.Expiry.Year), string(r.State), r.CreatedAt.Format(time.DateOnly), r.Merchant,
		}
	}
	if err := c.printTable([]string{"CARD", "CUSTOMER", "BRAND", "NUMBER", "EXPIRES", "STATE", "CREATED", "MERCHANT"}, rows); err != nil {
		return err
	}
	for _, id := range found.Tampered {
		fmt.Fprintf(c.stderr, "TAMPERED  %s: deploy/runbooks/tampered.md\n", id)
	}
	fmt.Fprintf(c.stderr, "%d found, %d cards looked at", len(rows), found.Searched)
	if found.Next != "" {
		fmt.Fprintf(c.stderr, "; for what is left: --after %s", found.Next)
	}
	fmt.Fprintln(c.stderr)
	return nil
}

func (c *cli) cardShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a card, or what is left of a destroyed one",
		Long: `Show a card by its card_ or tokn_ id. Of a destroyed card there is left that it
was, when it was destroyed, and its shred horizon: the day from which on no
backup, as long as you keep them (retention.backup_days), can bring it back.`,
		Example: `  panvault card show card_… --config panvault.yaml
  panvault card show tokn_… --config panvault.yaml --json`,
		Args: oneArg("card or token id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.CardRecord(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(httpapi.NewCardRecord(r))
				}
				return c.printFields(r.ID, cardFields(r))
			})
		},
	}
}

func cardFields(r vault.CardRecord) [][2]string {
	out := [][2]string{{"state", string(r.State)}, {"token", r.Token}, {"merchant", r.Merchant}, {"mode", modeName(r.Live)}}
	if r.Customer != "" {
		out = append(out, [2]string{"customer", r.Customer})
	}
	if r.State != vault.StateDestroyed {
		out = append(out,
			[2]string{"number", r.Brand + " …" + r.LastDigits},
			[2]string{"expires", fmt.Sprintf("%02d/%d", r.Expiry.Month, r.Expiry.Year)})
	}
	if r.Method != "" {
		out = append(out, [2]string{"payment method", r.Method})
	}
	return append(out, moments([]moment{
		{"created", r.CreatedAt}, {"token lapses", r.ExpiresAt}, {"attached", r.AttachedAt},
		{"destroyed", r.DeletedAt}, {"shred horizon", r.ShredHorizon},
	})...)
}

func (c *cli) customerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "customer",
		Short:   "Show customers",
		Example: `  panvault customer show cust_… --config panvault.yaml`,
	}
	return group(cmd, &cobra.Command{
		Use:   "show ID",
		Short: "Show a customer, or what is left of a destroyed one",
		Long: `Show a customer: of which merchant, how many cards, and, once destroyed, from
when on no backup can bring it and its cards back. Names and addresses are not
shown.`,
		Example: `  panvault customer show cust_… --config panvault.yaml --json`,
		Args:    oneArg("customer id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.CustomerRecord(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.printJSON(httpapi.NewCustomerRecord(r))
				}
				return c.printFields(r.ID, append([][2]string{
					{"state", string(r.State)}, {"merchant", r.Merchant}, {"mode", modeName(r.Live)}, {"cards", fmt.Sprint(r.Cards)},
				}, moments([]moment{{"created", r.CreatedAt}, {"destroyed", r.DeletedAt}, {"shred horizon", r.ShredHorizon}})...))
			})
		},
	})
}

// moment is a time with what happened at it.
type moment struct {
	name string
	at   time.Time
}

// moments are those that have come or will.
func moments(all []moment) [][2]string {
	var out [][2]string
	for _, m := range all {
		if !m.at.IsZero() {
			out = append(out, [2]string{m.name, m.at.Format("2006-01-02 15:04:05 MST")})
		}
	}
	return out
}

// printFields prints an object for people.
func (c *cli) printFields(title string, fields [][2]string) error {
	width := 0
	for _, f := range fields {
		width = max(width, len(f[0]))
	}
	var b strings.Builder
	fmt.Fprintln(&b, title)
	for _, f := range fields {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, f[0], f[1])
	}
	_, err := fmt.Fprint(c.stdout, b.String())
	return err
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}
