package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/vault"
)

// config is the configuration file. Unknown keys are errors. Secrets are
// references (secretRef), never values. Every setting can be overridden by an
// environment variable: kms.transit.address is PANVAULT_KMS_TRANSIT_ADDRESS.
type config struct {
	Node        string          `yaml:"node" validate:"omitempty,max=64,printascii"` // name in audit records; default the host name
	DataDir     string          `yaml:"data_dir" validate:"required"`                // keyring and database, unless their paths say otherwise
	PublicURL   string          `yaml:"public_url" validate:"required,http_url"`     // what token locations start with
	OperatorKey secretRef       `yaml:"operator_key,omitempty"`                      // who runs administrative commands
	Store       storeConfig     `yaml:"store"`
	KMS         kmsConfig       `yaml:"kms"`
	Listen      listenConfig    `yaml:"listen"`
	Cards       cardsConfig     `yaml:"cards"`
	Retention   retentionConfig `yaml:"retention"`
	Keys        keysConfig      `yaml:"keys"`
	Approvals   approvalsConfig `yaml:"approvals"`
	Reveals     revealsConfig   `yaml:"reveals"`
	Policies    string          `yaml:"policies,omitempty"` // a file of Cedar text that replaces the default
	Limits      limitsConfig    `yaml:"limits"`
	HTTP        httpConfig      `yaml:"http"`
	Log         logConfig       `yaml:"log"`
	Hardening   hardeningConfig `yaml:"hardening"`

	Destinations []destinationConfig `yaml:"destinations,omitempty"` // of forwards; not from the environment
}

type storeConfig struct {
	SQLite sqliteConfig `yaml:"sqlite"`
}

type sqliteConfig struct {
	Path string `yaml:"path" validate:"required"` // relative to data_dir
}

type kmsConfig struct {
	Backend string        `yaml:"backend" validate:"required,oneof=local transit"`
	Local   localConfig   `yaml:"local"`
	Transit transitConfig `yaml:"transit"`
}

type localConfig struct {
	Keyring    string    `yaml:"keyring" validate:"required"` // relative to data_dir
	Passphrase secretRef `yaml:"passphrase,omitempty"`        // empty: ask on the terminal
	fast       bool      // development: cheap argon2id
}

type transitConfig struct {
	Address        string        `yaml:"address,omitempty"`
	AllowPlaintext bool          `yaml:"allow_plaintext,omitempty"`
	Namespace      string        `yaml:"namespace,omitempty"`
	Mount          string        `yaml:"mount,omitempty"`
	Prefix         string        `yaml:"prefix,omitempty"`
	CAFile         string        `yaml:"ca_file,omitempty"`
	CertFile       string        `yaml:"cert_file,omitempty"`
	KeyFile        string        `yaml:"key_file,omitempty"`
	ServerName     string        `yaml:"server_name,omitempty"`
	TokenFile      string        `yaml:"token_file,omitempty"`
	AppRole        appRoleConfig `yaml:"approle,omitempty"`
}

type appRoleConfig struct {
	Mount        string `yaml:"mount,omitempty"`
	RoleIDFile   string `yaml:"role_id_file,omitempty"`
	SecretIDFile string `yaml:"secret_id_file,omitempty"`
	Wrapped      bool   `yaml:"wrapped,omitempty"`
}

type listenConfig struct {
	Public         string    `yaml:"public" validate:"required,listen"`
	Private        string    `yaml:"private" validate:"required,listen"` // may equal public
	Admin          string    `yaml:"admin" validate:"required,listen"`
	TLS            tlsConfig `yaml:"tls"`
	AllowPlaintext bool      `yaml:"allow_plaintext"` // something in front ends TLS
	TrustedProxies []string  `yaml:"trusted_proxies,omitempty" validate:"dive,cidr"`

	DrainDelay time.Duration `yaml:"drain_delay" validate:"min=0,max=60s"` // after SIGTERM, until no connection is accepted
}

type tlsConfig struct {
	CertFile string `yaml:"cert_file,omitempty" validate:"required_with=KeyFile"`
	KeyFile  string `yaml:"key_file,omitempty" validate:"required_with=CertFile"`
}

type cardsConfig struct {
	Brands                 []string      `yaml:"brands,omitempty"`   // default all
	IINFile                string        `yaml:"iin_file,omitempty"` // CSV of issuers; SIGHUP reads it again
	TokenTTL               time.Duration `yaml:"token_ttl" validate:"min=1m,max=24h"`
	SecurityCodeRetry      time.Duration `yaml:"security_code_retry" validate:"min=0,max=15m"` // after a failed payment; 0: none
	AllowExpiredInTestMode bool          `yaml:"allow_expired_in_test_mode"`
	PreparedDataKeys       int           `yaml:"prepared_data_keys" validate:"min=1,max=16384"`
}

type retentionConfig struct {
	AfterExpiryDays days `yaml:"after_expiry_days" validate:"min=0,max=36500"` // 0 keeps expired cards
	AfterUseDays    days `yaml:"after_use_days" validate:"min=0,max=36500"`    // 0 keeps unused cards
	BackupDays      days `yaml:"backup_days" validate:"min=0,max=36500"`       // 0: there are no backups
}

// days is a whole number of them: the decoder would cut a fraction off, and
// cards would be destroyed earlier than it is written.
type days int

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *days) UnmarshalYAML(node *yaml.Node) error {
	n, err := strconv.Atoi(node.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: cannot unmarshal a number of days", node.Line)}}
	}
	*d = days(n)
	return nil
}

