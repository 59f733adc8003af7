package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms/transit/transittest"
	"github.com/panvault/panvault/vault/envelope"
)

// installOnVault prepares a vault on a real HashiCorp Vault as
// deploy/vault/README.md says: init and the servers each with a role of their
// own. The main configuration has the exchange role.
func installOnVault(t testing.TB, v *transittest.Server, settings ...any) *installation {
	t.Helper()
	in := configure(t, t.TempDir(), append(roleSettings(t, v, transittest.RoleExchange), settings...)...)
	in.prepare(in.configFile("init.yaml", append(roleSettings(t, v, transittest.RoleInit), settings...)...))
	return in
}

func roleSettings(t testing.TB, v *transittest.Server, role string) []any {
	t.Helper()
	roleID, secretID := v.AppRoleFiles(t, role)
	return loginSettings(v, roleID, secretID)
}

func loginSettings(v *transittest.Server, roleID, secretID string) []any {
	return []any{
		"kms.backend", "transit", "kms.transit.address", v.Address,
		"kms.transit.approle.role_id_file", roleID, "kms.transit.approle.secret_id_file", secretID,
	}
}

// TestVaultRoles runs a server with each role's rights on one store.
func TestVaultRoles(t *testing.T) {
	t.Parallel()
	v := transittest.Shared(t)
	in := installOnVault(t, v)
	exchange := in.serve(in.config)
	roleID, wrappedID := v.WrappedAppRoleFiles(t, transittest.RoleIntake) // bootstrap.sh with WRAP_TTL
	intake := in.serve(in.configFile("intake.yaml", append(loginSettings(v, roleID, wrappedID), "kms.transit.approle.wrapped", true)...), "--tier", "intake")
	for range 20 {
		for _, s := range []*server{exchange, intake} {
			card := drawCard()
			token := s.create(card)
			exchange.checkToken(token, card)
			intake.checkToken(token, card)
		}
	}
	exchange.Stop()
	intake.Stop()

	data := filepath.Join(in.dir, "data")
	for _, wrapped := range column(t, data, `SELECT wrapped_dek FROM cards UNION ALL SELECT wrapped FROM working_keys`) {
		if !strings.HasPrefix(wrapped, "vault:v1:") {
			t.Errorf("a wrapped key starts with %.12q, want vault:v1:", wrapped)
		}
	}
	for _, tt := range []struct {
		role string
		want int
	}{{transittest.RoleIntake, 403}, {transittest.RoleInit, 403}, {transittest.RoleExchange, 200}} {
		if got, _ := unwrapStored(t, v, v.Login(t, tt.role), data); got != tt.want {
			t.Errorf("%s unwraps a stored data key: HTTP %d, want %d", tt.role, got, tt.want)
		}
	}
}

// unwrapStored asks Vault for the data key of a stored card, exactly as a
// process that may would, and returns status and key.
func unwrapStored(t *testing.T, v *transittest.Server, token, data string) (status int, dek []byte) {
	t.Helper()
	record := column(t, data, `SELECT id FROM cards LIMIT 1`)[0]
	wrapped := column(t, data, `SELECT wrapped_dek FROM cards WHERE id = ?`, record)[0]
	body, err := json.Marshal(map[string]any{"batch_input": []any{map[string]string{
		"ciphertext": wrapped,
		"context":    base64.StdEncoding.EncodeToString(envelope.DataKeyContext(envelope.ModeTest, record)),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := v.Request(t, token, http.MethodPost, "transit/decrypt/panvault-card-test", string(body))
	if status != http.StatusOK {
		return status, nil
	}
	var got struct {
		Data struct {
			Results []struct{ Plaintext []byte } `json:"batch_results"`
		}
	}
	if err := json.Unmarshal(answer, &got); err != nil || len(got.Data.Results) != 1 || len(got.Data.Results[0].Plaintext) != 32 {
		t.Fatalf("Vault's answer has no data key: %v", err)
	}
	return status, got.Data.Results[0].Plaintext
}

// TestDoctorOnVault: good, then with a key that could leave Vault.
func TestDoctorOnVault(t *testing.T) {
	t.Parallel()
	v := transittest.Shared(t)
	prefix := "doctor-" + rand.Text() + "-"
	for _, key := range []string{"card-live", "card-test", "work"} {
		if status, body := v.RootRequest(t, http.MethodPost, "transit/keys/"+prefix+key, `{"derived":true}`); status != http.StatusOK {
			t.Fatalf("create key: %d %s", status, body)
		}
	}
	dir := t.TempDir()
	saveFile(t, filepath.Join(dir, "token"), v.RootToken)
	in := configure(t, dir, "kms.backend", "transit", "kms.transit.address", v.Address,
		"kms.transit.prefix", prefix, "kms.transit.token_file", filepath.Join(dir, "token"))
	in.prepare(in.config)
	out, _ := command(t, 0, "doctor", "--config", in.config)
	for _, want := range []string{"ok       kms            transit, answers", "ok       key card-test  " + prefix + "card-test, version 1 of ", "ok       working keys   all unwrap"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, statusFailed) {
		t.Errorf("doctor finds something:\n%s", out)
	}

	if status, body := v.RootRequest(t, http.MethodPost, "transit/keys/"+prefix+"card-test/config", `{"exportable":true}`); status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("make the key exportable: %d %s", status, body)
	}
	out, _ = command(t, 1, "doctor", "--config", in.config)
	for _, want := range []string{"failed   key card-test  " + prefix + "card-test is not safe: ", "exportable", "try: deploy/vault/README.md", "ok       key card-live"} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor lacks %q:\n%s", want, out)
		}
	}
	if _, errs := command(t, 1, "serve", "--config", in.config); !strings.Contains(errs, "exportable") || !strings.Contains(errs, "try: deploy/vault/README.md") {
		t.Errorf("serve with an exportable key says %s", errs)
	}
}
