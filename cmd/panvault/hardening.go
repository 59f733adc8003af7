package main

import (
	"errors"
	"path/filepath"
	"strings"
)

// measure is one hardening measure and whether it holds for this process.
type measure struct {
	name string // core dumps, ptrace, locked memory, landlock
	ok   bool
	note string
}

// confine applies what remains once every file is open, and reports all
// measures. With hardening.require a missing one is an error.
func (a *app) confine() error {
	measures := append(dumpMeasures(), lockedMeasure(a.lockedMemory()))
	if a.cfg.Hardening.Landlock {
		measures = append(measures, landlock(a.cfg))
	}
	var missing []string
	for _, m := range measures {
		if m.ok {
			a.log.Info("hardening", "measure", m.name, "note", m.note)
			continue
		}
		a.log.Warn("hardening measure is not in force", "measure", m.name, "note", m.note)
		missing = append(missing, m.name+" ("+m.note+")")
	}
	if a.cfg.Hardening.Require && len(missing) > 0 {
		return hint(errors.New("hardening.require: "+strings.Join(missing, ", ")), "panvault doctor")
	}
	return nil
}

// lockedMemory reports whether every key of the process is on pages that cannot
// be swapped out: those of the service and the local keyring's.
func (a *app) lockedMemory() bool {
	return a.svc.LockedMemory() && (a.keks == nil || a.keks.Locked())
}

func lockedMeasure(locked bool) measure {
	if locked {
		return measure{"locked memory", true, "keys cannot be swapped out"}
	}
	return measure{"locked memory", false, "raise the memlock limit (ulimit -l, or LimitMEMLOCK in systemd)"}
}

// readable lists what a confined server still has to read: name resolution,
// roots of trust, time zones, and the files that are read again while it runs.
func (cfg config) readable() []string {
	paths := []string{
		"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
		"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
		"/usr/share/zoneinfo", "/proc/self", "/sys/kernel/mm",
	}
	t := cfg.KMS.Transit
	for _, file := range []string{
		cfg.Cards.IINFile, cfg.Listen.TLS.CertFile, cfg.Listen.TLS.KeyFile,
		t.CAFile, t.CertFile, t.KeyFile, t.TokenFile, t.AppRole.RoleIDFile, t.AppRole.SecretIDFile,
	} {
		if file == "" {
			continue
		}
		paths = append(paths, filepath.Dir(absolute(file)))
		if target, err := filepath.EvalSymlinks(file); err == nil { // a renewed file may be a link elsewhere
			paths = append(paths, filepath.Dir(absolute(target)))
		}
	}
	return append(paths, cfg.Hardening.ReadOnly...)
}

// readableFiles lists single files that the standard library and the metrics
// read: the longest queue of a listener, when the machine started, and those of
// name resolution.
func readableFiles() []string {
	return append(nameFiles(), "/proc/sys/net/core/somaxconn", "/proc/stat")
}

// writable lists the folders of the database and the keyring.
func (cfg config) writable() []string {
	paths := []string{absolute(filepath.Dir(cfg.inDataDir(cfg.Store.SQLite.Path)))}
	if cfg.KMS.Backend == "local" {
		paths = append(paths, absolute(filepath.Dir(cfg.inDataDir(cfg.KMS.Local.Keyring))))
	}
	return paths
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
