package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/panvault/panvault/kms"
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
of the process, and ask a running server how it is. Nothing is changed. The exit
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

// examine goes from the outside in and stops where the next check would only
// repeat the last failure.
func (c *cli) examine(ctx context.Context) []finding {
	var out []finding
	if err := disableDumps(); err != nil {
		out = append(out, failure("core dumps", err))
	}
	cfg, err := c.loadConfig()
	if err != nil {
		return append(out, failure("config", err))
	}
	out = append(out, finding{Check: "config", Status: statusOK, Note: "valid"}, checkDataDir(cfg))
	a, err := c.openBackends(ctx, cfg, openMode{})
	if err != nil {
		return append(out, failure("backends", explainOpen(err)))
	}
	out = append(out, of("store", a.store.Check(ctx), "readable and writable"), of("kms", a.kms.Check(ctx), cfg.KMS.Backend+", answers"))
	out = append(out, checkKeys(ctx, a.kms)...)
	if err := a.openService(ctx, openMode{}); err != nil {
		out = append(out, failure("working keys", explainOpen(err)))
	} else {
		out = append(out, finding{Check: "working keys", Status: statusOK, Note: "all unwrap"}, checkOperator(ctx, a))
		out = append(out, checkHardening(a)...)
	}
	out = append(out, checkServer(ctx, cfg))
	if err := a.close(ctx); err != nil {
		out = append(out, failure("close", err))
	}
	return out
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

func checkDataDir(cfg config) finding {
	f := finding{Check: "data folder", Status: statusOK, Note: cfg.DataDir}
	info, err := os.Stat(cfg.DataDir)
	switch {
	case err != nil:
		f.Status, f.Note, f.Try = statusFailed, err.Error(), "panvault init"
	case info.Mode().Perm()&0o077 != 0:
		f.Status, f.Note = statusWarning, cfg.DataDir+" can be entered by others"
		f.Try = "chmod 700 " + cfg.DataDir
	}
	return f
}

// checkKeys looks at each KEK's safety, never at its material.
func checkKeys(ctx context.Context, k kms.KMS) []finding {
	var out []finding
	for _, key := range kms.Keys() {
		name := "key " + string(key)
		d, err := k.Describe(ctx, key)
		switch {
		case err != nil:
			out = append(out, failure(name, explainOpen(err)))
		case len(d.Unsafe) > 0:
			out = append(out, finding{name, statusFailed, strings.Join(d.Unsafe, "; "), "deploy/vault/README.md"})
		default:
			note := fmt.Sprintf("%s, version %d", d.Name, d.Latest)
			if born, ok := d.Created[d.Latest]; ok {
				note += " of " + day(born)
			}
			out = append(out, finding{Check: name, Status: statusOK, Note: note})
		}
	}
	return out
}

func checkOperator(ctx context.Context, a *app) finding {
	caller, err := a.operator(ctx)
	if err != nil {
		f := failure("operator", err)
		if a.cfg.OperatorKey == "" {
			f.Status = statusWarning // a server needs none
		}
		return f
	}
	return finding{Check: "operator", Status: statusOK, Note: caller.Label}
}

// checkHardening tries every measure on this process, whose limits and kernel
// are those of a server started the same way. Landlock comes last: it confines
// the doctor too.
func checkHardening(a *app) []finding {
	measures := append(dumpMeasures(), lockedMeasure(a.svc.LockedMemory()))
	if a.cfg.Hardening.Landlock {
		measures = append(measures, landlock(a.cfg))
	}
	var out []finding
	for _, m := range measures {
		f := finding{Check: m.name, Status: statusOK, Note: m.note}
		if !m.ok {
			f.Status = statusWarning
		}
		out = append(out, f)
	}
	return out
}

// checkServer asks the admin listener of a running server.
func checkServer(ctx context.Context, cfg config) finding {
	f := finding{Check: "server", Status: statusOK}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Listen.Admin+"/readyz", nil)
	if err != nil {
		return failure("server", err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		f.Status, f.Note, f.Try = statusWarning, "none answers on "+cfg.Listen.Admin, "panvault serve"
		return f
	}
	defer resp.Body.Close()
	f.Note = "ready"
	if resp.StatusCode != http.StatusOK {
		f.Status, f.Note, f.Try = statusFailed, "runs and is not ready", "curl http://"+cfg.Listen.Admin+"/readyz"
	}
	return f
}
