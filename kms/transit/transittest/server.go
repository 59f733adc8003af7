// Package transittest runs a real HashiCorp Vault for tests: the development
// server of deploy/vault/dev, prepared by deploy/vault/bootstrap.sh.
//
// It promises a Vault that behaves as in production, with exactly the keys,
// policies and roles that operators get, and that ends with the test or the
// test process. It must never fake an answer, reach a Vault it did not start,
// or be imported by anything but tests.
//
// The binary is named by the environment variable PANVAULT_TEST_VAULT, which
// `make test` sets. Without it tests are skipped, or fail if
// PANVAULT_REQUIRE_VAULT=1, as it is in CI.
package transittest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// The roles that bootstrap.sh creates, each with the policy of the same name.
const (
	RoleIntake    = "panvault-intake"
	RoleExchange  = "panvault-exchange"
	RoleInit      = "panvault-init"
	RoleRotator   = "panvault-rotator"
	RoleDestroyer = "panvault-destroyer"
	RoleAuditor   = "panvault-auditor"
)

// Roles lists every role, in the order above.
func Roles() []string {
	return []string{RoleIntake, RoleExchange, RoleInit, RoleRotator, RoleDestroyer, RoleAuditor}
}

// Server is one running Vault. Its fields do not change; its methods are safe
// for concurrent use, except that sealing it disturbs everybody.
type Server struct {
	Address   string // http://127.0.0.1:PORT
	RootToken string // may do everything
	AuditFile string // first of its two file audit devices: JSON lines

	unsealKey string // base64
	dir       string
	cmd       *exec.Cmd
	stdin     io.Closer // closing it ends the server, and so does our exit
}

// shared is the one server of a test process; a process-wide server needs a
// process-wide name.
var shared = sync.OnceValues(func() (*Server, error) { return launch(os.Getenv("PANVAULT_TEST_VAULT")) })

// Start runs a Vault for this test alone and stops it when the test ends. It
// takes about a second. Use it to seal, to delete keys or to read all of the
// audit file; otherwise use Shared.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := launch(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// Shared returns the Vault that all tests of this process share. It ends with
// the process. Tests must not seal it or change the keys of bootstrap.sh.
func Shared(t testing.TB) *Server {
	t.Helper()
	binary(t)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// binary returns the path of the development Vault, or ends the test.
func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("PANVAULT_TEST_VAULT")
	const hint = "PANVAULT_TEST_VAULT is not set: run `make test`, which builds deploy/vault/dev and sets it"
	switch {
	case path != "":
	case os.Getenv("PANVAULT_REQUIRE_VAULT") == "1":
		t.Fatal(hint)
	default:
		t.Skip(hint)
	}
	return path
}

// launch starts the server and waits until it is bootstrapped. The shell
// around it removes the folder when the server is gone, however that came.
func launch(path string) (*Server, error) {
	deploy, err := deployDir()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "panvault-vault-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, AuditFile: filepath.Join(dir, "audit.log")}
	s.cmd = exec.Command("sh", "-c", `trap "" INT TERM; dir=$1; shift; "$@"; rm -rf "$dir"`, "sh", dir,
		path, "-listen", "127.0.0.1:0", "-audit", s.AuditFile, "-stdin-watch",
		"-bootstrap", filepath.Join(deploy, "bootstrap.sh"))
	log, err := os.Create(filepath.Join(dir, "stderr.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stderr = log // a file, so that `go test` never waits for the child
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	if err := s.awaitReady(stdout); err != nil {
		why, _ := os.ReadFile(log.Name())
		s.stop()
		return nil, fmt.Errorf("development Vault did not get ready: %w\n%s", err, why)
	}
	return s, nil
}

// awaitReady reads the one JSON line, for a minute at most.
func (s *Server) awaitReady(stdout io.Reader) error {
	line := make(chan []byte, 1)
	go func() {
		defer close(line)
		scan := bufio.NewScanner(stdout)
		for scan.Scan() {
			line <- scan.Bytes()
			return
		}
	}()
	select {
	case text, ok := <-line:
		var ready struct {
			Address   string `json:"address"`
			RootToken string `json:"root_token"`
			UnsealKey string `json:"unseal_key"`
		}
		if !ok || json.Unmarshal(text, &ready) != nil {
			return errors.New("it ended without its ready line")
		}
		s.Address, s.RootToken, s.unsealKey = ready.Address, ready.RootToken, ready.UnsealKey
		return nil
	case <-time.After(time.Minute):
		return errors.New("a minute has passed")
	}
}

// stop ends the server and waits for it.
func (s *Server) stop() {
	_ = s.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	_ = s.cmd.Wait()
	_ = os.RemoveAll(s.dir)
}

// deployDir finds deploy/vault from where this file was compiled, or, with
// -trimpath, from the module that holds the working directory.
func deployDir() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	if !filepath.IsAbs(file) {
		out, err := exec.Command("go", "env", "GOMOD").Output()
		if err != nil {
			return "", fmt.Errorf("find the module: %w", err)
		}
		root = filepath.Dir(string(out))
	}
	dir := filepath.Join(root, "deploy", "vault")
	if _, err := os.Stat(filepath.Join(dir, "bootstrap.sh")); err != nil {
		return "", fmt.Errorf("find deploy/vault: %w", err)
	}
	return dir, nil
}
