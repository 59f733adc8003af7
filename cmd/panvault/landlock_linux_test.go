package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestConfinedProcess confines a child process: the data folder works and
// nothing else does.
func TestConfinedProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	saveFile(t, filepath.Join(dir, "outside"), "x")
	saveFile(t, filepath.Join(dir, "data", "inside"), "x")
	out, err := exec.Command("confined", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"landlock: in force",
		"read data/inside: works", "write data/new: works",
		"read /etc/hosts: works", "read /proc/sys/net/core/somaxconn: works", "read /proc/stat: works",
		"read outside: permission denied", "read /proc/1/environ: permission denied", "write new: permission denied", "list: permission denied",
		"run a program: permission denied",
	} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}
