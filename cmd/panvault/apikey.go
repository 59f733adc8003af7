package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

func (c *cli) apiKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apikey",
		Short: "Create, list and revoke API keys",
		Example: `  panvault apikey create --config panvault.yaml --merchant mrch_… --kind secret
  panvault apikey revoke akey_… --config panvault.yaml`,
		Long: `API keys authenticate merchants (public: tokens from browsers and apps; secret:
the merchant's server; reveal: who may see stored cards, see
deploy/runbooks/reveal.md) and operators. A key is shown once, when it is created;
only a keyed hash is stored.`,
	}
	return group(cmd, c.apiKeyCreate(), c.apiKeyList(), c.apiKeyRevoke())
}

func (c *cli) apiKeyCreate() *cobra.Command {
	var in vault.NewAPIKey
	var kind, mode, out string
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an API key and show it once",
		Example: `  panvault apikey create --config panvault.yaml --merchant mrch_… --kind public --mode live
  panvault apikey create --config panvault.yaml --kind operator --label bob --key-out bob.key`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := newAPIKey(&in, kind, mode); err != nil {
				return err
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				var key vault.APIKey
				var secret vault.APISecret
				err := saveSecret(out, func() (_ string, err error) {
					key, secret, err = a.svc.CreateAPIKey(cmd.Context(), caller, in)
					return secret.Reveal(), err
				})
				if err != nil && key.ID != "" {
					return hint(err, "panvault apikey revoke %s, then create another", key.ID)
				}
				if err != nil {
					return err
				}
				return c.printNewAPIKey(key, secret, out)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Merchant, "merchant", "", "the merchant's `id`")
	flags.StringVar(&kind, "kind", "", "`kind`: public, secret, reveal or operator")
	flags.StringVar(&mode, "mode", "test", "`mode` of a merchant's key: test or live")
	flags.StringVar(&in.Label, "label", "", "`text`: what the key is for, or the operator's name")
	flags.StringVar(&out, "key-out", "", "new `file` for the key, instead of showing it")
	return cmd
}

// newAPIKey checks the flags of create.
func newAPIKey(in *vault.NewAPIKey, kind, mode string) error {
	in.Kind, in.Live = policy.Kind(kind), mode == "live"
	switch in.Kind {
	case policy.Public, policy.Secret, policy.Reveal, policy.Operator:
	default:
		return hint(usageError{errors.New("--kind must be public, secret, reveal or operator")}, "panvault apikey create --help")
	}
	switch {
	case mode != "test" && mode != "live":
		return hint(usageError{errors.New("--mode must be test or live")}, "panvault apikey create --help")
	case in.Kind == policy.Operator:
		in.Live = false
	case in.Merchant == "":
		return hint(usageError{errors.New("--merchant is missing")}, "panvault merchant list")
	}
	return nil
}

func (c *cli) apiKeyList() *cobra.Command {
	var merchant string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys of a merchant, or of the operators",
		Example: `  panvault apikey list --config panvault.yaml --merchant mrch_…
  panvault apikey list --config panvault.yaml                    (operators)`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				if merchant != "" {
					if _, err := a.svc.Merchant(cmd.Context(), caller, merchant); err != nil {
						return err
					}
				}
				keys, err := a.svc.APIKeys(cmd.Context(), caller, merchant)
				if err != nil {
					return err
				}
				return c.printAPIKeys(keys)
			})
		},
	}
	cmd.Flags().StringVar(&merchant, "merchant", "", "the merchant's `id` (default: the operators' keys)")
	return cmd
}

func (c *cli) apiKeyRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke ID",
		Short:   "End a key, at once on every node",
		Example: `  panvault apikey revoke akey_… --config panvault.yaml`,
		Args:    oneArg("key id (akey_…)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				key, err := a.svc.RevokeAPIKey(cmd.Context(), caller, args[0])
				if err != nil {
					return err
				}
				return c.printAPIKeys([]vault.APIKey{key})
			})
		},
	}
}

type apiKeyJSON struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Merchant  string  `json:"merchant"`
	Mode      string  `json:"mode"` // "" for operators
	Label     string  `json:"label"`
	Hint      string  `json:"hint"`
	CreatedAt *string `json:"created_at"`
	LastUsed  *string `json:"last_used"`
	RevokedAt *string `json:"revoked_at"`
	Tampered  bool    `json:"tampered,omitempty"` // the row was edited: the key is refused
	Key       string  `json:"key,omitempty"`      // only when it is made
}

func newAPIKeyJSON(k vault.APIKey) apiKeyJSON {
	return apiKeyJSON{
		ID: k.ID, Kind: string(k.Kind), Merchant: k.Merchant, Mode: keyMode(k), Label: k.Label, Hint: k.Hint,
		CreatedAt: stamp(k.CreatedAt), LastUsed: stamp(k.LastUsed), RevokedAt: stamp(k.RevokedAt), Tampered: k.Tampered,
	}
}

func (c *cli) printNewAPIKey(key vault.APIKey, secret vault.APISecret, out string) error {
	if c.json {
		j := newAPIKeyJSON(key)
		if out == "" {
			j.Key = secret.Reveal()
		}
		return c.printJSON(j)
	}
	if out != "" {
		_, err := fmt.Fprintf(c.stdout, "%s  key in %s\n", key.ID, out)
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%s\n\n  %s\n\nKeep this key now: it is not stored and cannot be shown again.\n", key.ID, secret.Reveal())
	return err
}

func (c *cli) printAPIKeys(keys []vault.APIKey) error {
	if c.json {
		out := make([]apiKeyJSON, len(keys))
		for i, k := range keys {
			out[i] = newAPIKeyJSON(k)
		}
		return c.printJSON(out)
	}
	var rows [][]string
	for _, k := range keys {
		state := "valid"
		switch {
		case k.Tampered:
			state = "TAMPERED, refused"
		case !k.RevokedAt.IsZero():
			state = "revoked " + day(k.RevokedAt)
		}
		rows = append(rows, []string{k.ID, string(k.Kind), keyMode(k), "…" + k.Hint, k.Label, day(k.CreatedAt), day(k.LastUsed), state})
	}
	return c.printTable([]string{"ID", "KIND", "MODE", "ENDS", "LABEL", "CREATED", "LAST USED", "STATE"}, rows)
}

func keyMode(k vault.APIKey) string {
	switch {
	case k.Kind == policy.Operator:
		return ""
	case k.Live:
		return "live"
	}
	return "test"
}
