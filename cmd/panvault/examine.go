package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/panvault/panvault/kms"
)

// examine goes from the outside in and leaves out what would only repeat an
// earlier failure.
func (c *cli) examine(ctx context.Context) []finding {
	var out []finding
	if err := disableDumps(); err != nil {
		out = append(out, failure("core dumps", err))
	}
	cfg, err := c.loadConfig()
	if err != nil {
		return append(out, failure("config", err))
	}
	out = append(out, finding{Check: "config", Status: statusOK, Note: "valid"})
	out = append(out, c.checkEnvironment(cfg, os.Environ())...)
	out = append(out, checkDataDir(cfg))
	out = append(out, checkSecretFiles(cfg)...)
	out = append(out, checkClientAddresses(cfg)...)
	a, err := c.newApp(cfg)
	if err != nil {
		return append(out, failure("config", err))
	}
	out = append(out, a.examine(ctx)...)
	out = append(out, c.checkServer(ctx, cfg))
	if err := a.close(ctx); err != nil {
		out = append(out, failure("close", err))
	}
	return out
}

// examine opens an app part by part.
func (a *app) examine(ctx context.Context) []finding {
	if err := a.openStore(ctx, false); err != nil {
		return []finding{of("store", err, "")}
	}
	out := []finding{of("store", a.store.Check(ctx), "readable and writable")}
	if err := a.openKMS(ctx, false); err != nil {
		return append(out, of("kms", err, ""))
	}
	out = append(out, of("kms", a.kms.Check(ctx), a.cfg.KMS.Backend+", answers"))
	out = append(out, checkKeys(ctx, a.kms)...)
	if err := a.openService(ctx, openMode{}); err != nil {
		return append(out, of("working keys", err, ""))
	}
	out = append(out, finding{Check: "working keys", Status: statusOK, Note: "all unwrap"}, checkOperator(ctx, a))
	out = append(out, checkRetention(ctx, a)...)
	return append(out, checkHardening(a)...)
}

func checkDataDir(cfg config) finding {
	f := finding{Check: "data folder", Status: statusOK, Note: cfg.DataDir}
	info, err := os.Stat(cfg.DataDir)
	switch {
	case err != nil:
		f.Status, f.Note, f.Try = statusFailed, err.Error(), "panvault init, which makes the folder"
	case info.Mode().Perm()&0o077 != 0:
		f.Status, f.Note = statusWarning, cfg.DataDir+" can be entered by others"
		f.Try = "chmod 700 " + cfg.DataDir
	}
	return f
}

// checkClientAddresses finds a limit by address that all clients would share:
// behind a proxy that is not trusted, theirs is the proxy's.
func checkClientAddresses(cfg config) []finding {
	if cfg.Limits.TokensPerAddress.Rate == 0 || !cfg.Listen.AllowPlaintext || len(cfg.Listen.TrustedProxies) > 0 {
		return nil
	}
	return []finding{{
		Check: "limits", Status: statusWarning,
		Note: "all clients behind the proxy share limits.tokens_per_address: listen.allow_plaintext is set and listen.trusted_proxies is empty",
		Try:  "listen.trusted_proxies: the proxy's network; or limits.tokens_per_address.rate: 0",
	}}
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
			out = append(out, finding{name, statusFailed, d.Name + " is not safe: " + strings.Join(d.Unsafe, "; "), "deploy/vault/README.md, which says how keys must be set"})
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

// checkOperator asks who may administer this vault, and whether the configured
// key does. A server needs none, so a missing setting is a warning.
func checkOperator(ctx context.Context, a *app) finding {
	if exists, err := hasOperator(ctx, a.store); err != nil || !exists {
		if err == nil {
			err = hint(errors.New("nobody can administer this vault yet"), "panvault init --operator NAME")
		}
		return failure("operator", err)
	}
	caller, err := a.operator(ctx)
	if err == nil {
		return finding{Check: "operator", Status: statusOK, Note: caller.Label}
	}
	f := failure("operator", err)
	if a.cfg.OperatorKey == "" {
		f.Status, f.Note = statusWarning, "operators exist; no operator_key is configured here"
	}
	return f
}

// checkRetention asks, if an operator does, whether anything is kept too long.
func checkRetention(ctx context.Context, a *app) []finding {
	caller, err := a.operator(ctx)
	if err != nil {
		return nil // checkOperator says why
	}
	report, err := a.svc.RetentionReport(ctx, caller)
	switch {
	case err != nil:
		return []finding{failure("retention", err)}
	case report.Past() > 0:
		return []finding{{
			Check: "retention", Status: statusFailed,
			Note: fmt.Sprintf("%d records are past retention", report.Past()), Try: "deploy/runbooks/retention.md",
		}}
	}
	return []finding{{Check: "retention", Status: statusOK, Note: "nothing is past retention"}}
}

// checkHardening tries every measure on this process, whose limits and kernel
// are those of a server started the same way. Landlock comes last: it confines
// the doctor too.
func checkHardening(a *app) []finding {
	locked := lockedMeasure(a.lockedMemory())
	if locked.ok { // the doctor prepares no data keys
		locked.note += "; a server logs at its start whether its prepared data keys are locked too"
	}
	measures := append(dumpMeasures(), locked)
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
func (c *cli) checkServer(ctx context.Context, cfg config) finding {
	f := finding{Check: "server", Status: statusOK}
	start := "panvault serve --config " + c.configFile
	if c.dataDir != "" {
		start = "panvault dev --data " + c.dataDir
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Listen.Admin+"/readyz", nil)
	if err != nil {
		return failure("server", err)
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		f.Status, f.Note, f.Try = statusWarning, "none answers on "+cfg.Listen.Admin, start
		return f
	}
	defer resp.Body.Close()
	f.Note = "ready"
	if resp.StatusCode != http.StatusOK {
		f.Status, f.Note, f.Try = statusFailed, "runs and is not ready", "curl http://"+cfg.Listen.Admin+"/readyz"
	}
	return f
}
