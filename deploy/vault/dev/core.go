package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// newCore builds a sealed core on memory, or on files below dir if it is set.
func newCore(dir, level string, stderr io.Writer) (*vault.Core, error) {
	log := hclog.New(&hclog.LoggerOptions{Name: "vault", Level: hclog.LevelFromString(level), Output: stderr})
	storage, err := newStorage(dir, log)
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		Logger:             log,
		DisableMlock:       true,
		BuiltinRegistry:    registry{},
		LogicalBackends:    map[string]logical.Factory{"transit": transit.Factory},
		CredentialBackends: map[string]logical.Factory{"approle": approle.Factory},
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend},
	})
}

func newStorage(dir string, log hclog.Logger) (physical.Backend, error) {
	if dir == "" {
		return inmem.NewInmem(nil, log)
	}
	path := filepath.Join(dir, "storage")
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("storage folder: %w", err)
	}
	return file.NewFileBackend(map[string]string{"path": path}, log)
}

// registry answers for the plugins that are compiled in.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return kind == consts.PluginTypeSecrets && name == "transit" ||
		kind == consts.PluginTypeCredential && name == "approle"
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	switch {
	case !r.Contains(name, kind):
		return nil, false
	case name == "transit":
		return func() (any, error) { return logical.Factory(transit.Factory), nil }, true
	default:
		return func() (any, error) { return logical.Factory(approle.Factory), nil }, true
	}
}

func (registry) Keys(kind consts.PluginType) []string {
	switch kind {
	case consts.PluginTypeSecrets:
		return []string{"transit"}
	case consts.PluginTypeCredential:
		return []string{"approle"}
	default:
		return nil
	}
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
