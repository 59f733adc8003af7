package main

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/panvault/panvault/cmd/panvault/clienttest"
)

// TestNodeClient runs the published npm client, unmodified, against a sandbox.
func TestNodeClient(t *testing.T) {
	t.Parallel()
	dir := clienttest.Install(t, filepath.Join("testdata", "node"))
	t.Run("its own suites", func(t *testing.T) { testNodeSuites(t, dir) })
	t.Run("a longer story", func(t *testing.T) {
		s := startDev(t, ":temp:")
		if out := s.node(dir, "story.js"); out != "the end\n" {
			t.Errorf("the story printed %q", out)
		}
		s.Stop()
	})
	t.Run("the snippet of the README", func(t *testing.T) { testNodeSnippet(t, dir) })
}

// nodeSuites are the library's test files for what is served here, and
// nodeCases is how many cases they have.
var nodeSuites = []string{"test_omise_tokens.js", "test_omise_cards.js", "test_omise_customers.js"}

const nodeCases = 13

// nodeExempt are the cases that cannot pass, by full title, each with what its
// failure must say.
var nodeExempt = map[string]string{
	// These compare with the id of a recorded card: no live server has it.
	"Omise #Cards should be able to update a card":  "card_test_4z2owrdmvbygi7ah0fu",
	"Omise #Cards should be able to destroy a card": "card_test_4z2owrdmvbygi7ah0fu",
}

// testNodeSuites: every case passes but the exempt ones, and those fail for the
// known reason.
func testNodeSuites(t *testing.T, dir string) {
	s := startDev(t, filepath.Join(t.TempDir(), "sandbox"), "--allow-expired-in-test-mode") // the suites have cards of 2017
	mocha := filepath.Join("node_modules", "mocha", "bin", "mocha.js")
	args := []string{mocha, "--require", "./preload.js", "--timeout", "60000", "--reporter", "json", "--reporter-option", "output=report.json"}
	for _, suite := range nodeSuites {
		args = append(args, filepath.Join("node_modules", "omise", "test", suite))
	}
	cmd := s.nodeCommand(dir, args...)
	cmd.Env = append(cmd.Env, "NOCK_OFF=true", "OMISE_SCHEME=http")
	out, err := cmd.CombinedOutput() // its exit code counts failures
	text, readErr := os.ReadFile(filepath.Join(dir, "report.json"))
	if readErr != nil {
		t.Fatalf("mocha wrote no report: %v, %v\n%s", readErr, err, out)
	}
	type nodeCase struct {
		FullTitle string
		Err       struct{ Message string }
	}
	var report struct{ Tests, Passes, Failures, Pending []nodeCase }
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	passes, failures := len(report.Passes), len(report.Failures)
	if len(report.Tests) != nodeCases || passes != nodeCases-len(nodeExempt) || failures != len(nodeExempt) || len(report.Pending) != 0 {
		t.Errorf("%d cases ran: %d passed, %d failed, %d pending; want %d, %d, %d, 0",
			len(report.Tests), passes, failures, len(report.Pending), nodeCases, nodeCases-len(nodeExempt), len(nodeExempt))
	}
	for _, pass := range report.Passes {
		if nodeExempt[pass.FullTitle] != "" {
			t.Errorf("%q passes: it is exempt no more", pass.FullTitle)
		}
	}
	for _, failure := range report.Failures {
		if want, exempt := nodeExempt[failure.FullTitle]; !exempt || !strings.Contains(failure.Err.Message, want) {
			t.Errorf("%q fails: %s\n%s", failure.FullTitle, failure.Err.Message, out)
		}
	}
	s.Stop()
}

// nodeCommand prepares node in dir so that the library reaches the server.
func (s *server) nodeCommand(dir string, args ...string) *exec.Cmd {
	s.t.Helper()
	at, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.CommandContext(s.t.Context(), clienttest.Program(s.t, "node"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TEST_PORT="+at.Port(),
		"OMISE_PUBLIC_KEY="+s.PublicKey, "OMISE_SECRET_KEY="+s.SecretKey,
		"http_proxy=", "NODE_OPTIONS=") // a proxy could not reach the server
	return cmd
}

// node runs a script with preload.js and returns what it prints.
func (s *server) node(dir, script string) string {
	s.t.Helper()
	out, err := s.nodeCommand(dir, "--require", "./preload.js", script).CombinedOutput()
	if err != nil {
		s.t.Fatalf("node %s: %v\n%s", script, err, out)
	}
	return string(out)
}

// TestNodeLock: the lock file pins every package by its content and names no
// host that packages come from.
func TestNodeLock(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "node", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	if got := lock.Packages["node_modules/omise"].Version; got != "1.1.0" {
		t.Errorf("omise is %q, want 1.1.0", got)
	}
	for name, p := range lock.Packages {
		if name != "" && !regexp.MustCompile(`^sha512-[A-Za-z0-9+/]{86}==$`).MatchString(p.Integrity) || p.Resolved != "" {
			t.Errorf("%s has integrity %q and comes from %q", name, p.Integrity, p.Resolved)
		}
	}
	if len(lock.Packages) < 50 {
		t.Errorf("the lock file has %d packages", len(lock.Packages))
	}
}
