// Package clienttest runs the programs that merchants use, for tests: node with
// the packages of an npm lock file, and curl.
//
// It promises the published programs and packages, exactly as their lock file
// names them, in a folder that ends with the test. It must never change one of
// them, talk to a payment service, or be imported by anything but tests.
//
// A program that is missing ends the test as skipped, or as failed if
// PANVAULT_REQUIRE_NODE=1, as `make test` sets it.
package clienttest

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// Program returns the path of a program, or ends the test.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		unavailable(t, "this test runs "+name+", which is not on PATH: install nodejs, npm and curl")
	}
	return path
}

// Install copies a folder with package.json and package-lock.json into a new
// one, installs its packages there without running any script of theirs, and
// returns the new folder.
func Install(t testing.TB, source string) string {
	t.Helper()
	Program(t, "node")
	npm := Program(t, "npm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		why := "npm ci cannot install the packages of " + source + ": " + err.Error() + "\n" + string(out)
		if wrongLock.Match(out) {
			t.Fatal(why)
		}
		unavailable(t, why)
	}
	return dir
}

// wrongLock finds what no network mends: other content than the lock file names,
// or a lock file that does not fit package.json.
var wrongLock = regexp.MustCompile(`\bcode (EINTEGRITY|EUSAGE)\b`)

func unavailable(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("PANVAULT_REQUIRE_NODE") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
