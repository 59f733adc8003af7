package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// secretsIn moves the secrets of a document's configuration into a folder, and
// makes them.
func secretsIn(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, m := range regexp.MustCompile(`file:/etc/panvault/([a-z.]+)`).FindAllStringSubmatch(text, -1) {
		saveFile(t, filepath.Join(dir, m[1]), "a secret")
	}
	return strings.ReplaceAll(text, "/etc/panvault", dir)
}

// TestDocumentedDestinations: the document has a valid example for each use, and
// its request can be rendered.
func TestDocumentedDestinations(t *testing.T) {
	t.Parallel()
	text := deployed(t, "destinations.md")
	var uses []vault.Use
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
		cfg, err := parseConfig(strings.NewReader(secretsIn(t, m[1])), noEnv)
		if err != nil {
			t.Fatalf("%v\n%s", err, m[1])
		}
		opened, err := cfg.openDestinations()
		if err != nil || len(opened) != 1 {
			t.Fatalf("%d destinations, %v\n%s", len(opened), err, m[1])
		}
		got, err := render(opened[0], map[string]any{"amount": "1000", "currency": "thb"})
		if err != nil {
			t.Errorf("%s: %v", got.Destination, err)
		}
		gets := opened[0].Use != vault.UseCapture && opened[0].Use != vault.UseReverse
		if strings.Contains(got.Body, "************4242") != gets || strings.Contains(got.Body, "<no value>") {
			t.Errorf("%s: %s", opened[0].Use, got.Body)
		}
		uses = append(uses, opened[0].Use)
	}
	if diff := cmp.Diff(vault.Uses(), uses); diff != "" {
		t.Errorf("uses (-all +in the document):\n%s", diff)
	}
}