type keysConfig struct {
	CryptoperiodDays days `yaml:"cryptoperiod_days" validate:"min=1,max=730"`                        // of a version of a KEK
	HardCapDays      days `yaml:"hard_cap_days" validate:"min=1,max=1095,gtefield=CryptoperiodDays"` // after which it protects nothing new
}

type approvalsConfig struct {
	KeyAge time.Duration `yaml:"key_age" validate:"min=0,max=2160h"` // of operators' keys, to give live cards out; 0 for none
}

type revealsConfig struct {
	PerHour  int           `yaml:"per_hour" validate:"min=1,max=10000"`           // of each reveal key
	Approval time.Duration `yaml:"approval" validate:"omitempty,min=10s,max=10m"` // how long a reveal waits for an operator; 0: needs none
}

type limitsConfig struct {
	TokensPerKey     limitConfig `yaml:"tokens_per_key"`
	TokensPerAddress limitConfig `yaml:"tokens_per_address"`
}

// limitConfig is a token bucket; a rate of 0 means no limit.
type limitConfig struct {
	Rate  float64 `yaml:"rate" validate:"min=0,max=1000000"` // a second
	Burst int     `yaml:"burst" validate:"min=0,max=1000000"`
}

type httpConfig struct {
	TokenLocation string `yaml:"token_location" validate:"oneof=absolute relative"`
	ErrorBase     string `yaml:"error_base" validate:"http_url"`
}

type logConfig struct {
	Level  string `yaml:"level" validate:"oneof=debug info warn error"`
	Format string `yaml:"format" validate:"oneof=json text"`
}

type hardeningConfig struct {
	Landlock bool     `yaml:"landlock"`                 // confine file access, where the kernel can
	Require  bool     `yaml:"require"`                  // refuse to start if a measure cannot be applied
	ReadOnly []string `yaml:"readable_paths,omitempty"` // more paths that may be read

	removable string // development: a folder in which the data folder may be deleted
}

// defaultConfig is what applies where the file is silent.
func defaultConfig() config {
	return config{
		DataDir: "/var/lib/panvault",
		Store:   storeConfig{SQLite: sqliteConfig{Path: "panvault.db"}},
		KMS:     kmsConfig{Backend: "local", Local: localConfig{Keyring: "keyring"}},
		Listen: listenConfig{
			Public: "127.0.0.1:8440", Private: "127.0.0.1:8440", Admin: "127.0.0.1:8441",
			DrainDelay: 300 * time.Millisecond,
		},
		PublicURL: "http://127.0.0.1:8440",
		Cards:     cardsConfig{TokenTTL: 30 * time.Minute, SecurityCodeRetry: vault.DefaultCodeRetry, PreparedDataKeys: 512},
		Retention: retentionConfig{BackupDays: 35},
		Keys:      keysConfig{CryptoperiodDays: 365, HardCapDays: 730},
		Approvals: approvalsConfig{KeyAge: vault.DefaultKeyAge},
		Reveals:   revealsConfig{PerHour: vault.DefaultRevealsPerHour},
		Limits: limitsConfig{
			TokensPerKey:     limitConfig{Rate: 100, Burst: 500},
			TokensPerAddress: limitConfig{Rate: 1, Burst: 50},
		},
		HTTP:      httpConfig{TokenLocation: "absolute", ErrorBase: "https://www.omise.co/api-errors"},
		Log:       logConfig{Level: "info", Format: "json"},
		Hardening: hardeningConfig{Landlock: true},
	}
}

// loadConfig reads, overrides and validates the configuration of a command.
func (c *cli) loadConfig() (config, error) {
	cfg, err := c.readConfig()
	if err != nil || c.operatorKey == "" {
		return cfg, err
	}
	cfg.OperatorKey = secretRef(c.operatorKey)
	if err := cfg.OperatorKey.validate(); err != nil {
		return config{}, usageError{fmt.Errorf("--operator-key: %w", err)}
	}
	return cfg, nil
}

func (c *cli) readConfig() (config, error) {
	switch {
	case c.configFile != "" && c.dataDir != "":
		return config{}, hint(usageError{errors.New("give --config or --data, not both")}, "--config for a server, --data for a 'panvault dev' folder")
	case c.dataDir != "":
		return sandboxConfig(c.dataDir)
	case c.configFile == "":
		return config{}, hint(usageError{errors.New("no configuration")}, "--config panvault.yaml, or --data DIR for a 'panvault dev' folder")
	}
	file, err := os.Open(c.configFile)
	if err != nil {
		return config{}, hint(err, "deploy/panvault.example.yaml has every setting to start from")
	}
	defer file.Close()
	cfg, err := parseConfig(file, os.LookupEnv)
	if err != nil {
		return config{}, hint(fmt.Errorf("%s: %w", c.configFile, err), "deploy/panvault.example.yaml explains every setting")
	}
	return cfg, nil
}

// parseConfig reads YAML over the defaults, then the environment over that.
func parseConfig(r io.Reader, env func(string) (string, bool)) (config, error) {
	cfg := defaultConfig()
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return config{}, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return config{}, tidyYAML(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return config{}, errors.New("the file holds more than one document")
	}
	if err := override(reflect.ValueOf(&cfg).Elem(), envPrefix, env); err != nil {
		return config{}, err
	}
	return cfg, cfg.validate()
}

// inDataDir resolves a path of the configuration.
func (cfg *config) inDataDir(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(cfg.DataDir, path)
}
