package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestTiers runs two processes on one database, each with its own identity in
// Vault: a token made at one is a customer's card at the other.
func TestTiers(t *testing.T) {
	t.Parallel()
	v := transittest.Start(t)
	in := installOnVault(t, v, "listen.private", "localhost:0")
	_, secretKey := in.newKey("secret")
	// A destination whose secret only the exchange has.
	destinations := func(secret string) []any {
		return []any{"listen.private", "localhost:0", "destinations", []map[string]any{{
			"name": "processor", "mode": "test", "merchants": []string{in.merchant}, "url": "https://api.processor.example", "path": "/", "body": "{}",
			"secret_headers": map[string]string{"Authorization": "file:" + secret},
		}}}
	}
	secret := filepath.Join(in.dir, "processor.key")
	saveFile(t, secret, "sk_live_secret")
	intake := in.serve(in.configFile("intake.yaml", append(roleSettings(t, v, transittest.RoleIntake), destinations("/nowhere/processor.key")...)...), "--tier", "intake")
	exchange := in.serve(in.configFile("exchange.yaml", append(roleSettings(t, v, transittest.RoleExchange), destinations(secret)...)...), "--tier", "exchange")

	card := drawCard()
	token := intake.create(card)
	intake.checkToken(token, card)
	customer := must(t, http.MethodPost, exchange.URL+"/customers", secretKey, url.Values{"email": {"a@example.com"}, "card": {token}}, "customers")
	if customer.status != http.StatusOK || !strings.Contains(customer.body, `"last_digits":"`+card.number[12:]+`"`) {
		t.Errorf("the token at exchange: %d %s", customer.status, customer.body)
	}
	for _, tt := range []struct {
		name, method, url, key, serves string
		form                           url.Values
	}{
		{"a token at exchange", http.MethodPost, exchange.URL + "/tokens", in.publicKey, "customers", drawCard().form()},
		{"reading one at exchange", http.MethodGet, exchange.URL + "/tokens/" + token, in.publicKey, "customers", nil},
		{"a customer at intake", http.MethodPost, intake.URL + "/customers", secretKey, "tokens", url.Values{"email": {"a@example.com"}}},
		{"reading one at intake", http.MethodGet, intake.URL + "/customers/" + customer.id(), secretKey, "tokens", nil},
		{"the account at intake", http.MethodGet, intake.URL + "/account", secretKey, "tokens", nil},
	} {
		if r := must(t, tt.method, tt.url, tt.key, tt.form, tt.serves); r.status != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", tt.name, r.status, r.body)
		}
	}
	for _, s := range []*server{intake, exchange} {
		if s.PrivateURL != "" {
			t.Errorf("a tier has a second listener, %s", s.PrivateURL)
		}
		s.wantReady("ready", "ok")
		s.Stop()
	}
	// The exchange needs no right to wrap.
	exchange = in.serve(in.configFile("narrow.yaml", tokenSettings(t, v, in.dir, unwrapOnly(t))...), "--tier", "exchange")
	if r := must(t, http.MethodGet, exchange.URL+"/customers/"+customer.id(), secretKey, nil, "customers"); r.status != http.StatusOK {
		t.Errorf("the customer at an exchange that may not wrap: %d %s", r.status, r.body)
	}
	exchange.Stop()
	got := column(t, filepath.Join(in.dir, "data"), `SELECT body ->> '$.details.tier' FROM events WHERE type = 'system.start' ORDER BY rowid`)
	if !slices.Equal(got, []string{"intake", "exchange", "exchange"}) {
		t.Errorf("tiers in the audit log are %v", got)
	}
	wantProbesOnly(t, v)
}

// unwrapOnly is the policy of the exchange without its rights to wrap.
func unwrapOnly(t *testing.T) string {
	t.Helper()
	text := deployed(t, "vault/policies/exchange.hcl")
	out := regexp.MustCompile(`(?s)path "transit/encrypt/[^"]+" \{.*?\n\}\n`).ReplaceAllString(text, "")
	if strings.Contains(out, "encrypt/") || !strings.Contains(out, "transit/decrypt/panvault-card-live") {
		t.Fatalf("not the policy that was meant:\n%s", out)
	}
	return out
}

// tokenSettings are those of a token with a policy of its own.
func tokenSettings(t *testing.T, v *transittest.Server, dir, policy string) []any {
	t.Helper()
	body, err := json.Marshal(map[string]string{"policy": policy})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := v.RootRequest(t, http.MethodPut, "sys/policies/acl/of-this-test", string(body)); status >= 300 {
		t.Fatalf("write a policy: %d %s", status, answer)
	}
	file := filepath.Join(dir, "token")
	saveFile(t, file, v.Token(t, "of-this-test"))
	return []any{"kms.backend", "transit", "kms.transit.address", v.Address, "kms.transit.token_file", file}
}

