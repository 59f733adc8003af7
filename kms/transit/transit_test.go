package transit_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/kmstest"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/kms/transit/transittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open connects and closes with the test.
func open(t *testing.T, cfg transit.Config) *transit.Client {
	t.Helper()
	c, err := transit.New(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// asRole logs in by AppRole with exactly the policy of role.
func asRole(t *testing.T, s *transittest.Server, role string) *transit.Client {
	t.Helper()
	r, id := s.AppRoleFiles(t, role)
	return open(t, transit.Config{Address: s.Address, AppRole: transit.AppRole{RoleIDFile: r, SecretIDFile: id}})
}

// withToken logs in with a token file.
func withToken(t *testing.T, s *transittest.Server, token string) *transit.Client {
	t.Helper()
	return open(t, transit.Config{Address: s.Address, TokenFile: tokenFile(t, token)})
}

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, token+"\n")
	return path
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ownKeys is a client whose key names nobody else uses, so that a test may do
// as it likes with them on the shared server, run after run. It returns the
// prefix of the names.
func ownKeys(t *testing.T, s *transittest.Server) (*transit.Client, string) {
	t.Helper()
	prefix := "t" + rand.Text() + "-"
	return open(t, transit.Config{Address: s.Address, TokenFile: tokenFile(t, s.RootToken), Prefix: prefix}), prefix
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// wrapOne wraps one fresh key and returns it with what opens it.
func wrapOne(t *testing.T, k kms.KMS, key kms.Key) ([]byte, kms.UnwrapItem) {
	t.Helper()
	plain, label := random(32), random(40)
	res, err := k.Wrap(t.Context(), key, []kms.WrapItem{{Plaintext: plain, Context: label}})
	if err != nil || res[0].Err != nil {
		t.Fatalf("Wrap(%s): %v, %v", key, err, res)
	}
	return plain, kms.UnwrapItem{Wrapped: res[0].Wrapped, Context: label}
}

func wantOpens(t *testing.T, k kms.KMS, key kms.Key, item kms.UnwrapItem, want []byte) {
	t.Helper()
	res, err := k.Unwrap(t.Context(), key, []kms.UnwrapItem{item})
	if err != nil || res[0].Err != nil {
		t.Fatalf("Unwrap(%s): %v, %v", key, err, res)
	}
	if !bytes.Equal(res[0].Plaintext, want) {
		t.Errorf("Unwrap(%s): another plaintext than was wrapped", key)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// TestConformance runs the suite under the three policies of deploy/vault
// together, and nothing else.
func TestConformance(t *testing.T) {
	s := transittest.Shared(t)
	token := s.Token(t, transittest.RoleExchange, transittest.RoleInit)
	kmstest.Run(t, func(t *testing.T) kms.KMS { return withToken(t, s, token) })
}

// TestConformanceResilient runs it with the decorator that servers use.
func TestConformanceResilient(t *testing.T) {
	s := transittest.Shared(t)
	token := s.Token(t, transittest.RoleExchange, transittest.RoleInit)
	kmstest.Run(t, func(t *testing.T) kms.KMS {
		return kms.NewResilient(withToken(t, s, token), kms.ResilientOptions{})
	})
}

// rotating makes keys of its own on the shared server and connects to them any
// number of times.
func rotating(t *testing.T) func(t *testing.T) kmstest.Rotating {
	s := transittest.Shared(t)
	prefix := newKeys(t, s)
	return func(t *testing.T) kmstest.Rotating {
		return open(t, transit.Config{Address: s.Address, TokenFile: tokenFile(t, s.RootToken), Prefix: prefix})
	}
}

// newKeys makes every key under a prefix that nobody else uses.
func newKeys(t testing.TB, s *transittest.Server) (prefix string) {
	t.Helper()
	prefix = "t" + rand.Text() + "-"
	for _, key := range kms.Keys() {
		mustRoot(t, s, http.MethodPost, "transit/keys/"+prefix+string(key), `{"derived":true}`)
	}
	return prefix
}

func TestRotatorConformance(t *testing.T) { kmstest.RunRotator(t, rotating) }

func TestRotatorConformanceResilient(t *testing.T) {
	kmstest.RunRotator(t, func(t *testing.T) func(t *testing.T) kmstest.Rotating {
		connect := rotating(t)
		return func(t *testing.T) kmstest.Rotating { return kms.NewResilient(connect(t), kms.ResilientOptions{}) }
	})
}
