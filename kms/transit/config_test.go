package transit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
)

func TestConfigValidate(t *testing.T) {
	token := func(change func(*transit.Config)) transit.Config {
		c := transit.Config{Address: "https://vault.example:8200", TokenFile: "token"}
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name string
		cfg  transit.Config
		want string // part of the error; "" for none
	}{
		{"token file", token(func(*transit.Config) {}), ""},
		{"approle", token(func(c *transit.Config) {
			c.TokenFile, c.AppRole = "", transit.AppRole{RoleIDFile: "r", SecretIDFile: "s"}
		}), ""},
		{"everything", token(func(c *transit.Config) {
			c.Address, c.Namespace, c.Mount, c.Prefix = "https://vault.example/base", "team/cards", "kms/transit", "pv."
			c.TLS = transit.TLS{CAFile: "ca", CertFile: "c", KeyFile: "k", ServerName: "n"}
		}), ""},
		{"loopback http", token(func(c *transit.Config) { c.Address = "http://127.0.0.1:8200" }), ""},
		{"loopback6 http", token(func(c *transit.Config) { c.Address = "http://[::1]:8200" }), ""},
		{"localhost http", token(func(c *transit.Config) { c.Address = "http://localhost:8200" }), ""},
		{"mesh http", token(func(c *transit.Config) { c.Address, c.AllowPlaintext = "http://vault:8200", true }), ""},
		{"remote http", token(func(c *transit.Config) { c.Address = "http://vault.example:8200" }), "use https"},
		{"disguised http", token(func(c *transit.Config) { c.Address = "http://127.0.0.1.example:8200" }), "use https"},
		{"no address", token(func(c *transit.Config) { c.Address = "" }), "address"},
		{"unix socket", token(func(c *transit.Config) { c.Address = "unix:///run/vault" }), "address"},
		{"userinfo", token(func(c *transit.Config) { c.Address = "https://u:p@vault.example" }), "leave out user"},
		{"no login", token(func(c *transit.Config) { c.TokenFile = "" }), "set token_file, or approle"},
		{"two logins", token(func(c *transit.Config) { c.AppRole.RoleIDFile = "r" }), "not both"},
		{"half an approle", token(func(c *transit.Config) { c.TokenFile, c.AppRole.RoleIDFile = "", "r" }), "both files"},
		{"mount with dots", token(func(c *transit.Config) { c.Mount = "transit/../sys" }), "mount"},
		{"mount with slash", token(func(c *transit.Config) { c.Mount = "transit/" }), "mount"},
		{"namespace with newline", token(func(c *transit.Config) { c.Namespace = "a\r\nb" }), "namespace"},
		{"prefix with slash", token(func(c *transit.Config) { c.Prefix = "a/b" }), "prefix"},
		{"certificate without key", token(func(c *transit.Config) { c.TLS.CertFile = "c" }), "tls"},
		{"negative timeout", token(func(c *transit.Config) { c.Timeout = -1 }), "timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.cfg.Validate()
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, kms.ErrInvalid) || !strings.Contains(fmt.Sprint(err), tt.want)) {
				t.Errorf("Validate() = %v, want %q", err, tt.want)
			}
		})
	}
}

// TestNewNamesTheFile: a missing file is reported by name.
func TestNewNamesTheFile(t *testing.T) {
	base := transit.Config{Address: "https://127.0.0.1:1", TokenFile: tokenFile(t, "x")}
	for name, change := range map[string]func(*transit.Config){
		"token": func(c *transit.Config) { c.TokenFile = "no-such-file" },
		"role_id": func(c *transit.Config) {
			c.TokenFile, c.AppRole = "", transit.AppRole{RoleIDFile: "no-such-file", SecretIDFile: "x"}
		},
		"ca":   func(c *transit.Config) { c.TLS.CAFile = "no-such-file" },
		"cert": func(c *transit.Config) { c.TLS.CertFile, c.TLS.KeyFile = "no-such-file", "x" },
	} {
		cfg := base
		change(&cfg)
		_, err := transit.New(t.Context(), cfg, nil)
		if !errors.Is(err, kms.ErrInvalid) || !strings.Contains(err.Error(), "no-such-file") {
			t.Errorf("%s: New() = %v, want ErrInvalid with the file's name", name, err)
		}
	}
}
