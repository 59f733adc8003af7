package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/vault"
)

func (c *cli) exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Take cards out, encrypted for one recipient, with two operators",
		Long: `Take a merchant's stored cards out, numbers included, so that nobody is locked
in. One operator asks, another approves, and then either runs it: a file of JSON
lines, encrypted with age to the recipient that was approved. Every card that is
opened is in the audit log. 'panvault import' reads the decrypted file.`,
		Example: `  panvault export request --config panvault.yaml --merchant mrch_… --mode live --recipient age1… --reason "move to the new vault"
  panvault approval grant appr_… --config other-operator.yaml
  panvault export run appr_… --config panvault.yaml --out cards.age`,
	}
	return group(cmd, c.exportRequest(), c.exportRun())
}

func (c *cli) exportRequest() *cobra.Command {
	var subject vault.ExportSubject
	var mode, reason string
	cmd := &cobra.Command{
		Use:     "request",
		Short:   "Ask for the approval of an export",
		Long:    `Ask for the approval of an export. The recipient makes his key with age-keygen and gives you the public part, age1….`,
		Example: `  panvault export request --config panvault.yaml --merchant mrch_… --mode live --recipient age1… --reason "move to the new vault"`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			live, err := parseMode(mode)
			if err != nil {
				return err
			}
			subject.Live = live
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				r, err := a.svc.RequestExport(cmd.Context(), caller, subject, reason)
				if err != nil {
					return err
				}
				return c.printApproval(r, "next, by another operator: panvault approval grant "+r.ID)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&subject.Merchant, "merchant", "", "`id` of the merchant")
	flags.StringVar(&mode, "mode", "", "`test` or live")
	flags.StringVar(&subject.Recipient, "recipient", "", "age public `key` of who shall read the file")
	flags.StringVar(&reason, "reason", "", "`why`, for the second operator and the audit log")
	return cmd
}

func parseMode(mode string) (live bool, err error) {
	if mode != "test" && mode != "live" {
		return false, hint(usageError{errors.New("--mode must be test or live")}, "--mode live")
	}
	return mode == "live", nil
}

func (c *cli) exportRun() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "run ID",
		Short: "Write the file that was approved",
		Long: `Write the file that was approved. It appears under its name only once it is
complete; an export that was interrupted can be run again within the day.`,
		Example: `  panvault export run appr_… --config panvault.yaml --out cards.age
  age -d -i key.txt cards.age | panvault import - --config other.yaml --merchant mrch_… --mode live --map map.csv --rejects rejects.csv`,
		Args: oneArg("approval id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return hint(usageError{errors.New("--out is missing")}, "panvault export run %s --out cards.age", "appr_…")
			}
			if err := disableDumps(); err != nil {
				return err
			}
			return c.administer(cmd.Context(), func(a *app, caller vault.Caller) error {
				return c.runExport(cmd.Context(), a, caller, args[0], out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "new `file` to write")
	return cmd
}

func (c *cli) runExport(ctx context.Context, a *app, caller vault.Caller, approval, out string) error {
	if _, err := os.Lstat(out); !errors.Is(err, fs.ErrNotExist) {
		return hint(fmt.Errorf("%s exists", out), "--out with the name of a new file")
	}
	file, err := os.CreateTemp(filepath.Dir(out), ".panvault-export-*") // 0600
	if err != nil {
		return hint(err, "--out in a folder that exists and can be written")
	}
	p := c.newProgress("cards", 0, 0)
	result, err := a.svc.Export(ctx, caller, approval, file, func(n int) { p.at(0, int64(n)) })
	p.end()
	if errors.Is(err, context.Canceled) {
		err = hint(errors.New("interrupted: no file was written"), "the same command again; the approval is not used up")
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), out)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := syncFolder(filepath.Dir(out)); err != nil {
		return err
	}
	return c.printExport(out, result)
}

// syncFolder makes the names in a folder durable.
func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (c *cli) printExport(out string, result vault.ExportResult) error {
	var err error
	if c.json {
		err = c.printJSON(struct {
			File     string `json:"file"`
			Cards    int    `json:"cards"`
			Tampered int    `json:"tampered"`
			SHA256   string `json:"sha256"`
		}{out, result.Cards, result.Tampered, result.SHA256})
	} else {
		_, err = fmt.Fprintf(c.stdout, "%s  %d cards, sha256 %s\n", out, result.Cards, result.SHA256)
	}
	if err == nil && result.Tampered > 0 {
		err = hint(fmt.Errorf("%d cards were left out: they do not authenticate", result.Tampered), "deploy/runbooks/tampered.md")
	}
	return err
}
