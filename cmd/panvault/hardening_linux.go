package main

import (
	"fmt"

	golandlock "github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// disableDumps makes the kernel write no core file of this process and lets
// nobody of the same user trace it or read its memory (prctl(2),
// PR_SET_DUMPABLE). It runs before any secret is in memory.
func disableDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switch core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process undumpable: %w", err)
	}
	return nil
}

// dumpMeasures reads back what disableDumps set.
func dumpMeasures() []measure {
	core := measure{name: "core dumps", note: "off"}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Cur != 0 {
		core.note = "the core limit is not zero"
	} else {
		core.ok = true
	}
	trace := measure{name: "ptrace", note: "off for the same user"}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || dumpable != 0 {
		trace.note = "the process is dumpable"
	} else {
		trace.ok = true
	}
	return []measure{core, trace}
}

// landlock confines the file access of this process and its children to the
// paths that a running server needs (landlock(7)).
func landlock(cfg config) measure {
	m := measure{name: "landlock"}
	version, err := llsyscall.LandlockGetABIVersion()
	if err != nil || version < 1 {
		m.note = "the kernel has none; a service manager can confine the process instead"
		return m
	}
	rules := []golandlock.Rule{
		golandlock.RODirs(cfg.readable()...).IgnoreIfMissing(),
		golandlock.ROFiles(readableFiles()...).IgnoreIfMissing(),
		golandlock.RWDirs(cfg.writable()...),
	}
	if cfg.Hardening.removable != "" {
		rules = append(rules, golandlock.PathAccess(llsyscall.AccessFSRemoveDir, cfg.Hardening.removable))
	}
	err = golandlock.V5.BestEffort().RestrictPaths(rules...)
	if err != nil {
		m.note = err.Error()
		return m
	}
	m.ok, m.note = true, fmt.Sprintf("files confined, ABI %d", version)
	return m
}