// TestDocumentedFields: the document names every field of every use.
func TestDocumentedFields(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(deployed(t, "destinations.md"), "| use | `.Fields` |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := make(map[vault.Use]string)
	for row := range strings.SplitSeq(table, "\n| ") {
		name, fields, _ := strings.Cut(row, " | ")
		for use := range strings.SplitSeq(name, ", ") {
			rows[vault.Use(strings.Trim(use, "`"))] = fields
		}
	}
	for _, use := range vault.Uses() {
		fields := sampleFields(use)
		if rows[use] == "" {
			t.Errorf("%s: no row says its fields", use)
		}
		for name, value := range fields {
			names := []string{name}
			if object, ok := value.(map[string]any); ok && name != "metadata" {
				names = slices.AppendSeq(names, maps.Keys(object))
			}
			for _, name := range names {
				if !strings.Contains(rows[use], "`"+name+"`") {
					t.Errorf("%s: the field %s is not documented", use, name)
				}
			}
		}
	}
}

// TestExampleDestination: the one in the example is valid and has every setting,
// with its default where it has one.
func TestExampleDestination(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(deployed(t, "panvault.example.yaml"), "destinations: []\n")
	text, _, _ = strings.Cut(text, "\n\n")
	text = "destinations:\n" + regexp.MustCompile(`(?m)^# ?`).ReplaceAllString(text, "")
	cfg, err := parseConfig(strings.NewReader(secretsIn(t, text)), noEnv)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := cfg.openDestinations(); err != nil {
		t.Error(err)
	}
	d := cfg.Destinations[0]
	if d.use() != vault.UseForward || d.Timeout != forward.DefaultTimeout || d.ConnectTimeout != forward.DefaultConnectTimeout ||
		d.MaxRequest != forward.DefaultMaxRequest || d.MaxResponse != forward.DefaultMaxResponse {
		t.Errorf("not the defaults: %+v", d)
	}
	var tree struct{ Destinations []map[string]any }
	if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	delete(tree.Destinations[0], "headers") // their names are the operator's
	delete(tree.Destinations[0], "secret_headers")
	want := slices.DeleteFunc(settingsOf(reflect.TypeFor[destinationConfig](), ""), func(name string) bool { return strings.HasSuffix(name, "headers") && name != "answer_headers" })
	if diff := cmp.Diff(want, keysOf(tree.Destinations[0], "")); diff != "" {
		t.Errorf("settings (-there are +in the example):\n%s", diff)
	}
}

// TestSandboxDestinations: those of dev are valid, one for each use.
func TestSandboxDestinations(t *testing.T) {
	t.Parallel()
	cfg := newSandboxConfig(t.TempDir())
	if problems := cfg.checkDestinations(); len(problems) > 0 {
		t.Fatal(problems)
	}
	var uses []vault.Use
	for _, d := range cfg.Destinations {
		uses = append(uses, d.use())
	}
	if diff := cmp.Diff(vault.Uses(), uses); diff != "" {
		t.Errorf("uses (-all +of the sandbox):\n%s", diff)
	}
}

// TestDrainTime: an answer of a destination is waited for, and the unit's limit
// is longer than any configuration needs.
func TestDrainTime(t *testing.T) {
	t.Parallel()
	with := func(timeouts ...time.Duration) (cfg config) {
		for _, d := range timeouts {
			cfg.Destinations = append(cfg.Destinations, destinationConfig{Timeout: d})
		}
		return cfg
	}
	for _, tt := range []struct {
		cfg  config
		tier tier
		want time.Duration
	}{
		{with(), tierAll, 30 * time.Second},
		{with(10 * time.Second), tierAll, 30 * time.Second},
		{with(0), tierAll, 35 * time.Second},
		{with(time.Second, time.Minute, 2*time.Second), tierExchange, 65 * time.Second},
		{with(time.Minute), tierIntake, 30 * time.Second},
	} {
		if got := tt.cfg.drainTime(tt.tier); got != tt.want {
			t.Errorf("%s with a longest timeout of %v: %v, want %v", tt.tier, tt.cfg.longestTimeout(), got, tt.want)
		}
	}
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(.*)$`).FindStringSubmatch(deployed(t, "systemd/panvault.service"))
	got, err := time.ParseDuration(m[1])
	if longest := time.Minute + with(forward.MaxTimeout).drainTime(tierAll); err != nil || got < longest { // drain_delay is a minute at most
		t.Errorf("the unit's limit is %v, %v, want at least %v", got, err, longest)
	}
}

// TestDestinationSecrets: a server that may use destinations does not start
// without their secrets, and names the setting. Nothing else needs them.
func TestDestinationSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "key")
	in := install(t, "destinations", []map[string]any{{
		"name": "processor", "mode": "test", "merchants": []string{"*"}, "url": "https://api.processor.example", "path": "/", "body": "{}",
		"secret_headers": map[string]string{"Authorization": "file:" + secret},
	}})
	command(t, 0, "config", "check", "--config", in.config)
	for _, tier := range []string{"all", "exchange"} {
		_, errs := command(t, 1, "serve", "--config", in.config, "--tier", tier)
		if want := "destination processor: secret_headers.Authorization: open " + secret + ": no such file"; !strings.Contains(errs, want) {
			t.Errorf("--tier %s without the secret says %q, want %q", tier, errs, want)
		}
	}
	if err := os.WriteFile(secret, []byte("sk_live_secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := in.serve(in.config)
	s.create(drawCard())
	s.Stop()
	if strings.Contains(s.log.String(), "sk_live_secret") {
		t.Error("the log holds the secret")
	}
}

// TestDestinationsOfBothSchemes: the system's roots are for those with TLS.
func TestDestinationsOfBothSchemes(t *testing.T) {
	t.Parallel()
	cfg := config{Destinations: []destinationConfig{
		{Name: "plain", Mode: modeTest, Merchants: []string{"*"}, URL: "http://127.0.0.1:8450", Path: "/", Body: "{}", AllowPlaintext: true, AllowPrivate: true},
		{Name: "tls", Mode: modeTest, Merchants: []string{"*"}, URL: "https://processor.example", Path: "/", Body: "{}"},
	}}
	if got, err := cfg.openDestinations(); err != nil || len(got) != 2 {
		t.Errorf("%d destinations, %v", len(got), err)
	}
}

// TestDestinationsOfAddresses: an address that no card may go to is a mistake of
// the configuration already.
func TestDestinationsOfAddresses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://169.254.169.254", "https://127.0.0.1", "https://10.0.0.1", "https://[::1]", "https://[fe80::1]", "https://[::ffff:10.0.0.1]"} {
		d := destinationConfig{Name: "x", Mode: modeTest, Merchants: []string{"*"}, URL: url, Path: "/", Body: "{}"}
		if _, err := d.open(nil); err == nil {
			t.Errorf("%s is accepted", url)
		}
	}
}
