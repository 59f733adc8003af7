package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/kms/transit/transittest"
	"github.com/panvault/panvault/policy"
)

// TestRunbooks: short enough to be read in an incident, and every command of
// ours in them exists.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(moduleRoot(t), "deploy", "runbooks", "*.md"))
	if err != nil || len(pages) < 3 {
		t.Fatalf("found %v: %v", pages, err)
	}
	root := (&cli{}).root()
	for _, page := range pages {
		name := filepath.Base(page)
		text := deployed(t, "runbooks/"+name)
		if n := strings.Count(text, "\n"); n >= 60 {
			t.Errorf("%s has %d lines, want less than 60", name, n)
		}
		for _, m := range regexp.MustCompile("(?m)(?:^|`|— )panvault ((?:[a-z]+ ?)+)").FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			if cmd, rest, err := root.Find(words); err != nil || len(rest) > 0 || cmd == root {
				t.Errorf("%s: there is no command panvault %s", name, m[1])
			}
		}
	}
}

// TestStartRunbook does what start.md says, with a real Vault. Only addresses
// and folders are other ones.
func TestStartRunbook(t *testing.T) {
	t.Parallel()
	v := transittest.Shared(t)
	text := deployed(t, "runbooks/start.md")
	dir := t.TempDir()
	etc := filepath.Join(dir, "etc")
	if err := os.MkdirAll(filepath.Join(etc, "tls"), 0o700); err != nil {
		t.Fatal(err)
	}
	makeCertificate(t, filepath.Join(etc, "tls"))
	replace := strings.NewReplacer("/etc/panvault", etc, "https://vault.example:8200", v.Address, "VAULT_TOKEN=…", "VAULT_TOKEN="+v.RootToken)
	config := filepath.Join(etc, "panvault.yaml")
	saveFile(t, config, configOf(t, replace.Replace(block(t, text, "yaml", 0)), filepath.Join(dir, "data")))

	shell(t, replace.Replace(block(t, text, "sh", 0)))
	first, last, _ := strings.Cut(replace.Replace(block(t, text, "sh", 1)), "panvault apikey create")
	out := shell(t, first)
	merchant := regexp.MustCompile(`mrch_[0-9a-z]{24}`).FindString(out)
	if strings.Contains(out, statusFailed) || merchant == "" {
		t.Fatalf("first boot:\n%s", out)
	}
	out = shell(t, "panvault apikey create"+strings.Replace(last, "mrch_…", merchant, 1))
	if !regexp.MustCompile(`(?m)^  pkey_[0-9a-z]{19}$`).MatchString(out) {
		t.Errorf("no live key in\n%s", out)
	}
	s := startServe(t, config)
	s.wantReady("ready", "ok")
	s.Stop()
}

// configOf moves the runbook's configuration to free ports and a data folder.
func configOf(t *testing.T, text, data string) string {
	t.Helper()
	if _, err := parseConfig(strings.NewReader(text), noEnv); err != nil {
		t.Fatalf("the runbook's configuration: %v", err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	listen := tree["listen"].(map[string]any)
	listen["public"], listen["private"], listen["admin"] = "127.0.0.1:0", "localhost:0", "127.0.0.1:0"
	tree["data_dir"] = data
	return marshal(t, tree)
}

// block returns the n-th code block of a language.
func block(t *testing.T, text, language string, n int) string {
	t.Helper()
	found := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(found) <= n {
		t.Fatalf("there are %d blocks of %s", len(found), language)
	}
	return found[n][1]
}

// shell runs lines of a runbook in the root of the repository.
func shell(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = moduleRoot(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// TestRevealRunbook: the runbook's policy, added to the default, lets the one
// key see numbers, no other, and takes nothing else away.
func TestRevealRunbook(t *testing.T) {
	t.Parallel()
	text := deployed(t, "runbooks/reveal.md")
	rule := block(t, text, "cedar", 0)
	key := regexp.MustCompile(`Key::"([^"]+)"`).FindStringSubmatch(rule)
	engine, err := policy.New("reveal.md", []byte(string(policy.DefaultPolicies())+rule))
	if err != nil || key == nil {
		t.Fatalf("%v, key %q", err, key)
	}
	if !idShape.MatchString(key[1]) {
		t.Errorf("%s is no key's id", key[1])
	}
	for _, tt := range []struct {
		key    string
		live   bool
		action policy.Action
		want   bool
	}{
		{key[1], true, policy.RevealNumber, true}, {key[1], true, policy.RevealHolder, true}, {key[1], true, policy.RevealMasked, true},
		{"akey_other", true, policy.RevealNumber, false}, {"akey_other", true, policy.RevealHolder, false},
		{"akey_other", true, policy.RevealMasked, true}, {"akey_other", false, policy.RevealNumber, true},
	} {
		p := policy.Principal{Key: tt.key, Kind: policy.Reveal, Merchant: "mrch_1", Live: tt.live}
		if got := engine.Allows(p, tt.action, policy.Resource{Merchant: "mrch_1", Live: tt.live}); got != tt.want {
			t.Errorf("%s, live %v, %s: %v, want %v", tt.key, tt.live, tt.action, got, tt.want)
		}
	}
	if !engine.Allows(policy.Principal{Kind: policy.Operator}, policy.ExportCard, policy.Resource{}) {
		t.Error("the rule takes operators something away")
	}
}
