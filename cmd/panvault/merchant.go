package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) merchantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "merchant",
		Short: "Create, list, show, disable and enable merchants",
		Long: `A merchant is a tenant: its keys see its own cards and nothing else. A disabled
one keeps its cards; its keys stop to work until it is enabled again.`,
		Example: `  panvault merchant create --config panvault.yaml --name "Tea House"
  panvault merchant list --config panvault.yaml`,
	}
	return group(cmd, c.merchantCreate(), c.merchantList(), c.merchantShow(), c.merchantSwitch(true), c.merchantSwitch(false))
}

func (c *cli) merchantCreate() *cobra.Command {
	var settings vault.MerchantSettings
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Add a merchant",
		Example: `  panvault merchant create --config panvault.yaml --name "Tea House"
  panvault merchant create --config panvault.yaml --name "Tea House" --token-ttl 15m --hide-fingerprint`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if settings.Name == "" {
				return hint(usageError{errors.New("--name is missing")}, `panvault merchant create --name "Tea House"`)
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				m, err := a.svc.CreateMerchant(cmd.Context(), caller, settings)
				if err != nil {
					return err
				}
				return c.printMerchant(m)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&settings.Name, "name", "", "the merchant's `name`")
	flags.BoolVar(&settings.ShowFirstDigits, "show-first-digits", false, "answer with the first six digits of a card")
	flags.BoolVar(&settings.HideFingerprint, "hide-fingerprint", false, "answer public keys with an empty fingerprint")
	flags.DurationVar(&settings.TokenTTL, "token-ttl", 0, "life of an unused token, 1m to 24h (default the server's)")
	flags.StringVar(&settings.PaymentMID, "payment-mid", "", "the merchant_id that its PaymentOptions requests must `name` (default any)")
	return cmd
}

func (c *cli) merchantList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all merchants",
		Example: `  panvault merchant list --config panvault.yaml --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				merchants, err := a.svc.Merchants(cmd.Context(), caller)
				if err != nil {
					return err
				}
				if c.json {
					out := make([]merchantJSON, len(merchants))
					for i, m := range merchants {
						out[i] = newMerchantJSON(m)
					}
					return c.printJSON(out)
				}
				var rows [][]string
				for _, m := range merchants {
					rows = append(rows, []string{m.ID, m.Name, day(m.CreatedAt), enabled(m)})
				}
				return c.printTable([]string{"ID", "NAME", "CREATED", "STATE"}, rows)
			})
		},
	}
}

func (c *cli) merchantShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a merchant and its settings",
		Example: `  panvault merchant show mrch_… --config panvault.yaml`,
		Args:    oneArg("merchant id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				m, err := a.svc.Merchant(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				return c.printMerchant(m)
			})
		},
	}
}

// merchantSwitch is disable and enable.
func (c *cli) merchantSwitch(disable bool) *cobra.Command {
	use, short := "enable ID", "Let a merchant's keys work again"
	if disable {
		use, short = "disable ID", "Stop all keys of a merchant, at once on every node"
	}
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  panvault merchant " + use[:len(use)-len(" ID")] + " mrch_… --config panvault.yaml",
		Args:    oneArg("merchant id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				m, err := a.svc.SetMerchantDisabled(cmd.Context(), caller, args[0], disable)
				if err != nil {
					return err
				}
				return c.printMerchant(m)
			})
		},
	}
}

type merchantJSON struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	ShowFirstDigits bool    `json:"show_first_digits"`
	HideFingerprint bool    `json:"hide_fingerprint"`
	TokenTTL        string  `json:"token_ttl"` // "" takes the server's default
	PaymentMID      string  `json:"payment_mid"`
	CreatedAt       *string `json:"created_at"`
	DisabledAt      *string `json:"disabled_at"`
	Tampered        bool    `json:"tampered,omitempty"` // the row was edited: its keys are refused
}

func newMerchantJSON(m vault.Merchant) merchantJSON {
	return merchantJSON{
		ID: m.ID, Name: m.Name, ShowFirstDigits: m.ShowFirstDigits, HideFingerprint: m.HideFingerprint,
		TokenTTL: ttl(m.TokenTTL, ""), PaymentMID: m.PaymentMID, CreatedAt: stamp(m.CreatedAt), DisabledAt: stamp(m.DisabledAt), Tampered: m.Tampered,
	}
}

func (c *cli) printMerchant(m vault.Merchant) error {
	if c.json {
		return c.printJSON(newMerchantJSON(m))
	}
	_, err := fmt.Fprintf(c.stdout, "%s  %s\n  state              %s\n  created            %s\n  token ttl          %s\n  show first digits  %v\n  hide fingerprint   %v\n  payment mid        %s\n",
		m.ID, m.Name, enabled(m), day(m.CreatedAt), ttl(m.TokenTTL, "server's default"), m.ShowFirstDigits, m.HideFingerprint, cmp.Or(m.PaymentMID, "any"))
	return err
}

func enabled(m vault.Merchant) string {
	switch {
	case m.Tampered:
		return "TAMPERED, refused"
	case m.DisabledAt.IsZero():
		return "enabled"
	}
	return "disabled since " + day(m.DisabledAt)
}

func ttl(d time.Duration, none string) string {
	if d == 0 {
		return none
	}
	return d.String()
}
