package transittest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Request sends one request with any token and returns status and body. The
// path is below /v1/; body is JSON, or "" for none.
func (s *Server) Request(t testing.TB, token, method, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.Address+"/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, got
}

// RootRequest is Request with the root token.
func (s *Server) RootRequest(t testing.TB, method, path, body string) (int, []byte) {
	t.Helper()
	return s.Request(t, s.RootToken, method, path, body)
}

// must is RootRequest for what has to work.
func (s *Server) must(t testing.TB, method, path, body string) []byte {
	t.Helper()
	status, got := s.RootRequest(t, method, path, body)
	if status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("%s %s: HTTP %d: %s", method, path, status, got)
	}
	return got
}

// AppRoleFiles writes the role_id and a new secret_id of a role into files as
// an operator would, with bootstrap.sh, and returns their paths.
func (s *Server) AppRoleFiles(t testing.TB, role string) (roleIDPath, secretIDPath string) {
	t.Helper()
	return s.appRoleFiles(t, role, "")
}

// WrappedAppRoleFiles is AppRoleFiles with a response-wrapping token, good for
// five minutes and one use, in place of the secret_id.
func (s *Server) WrappedAppRoleFiles(t testing.TB, role string) (roleIDPath, wrappedPath string) {
	t.Helper()
	return s.appRoleFiles(t, role, "5m")
}

func (s *Server) appRoleFiles(t testing.TB, role, wrapTTL string) (string, string) {
	t.Helper()
	deploy, err := deployDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(deploy, "bootstrap.sh"), "secret-id", role, dir)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+s.Address, "VAULT_TOKEN="+s.RootToken, "WRAP_TTL="+wrapTTL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("bootstrap.sh secret-id %s: %v\n%s", role, err, out)
	}
	return filepath.Join(dir, "role_id"), filepath.Join(dir, "secret_id")
}

// Login logs in as a role and returns the token.
func (s *Server) Login(t testing.TB, role string) string {
	t.Helper()
	rolePath, secretPath := s.AppRoleFiles(t, role)
	body, _ := json.Marshal(map[string]string{"role_id": readLine(t, rolePath), "secret_id": readLine(t, secretPath)})
	return clientToken(t, s.must(t, http.MethodPost, "auth/approle/login", string(body)))
}

// Token makes a token with the given policies and returns it.
func (s *Server) Token(t testing.TB, policies ...string) string {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"policies": policies, "no_default_policy": true, "ttl": "1h"})
	return clientToken(t, s.must(t, http.MethodPost, "auth/token/create", string(body)))
}

// Seal seals the server: every request is then answered with 503.
func (s *Server) Seal(t testing.TB) {
	t.Helper()
	s.must(t, http.MethodPost, "sys/seal", "")
}

// Unseal opens a sealed server again.
func (s *Server) Unseal(t testing.TB) {
	t.Helper()
	body, _ := json.Marshal(map[string]string{"key": s.unsealKey})
	s.must(t, http.MethodPost, "sys/unseal", string(body))
}

// Audit returns the whole of the first audit file.
func (s *Server) Audit(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile(s.AuditFile)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func clientToken(t testing.TB, body []byte) string {
	t.Helper()
	var got struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		} `json:"auth"`
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Auth.ClientToken == "" {
		t.Fatalf("no client token in Vault's answer: %v", err)
	}
	return got.Auth.ClientToken
}

func readLine(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(text))
}
