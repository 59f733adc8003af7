package transit_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestSealedAndBack: everything is unavailable while Vault is sealed and works
// again, with the same client, when it is not.
func TestSealedAndBack(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleExchange)
	dek, item := wrapOne(t, c, kms.CardTest)

	s.Seal(t)
	_, err := c.Wrap(t.Context(), kms.CardTest, []kms.WrapItem{{Plaintext: dek, Context: item.Context}})
	wantIs(t, "Wrap while sealed", err, kms.ErrUnavailable)
	_, err = c.Unwrap(t.Context(), kms.CardTest, []kms.UnwrapItem{item})
	wantIs(t, "Unwrap while sealed", err, kms.ErrUnavailable)
	_, err = c.Describe(t.Context(), kms.CardTest)
	wantIs(t, "Describe while sealed", err, kms.ErrUnavailable)
	wantIs(t, "Check while sealed", c.Check(t.Context()), kms.ErrUnavailable)
	_, err = transit.New(t.Context(), transit.Config{Address: s.Address, TokenFile: tokenFile(t, s.RootToken)}, nil)
	wantIs(t, "New while sealed", err, kms.ErrUnavailable)

	s.Unseal(t)
	wantOpens(t, c, kms.CardTest, item, dek)
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("Check after unseal: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	_, err := transit.New(t.Context(), transit.Config{Address: "http://127.0.0.1:1", TokenFile: tokenFile(t, "x")}, nil)
	wantIs(t, "New without a server", err, kms.ErrUnavailable)
}

// TestRevokedToken: an AppRole client logs in again, once, and goes on.
func TestRevokedToken(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleExchange)
	dek, item := wrapOne(t, c, kms.CardLive)
	mustRoot(t, s, http.MethodPost, "sys/leases/revoke-prefix/auth/approle/login", "")
	wantOpens(t, c, kms.CardLive, item, dek)

	// With no way to log in again it is a denial.
	time.Sleep(1100 * time.Millisecond) // a second login within a second is not tried
	mustRoot(t, s, http.MethodDelete, "auth/approle/role/panvault-exchange", "")
	mustRoot(t, s, http.MethodPost, "sys/leases/revoke-prefix/auth/approle/login", "")
	_, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{item})
	wantIs(t, "Unwrap without a role", err, kms.ErrDenied)
	wantIs(t, "Check without a role", c.Check(t.Context()), kms.ErrDenied)
}

// TestDenialDoesNotLogIn: an intake process that keeps trying to unwrap must
// not use up its secret_id.
func TestDenialDoesNotLogIn(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleIntake)
	_, item := wrapOne(t, c, kms.CardLive)
	for range 3 {
		_, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{item})
		wantIs(t, "Unwrap by intake", err, kms.ErrDenied)
	}
	if got := logins(t, s); got != 1 {
		t.Errorf("%d logins, want 1", got)
	}
}

// TestCloseRevokes: the token of an AppRole login ends with the client, the
// token of a file does not.
func TestCloseRevokes(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleExchange)
	_, item := wrapOne(t, c, kms.CardLive)
	_ = c.Close()
	_ = c.Close()
	_, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{item})
	wantIs(t, "Unwrap after Close", err, kms.ErrUnavailable)
	if !strings.Contains(string(s.Audit(t)), `"path":"auth/token/revoke-self"`) {
		t.Error("Close did not revoke the AppRole token")
	}

	token := s.Token(t, transittest.RoleExchange)
	_ = withToken(t, s, token).Close()
	if status, _ := s.Request(t, token, http.MethodGet, "auth/token/lookup-self", ""); status != http.StatusOK {
		t.Errorf("the file's token after Close: HTTP %d, want 200", status)
	}
}

// TestTokenFileReplaced: a dead token's successor is picked up at once, by the
// call that is refused.
func TestTokenFileReplaced(t *testing.T) {
	s := transittest.Shared(t)
	old := s.Token(t, transittest.RoleExchange)
	path := tokenFile(t, old)
	c := open(t, transit.Config{Address: s.Address, TokenFile: path})
	dek, item := wrapOne(t, c, kms.CardLive)

	if status, _ := s.Request(t, old, http.MethodPost, "auth/token/revoke-self", ""); status != http.StatusNoContent {
		t.Fatalf("revoke-self: HTTP %d", status)
	}
	_, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{item})
	wantIs(t, "Unwrap with a dead token", err, kms.ErrDenied)
	writeFile(t, path, s.Token(t, transittest.RoleExchange))
	wantOpens(t, c, kms.CardLive, item, dek)
}

// TestRenewal: a role with a two-second token stays logged in across its
// max_ttl, by renewing first and by a new login at the end.
func TestRenewal(t *testing.T) {
	s := transittest.Start(t)
	mustRoot(t, s, http.MethodPost, "auth/approle/role/panvault-exchange", `{"token_ttl":"2s","token_max_ttl":"5s"}`)
	c := asRole(t, s, transittest.RoleExchange)
	dek, item := wrapOne(t, c, kms.CardLive)
	for end := time.Now().Add(7 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		wantOpens(t, c, kms.CardLive, item, dek)
	}
	if !strings.Contains(string(s.Audit(t)), `"path":"auth/token/renew-self"`) {
		t.Error("the token was never renewed")
	}
	if got := logins(t, s); got < 2 {
		t.Errorf("%d logins, want a new one at max_ttl", got)
	}
}

// TestWrappedSecretID: the wrapping token is used once, the secret_id in it
// serves later logins too, and a foreign wrapping token is refused.
func TestWrappedSecretID(t *testing.T) {
	s := transittest.Start(t)
	role, wrapped := s.WrappedAppRoleFiles(t, transittest.RoleExchange)
	cfg := transit.Config{Address: s.Address, AppRole: transit.AppRole{RoleIDFile: role, SecretIDFile: wrapped, Wrapped: true}}
	c := open(t, cfg)
	dek, item := wrapOne(t, c, kms.CardLive)
	mustRoot(t, s, http.MethodPost, "sys/leases/revoke-prefix/auth/approle/login", "")
	wantOpens(t, c, kms.CardLive, item, dek)

	_, err := transit.New(t.Context(), cfg, nil)
	wantIs(t, "New with a used wrapping token", err, kms.ErrDenied)
	writeFile(t, wrapped, s.Login(t, transittest.RoleExchange))
	_, err = transit.New(t.Context(), cfg, nil)
	wantIs(t, "New with a token that wraps nothing", err, kms.ErrDenied)
}

func TestWrongSecretID(t *testing.T) {
	s := transittest.Shared(t)
	role, id := s.AppRoleFiles(t, transittest.RoleIntake)
	writeFile(t, id, "not-a-secret-id")
	_, err := transit.New(t.Context(), transit.Config{Address: s.Address, AppRole: transit.AppRole{RoleIDFile: role, SecretIDFile: id}}, nil)
	wantIs(t, "New with a wrong secret_id", err, kms.ErrDenied)
	if strings.Contains(err.Error(), "not-a-secret-id") {
		t.Errorf("error %q shows the secret_id", err)
	}
}

// logins counts the AppRole logins in the audit file.
func logins(t *testing.T, s *transittest.Server) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(string(s.Audit(t))) {
		if strings.Contains(line, `"path":"auth/approle/login"`) && strings.Contains(line, `"type":"response"`) {
			n++
		}
	}
	return n
}
