package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user that servers of these tests run as if the tests are root.
const nobody = 65534

// asUser makes a command that runs without root's rights, with dir as its own.
func asUser(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		return exec.Command("panvault", args...)
	}
	bin := t.TempDir() // the folder of the tests' binary is root's alone
	binary := filepath.Join(bin, "panvault")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", self, binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, path := range []string{bin, filepath.Dir(bin)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// TestHardeningOfAServer reads what the kernel says about a running server.
func TestHardeningOfAServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := launchCommand(t, asUser(t, dir, "dev", "--json", "--data", dir, "--listen", "127.0.0.1:0"))
	s.awaitReady()
	s.create(drawCard())
	proc := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	for file, patterns := range map[string][]string{
		"limits": {`(?m)^Max core file size\s+0\s+0\s`},
		"status": {`(?m)^NoNewPrivs:\s+1$`, `(?m)^VmLck:\s+[1-9]\d* kB$`},
	} {
		text, err := os.ReadFile(proc + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range patterns {
			if !regexp.MustCompile(pattern).Match(text) {
				t.Errorf("%s does not match %s:\n%s", file, pattern, text)
			}
		}
	}
	// The kernel gives the files of a process that must not be dumped to root.
	info, err := os.Stat(proc + "mem")
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("%smem belongs to user %d, want 0", proc, owner)
	}
	for _, measure := range []string{`"core dumps"`, "ptrace", `"locked memory"`, "landlock"} {
		if !strings.Contains(s.log.String(), "msg=hardening measure="+measure) {
			t.Errorf("the log does not report %s", measure)
		}
	}
	s.Stop()
}

// TestDoctorReportsHardening also fails where the kernel has no Landlock: the
// machines that run these tests must have it.
func TestDoctorReportsHardening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startDev(t, dir).Stop()
	var findings []finding
	commandJSON(t, &findings, "doctor", "--data", dir)
	got := make(map[string]string)
	for _, f := range findings {
		got[f.Check] = f.Status
	}
	for _, check := range []string{"core dumps", "ptrace", "locked memory", "landlock"} {
		if got[check] != statusOK {
			t.Errorf("doctor says %q about %s, want ok: %+v", got[check], check, findings)
		}
	}
}

// TestHardeningRequired: with hardening.require, a measure that cannot be had
// ends the start.
func TestHardeningRequired(t *testing.T) {
	t.Parallel()
	in := install(t, "hardening.require", true)
	in.serve(in.config).Stop()
	if err := os.Chmod(filepath.Dir(in.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := asUser(t, in.dir, "serve", "--config", in.config)
	cmd.Args = append([]string{"sh", "-c", `ulimit -l 0; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "hardening.require: locked memory") || !strings.Contains(string(out), "try: panvault doctor") {
		t.Errorf("without locked memory: %v\n%s", err, out)
	}
}
