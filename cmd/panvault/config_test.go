package main

import (
	"strings"
	"testing"
	"time"
)

func noEnv(string) (string, bool) { return "", false }

// TestConfigMessages has every message that a wrong setting can get. None
// quotes a value.
func TestConfigMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ yaml, want string }{
		{`node: ` + strings.Repeat("n", 65), "node: must be at most 64 characters"},
		{`node: "café"`, "node: must be printable ASCII"},
		{`data_dir: ""`, "data_dir: is required"},
		{`public_url: ""`, "public_url: is required"},
		{`public_url: vault.example`, "public_url: must be an http or https URL"},
		{`operator_key: okey_test`, "operator_key: " + errLiteralSecret.Error()},
		{`operator_key: "file:"`, "operator_key: " + errLiteralSecret.Error()},
		{`store: {sqlite: {path: ""}}`, "store.sqlite.path: is required"},
		{`kms: {backend: ""}`, "kms.backend: is required"},
		{`kms: {backend: soft}`, "kms.backend: must be one of: local, transit"},
		{`kms: {local: {keyring: ""}}`, "kms.local.keyring: is required"},
		{`kms: {local: {passphrase: "http://x"}}`, "kms.local.passphrase: " + errLiteralSecret.Error()},
		{`kms: {backend: transit}`, "kms.transit.address: use Vault's URL, such as https://vault.example:8200; " +
			"kms.transit.login: set token_file, or approle with role_id and secret_id files"},
		{`kms: {backend: transit, transit: {address: "http://vault.example:8200", token_file: t}}`,
			"kms.transit.address: plain http to another machine would show keys on the network; use https"},
		{`kms: {backend: transit, transit: {address: "https://v", token_file: t, mount: /x/}}`,
			"kms.transit.mount: use letters, digits, '_' and '-', in segments separated by '/', no slash at the ends"},
		{`listen: {public: "8440"}`, "listen.public: must be HOST:PORT"},
		{`listen: {private: "host:http"}`, "listen.private: must be HOST:PORT"},
		{`listen: {admin: ":70000"}`, "listen.admin: must be HOST:PORT"},
		{`listen: {admin: ""}`, "listen.admin: is required"},
		{`listen: {trusted_proxies: [10.0.0.0/8, 10.0.0.1]}`, "listen.trusted_proxies[1]: must be a network like 10.0.0.0/8"},
		{`listen: {tls: {cert_file: c}}`, "listen.tls.key_file: must be set together with the other of cert_file and key_file"},
		{`listen: {tls: {key_file: c}}`, "listen.tls.cert_file: must be set together with the other of cert_file and key_file"},
		{`listen: {drain_delay: -1ms}`, "listen.drain_delay: must be at least 0"},
		{`listen: {drain_delay: 61s}`, "listen.drain_delay: must be at most 60s"},
		{`cards: {token_ttl: 10s}`, "cards.token_ttl: must be at least 1m"},
		{`cards: {token_ttl: 25h}`, "cards.token_ttl: must be at most 24h"},
		{`cards: {security_code_retry: -1s}`, "cards.security_code_retry: must be at least 0"},
		{`cards: {security_code_retry: 16m}`, "cards.security_code_retry: must be at most 15m"},
		{`cards: {prepared_data_keys: 0}`, "cards.prepared_data_keys: must be at least 1"},
		{`cards: {prepared_data_keys: 16385}`, "cards.prepared_data_keys: must be at most 16384"},
		{`cards: {brands: [Visa, Diners]}`, "cards.brands: "},
		{`reveals: {per_hour: 0}`, "reveals.per_hour: must be at least 1"},
		{`reveals: {per_hour: 10001}`, "reveals.per_hour: must be at most 10000"},
		{`reveals: {approval: 9s}`, "reveals.approval: must be at least 10s"},
		{`reveals: {approval: -1s}`, "reveals.approval: must be at least 10s"},
		{`reveals: {approval: 11m}`, "reveals.approval: must be at most 10m"},
		{`limits: {tokens_per_key: {rate: -1}}`, "limits.tokens_per_key.rate: must be at least 0"},
		{`limits: {tokens_per_address: {burst: 1000001}}`, "limits.tokens_per_address.burst: must be at most 1000000"},
		{`http: {token_location: none}`, "http.token_location: must be one of: absolute, relative"},
		{`http: {error_base: x}`, "http.error_base: must be an http or https URL"},
		{`log: {level: loud}`, "log.level: must be one of: debug, info, warn, error"},
		{`log: {format: xml}`, "log.format: must be one of: json, text"},
		{`log: {level: loud, format: xml}`, "log.level: must be one of: debug, info, warn, error; log.format: must be one of: json, text"},
		{`nothing: 1`, "line 1: there is no setting nothing here"},
		{`- a`, "line 1: a value of the wrong type"},
		{`log: {level: [secret]}`, "line 1: a value of the wrong type"},
		{`"`, "not valid YAML"},
		{"a: &x 1\nb: *secret", "not valid YAML"},
	} {
		_, err := parseConfig(strings.NewReader(tt.yaml), noEnv)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.yaml, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret]") {
			t.Errorf("%s: the message quotes the value: %v", tt.yaml, err)
		}
	}
}

// TestConfigEnvironment: the environment wins over the file, for every kind of
// setting.
func TestConfigEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"PANVAULT_NODE": "env", "PANVAULT_CARDS_TOKEN_TTL": "5m", "PANVAULT_CARDS_PREPARED_DATA_KEYS": "9",
		"PANVAULT_LIMITS_TOKENS_PER_KEY_RATE": "0.5", "PANVAULT_HARDENING_LANDLOCK": "false",
		"PANVAULT_LISTEN_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.0/24", "PANVAULT_KMS_TRANSIT_APPROLE_WRAPPED": "true",
	}
	got, err := parseConfig(strings.NewReader("node: file\ncards: {token_ttl: 1h}\n"), func(name string) (string, bool) {
		text, ok := env[name]
		return text, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Node != "env" || got.Cards.TokenTTL != 5*time.Minute || got.Cards.PreparedDataKeys != 9 ||
		got.Limits.TokensPerKey.Rate != 0.5 || got.Hardening.Landlock || !got.KMS.Transit.AppRole.Wrapped ||
		len(got.trustedProxies()) != 2 {
		t.Errorf("got %+v", got)
	}
}
