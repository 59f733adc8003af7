package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) keysVerify() *cobra.Command {
	opts := vault.VerifyOptions{Sample: 1000}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every card's row and key version, and open a sample",
		Long: `Check the row of every card and the key version that it names, and open a random
sample, or --all. An opened number is compared with its row and wiped; nobody sees
it, and each opening is in the audit log. It runs beside live traffic. With
HashiCorp Vault it needs the identity of an exchange server. It fails if a card is

  tampered     edited, or its number is not what its row says
  missing      of a key version that does not exist
  downgraded   of a retired key version: an old row was put back`,
		Example: `  panvault keys verify --config exchange.yaml
  panvault keys verify --all --config exchange.yaml --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.All && cmd.Flags().Changed("sample") {
				return usageError{fmt.Errorf("--sample and --all exclude each other")}
			}
			if err := disableDumps(); err != nil {
				return err
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				p := c.newProgress("cards", 0, 0)
				opts.Progress = func(n int) { p.at(0, int64(n)) }
				result, err := a.svc.VerifyKeys(cmd.Context(), caller, opts)
				p.end()
				if err != nil {
					return err
				}
				return c.printVerify(result)
			})
		},
	}
	cmd.Flags().IntVar(&opts.Sample, "sample", opts.Sample, "open `N` cards, chosen at random")
	cmd.Flags().BoolVar(&opts.All, "all", false, "open every card")
	return cmd
}

type findingsJSON struct {
	Count int      `json:"count"`
	IDs   []string `json:"ids"` // the first 1000
}

func newFindingsJSON(f vault.Findings) findingsJSON {
	return findingsJSON{f.Count, append([]string{}, f.IDs...)}
}

func (c *cli) printVerify(r vault.VerifyResult) error {
	var err error
	if c.json {
		err = c.printJSON(struct {
			Checked    int          `json:"checked"`
			Opened     int          `json:"opened"`
			Tampered   findingsJSON `json:"tampered"`
			Missing    findingsJSON `json:"missing"`
			Downgraded findingsJSON `json:"downgraded"`
		}{r.Checked, r.Opened, newFindingsJSON(r.Tampered), newFindingsJSON(r.Missing), newFindingsJSON(r.Downgraded)})
	} else {
		err = c.printFields("keys verify", [][2]string{
			{"checked", fmt.Sprint(r.Checked)}, {"opened", fmt.Sprint(r.Opened)},
			{"tampered", inWords(r.Tampered)}, {"missing", inWords(r.Missing)}, {"downgraded", inWords(r.Downgraded)},
		})
	}
	if err == nil && r.Damaged() > 0 {
		err = hint(fmt.Errorf("%d of %d cards do not verify", r.Damaged(), r.Checked), "deploy/runbooks/tampered.md")
	}
	return err
}

func inWords(f vault.Findings) string {
	if f.Count == 0 {
		return "0"
	}
	text := fmt.Sprintf("%d: %s", f.Count, strings.Join(f.IDs, " "))
	if f.Count > len(f.IDs) {
		text += " …"
	}
	return text
}
