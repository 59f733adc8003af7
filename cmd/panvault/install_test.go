package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	_ "modernc.org/sqlite"

	"github.com/panvault/panvault/kms/localkek"
)

// installation is a configured vault in a folder, prepared by the command line
// as an operator does it.
type installation struct {
	t         testing.TB
	dir       string
	config    string // path of the file
	merchant  string
	publicKey string // test mode

	base []any // settings of every configuration file
}

const testPassphrase = "a passphrase for tests"

// install prepares a vault with a local keyring, an operator, a merchant and a
// public key. settings are pairs of a dotted path and its value.
func install(t testing.TB, settings ...any) *installation {
	t.Helper()
	dir := t.TempDir()
	saveFile(t, filepath.Join(dir, "passphrase"), testPassphrase)
	makeKeyring(t, filepath.Join(dir, "data", "keyring"))
	in := configure(t, dir, append([]any{
		"kms.local.passphrase", "file:" + filepath.Join(dir, "passphrase"),
	}, settings...)...)
	in.prepare(in.config)
	return in
}

// configure writes a configuration for tests on free loopback ports.
func configure(t testing.TB, dir string, settings ...any) *installation {
	t.Helper()
	in := &installation{t: t, dir: dir, base: []any{
		"node", "test-node",
		"data_dir", filepath.Join(dir, "data"),
		"operator_key", "file:" + filepath.Join(dir, "operator.key"),
		"listen.public", "127.0.0.1:0", "listen.private", "127.0.0.1:0", "listen.admin", "127.0.0.1:0",
		"limits.tokens_per_key.rate", 0, "limits.tokens_per_address.rate", 0,
		"cards.prepared_data_keys", 64,
		"approvals.key_age", "0s",
	}}
	in.config = in.configFile("panvault.yaml", settings...)
	return in
}

// configFile writes one more configuration file of the installation and
// returns its path.
func (in *installation) configFile(name string, settings ...any) string {
	in.t.Helper()
	settings = append(append([]any(nil), in.base...), settings...)
	tree := make(map[string]any)
	for i := 0; i < len(settings); i += 2 {
		node := tree
		path := strings.Split(settings[i].(string), ".")
		for _, key := range path[:len(path)-1] {
			if node[key] == nil {
				node[key] = make(map[string]any)
			}
			node = node[key].(map[string]any)
		}
		node[path[len(path)-1]] = settings[i+1]
	}
	text, err := yaml.Marshal(tree)
	if err != nil {
		in.t.Fatal(err)
	}
	path := filepath.Join(in.dir, name)
	saveFile(in.t, path, string(text))
	return path
}

// prepare runs init with a configuration and makes merchant and key with the
// installation's own.
func (in *installation) prepare(initConfig string) {
	in.t.Helper()
	command(in.t, 0, "init", "--config", initConfig, "--operator", "alice", "--key-out", filepath.Join(in.dir, "operator.key"))
	var merchant struct{ ID string }
	commandJSON(in.t, &merchant, "merchant", "create", "--config", in.config, "--name", "Tea House")
	in.merchant = merchant.ID
	_, in.publicKey = in.newKey("public")
}

// newKey makes a test key of the merchant with the command line.
func (in *installation) newKey(kind string) (id, secret string) {
	in.t.Helper()
	var key struct{ ID, Key string }
	commandJSON(in.t, &key, "apikey", "create", "--config", in.config, "--merchant", in.merchant, "--kind", kind)
	return key.ID, key.Key
}

// serve starts a server with the installation's configuration, or another.
func (in *installation) serve(config string, args ...string) *server {
	in.t.Helper()
	s := startServe(in.t, config, args...)
	s.Merchant, s.PublicKey, s.Data = in.merchant, in.publicKey, filepath.Join(in.dir, "data")
	return s
}

// makeKeyring makes a keyring whose passphrase is cheap to check.
func makeKeyring(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	passphrase, err := localkek.NewPassphrase([]byte(testPassphrase))
	if err != nil {
		t.Fatal(err)
	}
	keyring, err := localkek.Create(path, passphrase, localkek.Options{Argon2: localkek.DevArgon2()})
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.Close(); err != nil {
		t.Fatal(err)
	}
}

// saveFile writes a file that only its owner reads.
func saveFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// column runs a query on a data folder's database and returns its first column.
func column(t testing.TB, data, query string, args ...any) []string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "panvault.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}
