package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"
)

// server is a core that is unsealed and answers HTTP.
type server struct {
	core   *vault.Core
	http   *http.Server
	ready  ready
	failed chan error // a listener that ended by itself
}

// start brings the core up: new storage is initialised, known storage is
// unsealed with the key kept beside it.
func start(ctx context.Context, opt options, stderr io.Writer) (*server, error) {
	if opt.data != "" {
		if err := os.MkdirAll(opt.data, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	}
	core, err := newCore(opt.data, opt.logLevel, stderr)
	if err != nil {
		return nil, fmt.Errorf("build core: %w", err)
	}
	s := &server{core: core, failed: make(chan error, 1)}
	if err := s.unseal(ctx, opt.data); err != nil {
		_ = core.Shutdown()
		return nil, err
	}
	if opt.audit != "" {
		if err := s.enableAudit(ctx, opt.audit); err != nil {
			s.stop()
			return nil, err
		}
	}
	if err := s.serve(opt.listen); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// unseal initialises the storage if it is new, and opens it.
func (s *server) unseal(ctx context.Context, dir string) error {
	keyFile := filepath.Join(dir, "dev-unseal.json")
	done, err := s.core.Initialized(ctx)
	if err != nil {
		return fmt.Errorf("read storage: %w", err)
	}
	if done {
		text, err := os.ReadFile(keyFile)
		if err != nil {
			return fmt.Errorf("storage exists but its unseal key does not: %w; remove the data folder to start over", err)
		}
		if err := json.Unmarshal(text, &s.ready); err != nil {
			return fmt.Errorf("%s: %w", keyFile, err)
		}
	} else {
		one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
		res, err := s.core.Initialize(ctx, &vault.InitParams{BarrierConfig: one, RecoveryConfig: one})
		if err != nil {
			return fmt.Errorf("initialise: %w", err)
		}
		s.ready = ready{RootToken: res.RootToken, UnsealKey: base64.StdEncoding.EncodeToString(res.SecretShares[0])}
		if dir != "" {
			text, _ := json.Marshal(s.ready)
			if err := os.WriteFile(keyFile, append(text, '\n'), 0o600); err != nil {
				return fmt.Errorf("keep the unseal key: %w", err)
			}
		}
	}
	key, err := base64.StdEncoding.DecodeString(s.ready.UnsealKey)
	if err != nil {
		return fmt.Errorf("unseal key: %w", err)
	}
	if open, err := s.core.Unseal(key); err != nil || !open {
		return fmt.Errorf("unseal: open=%v: %w", open, err)
	}
	return nil
}

// enableAudit adds the devices that are not there yet: two, because
// production needs two and the doctor says so.
func (s *server) enableAudit(ctx context.Context, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	ctx = namespace.RootContext(ctx)
	have, err := s.core.HandleRequest(ctx, &logical.Request{
		Operation: logical.ReadOperation, Path: "sys/audit", ClientToken: s.ready.RootToken,
	})
	if err != nil {
		return fmt.Errorf("list audit devices: %w", err)
	}
	for name, path := range map[string]string{"first": file, "second": file + ".second"} {
		if _, ok := have.Data[name+"/"]; ok {
			continue
		}
		_, err := s.core.HandleRequest(ctx, &logical.Request{
			Operation: logical.UpdateOperation, Path: "sys/audit/" + name, ClientToken: s.ready.RootToken,
			Data: map[string]any{"type": "file", "options": map[string]any{"file_path": path, "mode": "0600"}},
		})
		if err != nil {
			return fmt.Errorf("enable audit device %s: %w", name, err)
		}
	}
	return nil
}

func (s *server) serve(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s.ready.Address = "http://" + ln.Addr().String()
	s.http = &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core: s.core, ListenerConfig: &configutil.Listener{Type: "tcp", Address: addr},
		}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return nil
}

// bootstrap runs script against the server; its output goes to stderr.
func (s *server) bootstrap(ctx context.Context, script string, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "sh", script)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+s.ready.Address, "VAULT_TOKEN="+s.ready.RootToken)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	return nil
}

// stop ends the listener, then seals and closes the core.
func (s *server) stop() {
	if s.http != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = s.http.Shutdown(ctx)
	}
	_ = s.core.ShutdownWait()
}

// loopback refuses an address that other machines could reach.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("-listen %s: a development Vault listens on loopback only, such as 127.0.0.1:8200", addr)
	}
	return nil
}