// wantProbesOnly reads Vault's own audit file: of the keys of cards, the intake's
// identity has asked for no more than the two probes of its start, in vain.
func wantProbesOnly(t *testing.T, v *transittest.Server) {
	t.Helper()
	type entry struct {
		Type  string
		Error string
		Auth  struct {
			Metadata struct {
				Role string `json:"role_name"`
			}
		}
		Request struct{ ID, Path string }
	}
	asked, denied := make(map[string]string), make(map[string]bool) // by request
	wraps := 0
	scan := bufio.NewScanner(bytes.NewReader(v.Audit(t)))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var e entry
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Auth.Metadata.Role != transittest.RoleIntake:
		case strings.HasPrefix(e.Request.Path, "transit/encrypt/panvault-card-"):
			wraps++
		case strings.HasPrefix(e.Request.Path, "transit/decrypt/panvault-card-"):
			asked[e.Request.ID] = e.Request.Path
			if strings.Contains(e.Error, "permission denied") {
				denied[e.Request.ID] = true
			}
		}
	}
	if len(asked) != 2 || len(denied) != 2 || wraps == 0 {
		t.Errorf("intake has wrapped %d times, asked to unwrap %v and was denied %v; want two probes, denied", wraps, asked, denied)
	}
}

// TestIntakeRefusesToOpenCards: a public tier does not start with an identity
// that could open a card, or cannot seal one.
func TestIntakeRefusesToOpenCards(t *testing.T) {
	t.Parallel()
	v := transittest.Shared(t)
	in := installOnVault(t, v)
	for _, tt := range []struct {
		name     string
		settings []any
		want     []string
	}{
		{"exchange", roleSettings(t, v, transittest.RoleExchange), []string{
			"panvault: --tier intake: the KMS identity can unwrap under card-test and card-live, and the public tier must not be able to",
			"try: deploy/vault/bootstrap.sh secret-id panvault-intake DIR, and its two files in kms.transit.approle",
		}},
		{"one key of two", tokenSettings(t, v, in.dir, strings.Replace(deployed(t, "vault/policies/exchange.hcl"), `path "transit/decrypt/panvault-card-test"`, `path "transit/decrypt/panvault-card-other"`, 1)), []string{
			"--tier intake: the KMS identity can unwrap under card-live, and",
		}},
	} {
		_, errs := command(t, 1, "serve", "--config", in.configFile("refused.yaml", tt.settings...), "--tier", "intake")
		for _, want := range tt.want {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: %q, want %q", tt.name, errs, want)
			}
		}
	}
	_, errs := command(t, 1, "serve", "--config", in.configFile("refused.yaml", tokenSettings(t, v, in.dir, strings.ReplaceAll(unwrapOnly(t), "decrypt/panvault-card", "decrypt/panvault-other"))...), "--tier", "intake")
	if want := "--tier intake: key card-test: transit: wrap panvault-card-test: HTTP 403"; !strings.Contains(errs, want) {
		t.Errorf("without the right to wrap: %q, want %q", errs, want)
	}
	if got := column(t, filepath.Join(in.dir, "data"), `SELECT id FROM events WHERE type = 'system.start'`); len(got) != 0 {
		t.Errorf("%d starts are on record, want none", len(got))
	}
}

// TestIntakeRefusesAKeyring: a keyring opens whatever it has sealed.
func TestIntakeRefusesAKeyring(t *testing.T) {
	t.Parallel()
	in := install(t)
	_, errs := command(t, 1, "serve", "--config", in.config, "--tier", "intake")
	for _, want := range []string{
		"panvault: --tier intake: a local keyring opens every card, and the public tier must not be able to",
		"try: kms.backend: transit with the role panvault-intake (deploy/vault/README.md), or --tier all",
	} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q, want %q", errs, want)
		}
	}
	s := in.serve(in.config, "--tier", "exchange")
	s.wantReady("ready", "ok")
	s.Stop()
}

// TestTiersRunbook: its configuration is a valid one, of an intake.
func TestTiersRunbook(t *testing.T) {
	t.Parallel()
	text := deployed(t, "runbooks/tiers.md")
	cfg, err := parseConfig(strings.NewReader(block(t, text, "yaml", 0)), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if role := cfg.KMS.Transit.AppRole; role.RoleIDFile != "/etc/panvault/intake/role_id" || cfg.OperatorKey != "" || len(cfg.Destinations) != 0 {
		t.Errorf("not the configuration of an intake: %+v", cfg)
	}
	if want := "ExecStart=/usr/local/bin/panvault serve --config /etc/panvault/intake.yaml --tier intake\n"; !strings.Contains(text, want) {
		t.Errorf("the runbook lacks %q", want)
	}
}
