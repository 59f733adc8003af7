package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// finding is one line of the doctor's report.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, failed
	Note   string `json:"note"`
	Try    string `json:"try,omitempty"`
}

const (
	statusOK      = "ok"
	statusWarning = "warning"
	statusFailed  = "failed"
)

func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong, and the next thing to try",
		Long: `Check configuration, data folder, store, KMS, keys, operators and the hardening
of the process, and ask a running server how it is. It repairs nothing. The exit
code is 1 if anything failed; warnings do not fail.`,
		Example: `  panvault doctor --config panvault.yaml
  panvault doctor --data ~/.local/state/panvault/dev --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd.Context()) },
	}
}

func (c *cli) doctor(ctx context.Context) error {
	findings := c.examine(ctx)
	failed := false
	for _, f := range findings {
		failed = failed || f.Status == statusFailed
	}
	if err := c.printFindings(findings); err != nil {
		return err
	}
	if failed {
		return errShown
	}
	return nil
}

func (c *cli) printFindings(findings []finding) error {
	if c.json {
		return c.printJSON(findings)
	}
	for _, f := range findings {
		fmt.Fprintf(c.stdout, "%-8s %-14s %s\n", f.Status, f.Check, f.Note)
		if f.Try != "" {
			fmt.Fprintf(c.stdout, "%24s try: %s\n", "", f.Try)
		}
	}
	return nil
}

func of(check string, err error, good string) finding {
	if err != nil {
		return failure(check, explainOpen(err))
	}
	return finding{Check: check, Status: statusOK, Note: good}
}

func failure(check string, err error) finding {
	f := finding{Check: check, Status: statusFailed, Note: err.Error()}
	var h hinted
	if errors.As(err, &h) {
		f.Try = h.hint
	}
	return f
}
