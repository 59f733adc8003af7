package transit_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms/transit/transittest"
)

// The probes pin what Vault does today and what this package is built around.
// One that fails is news: Vault has changed, and a rule of ours with it.

// probe is a transit key of its own and raw requests to it.
type probe struct {
	t    *testing.T
	s    *transittest.Server
	name string
}

func newProbe(t *testing.T, create string) probe {
	p := probe{t, transittest.Shared(t), "probe-" + rand.Text()}
	p.post("keys/"+p.name, create)
	return p
}

// try posts to the transit mount and returns the status, the data, and the
// text of every error.
func (p probe) try(path, body string) (int, map[string]any, string) {
	p.t.Helper()
	status, raw := p.s.RootRequest(p.t, http.MethodPost, "transit/"+path, body)
	var got struct {
		Data map[string]any `json:"data"`
	}
	_ = json.Unmarshal(raw, &got)
	return status, got.Data, string(raw)
}

func (p probe) post(path, body string) map[string]any {
	p.t.Helper()
	status, data, text := p.try(path, body)
	if status != http.StatusOK && status != http.StatusNoContent {
		p.t.Fatalf("POST %s: HTTP %d: %s", path, status, text)
	}
	return data
}

func (p probe) str(path, body, field string) string {
	p.t.Helper()
	v, _ := p.post(path, body)[field].(string)
	return v
}

func (p probe) versions() map[string]any {
	p.t.Helper()
	var got struct {
		Data struct {
			Keys map[string]any `json:"keys"`
		} `json:"data"`
	}
	if err := json.Unmarshal(mustRoot(p.t, p.s, http.MethodGet, "transit/keys/"+p.name, ""), &got); err != nil {
		p.t.Fatal(err)
	}
	return got.Data.Keys
}

// Finding 1: rewrap ignores associated_data, so what was wrapped with it can
// never be rewrapped. Hence the derivation context.
func TestProbeRewrapIgnoresAAD(t *testing.T) {
	p := newProbe(t, `{}`)
	c := p.str("encrypt/"+p.name, `{"plaintext":"aGVsbG8=","associated_data":"YWFk"}`, "ciphertext")
	status, _, text := p.try("rewrap/"+p.name, `{"ciphertext":"`+c+`","associated_data":"YWFk"}`)
	if status != http.StatusBadRequest || !strings.Contains(text, "message authentication failed") {
		t.Errorf("rewrap with AAD: HTTP %d %s, want 400 message authentication failed", status, text)
	}
}

// Finding 2: datakey ignores associated_data too.
func TestProbeDatakeyIgnoresAAD(t *testing.T) {
	p := newProbe(t, `{}`)
	c := p.str("datakey/wrapped/"+p.name, `{"associated_data":"YWFk"}`, "ciphertext")
	if status, _, text := p.try("decrypt/"+p.name, `{"ciphertext":"`+c+`"}`); status != http.StatusOK {
		t.Errorf("decrypt without AAD: HTTP %d %s, want 200", status, text)
	}
	if status, _, _ := p.try("decrypt/"+p.name, `{"ciphertext":"`+c+`","associated_data":"YWFk"}`); status != http.StatusBadRequest {
		t.Errorf("decrypt with AAD: HTTP %d, want 400", status)
	}
}

// Finding 3: rewrap does honour the context of a derived key.
func TestProbeRewrapKeepsContext(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	c := p.str("encrypt/"+p.name, `{"plaintext":"aGVsbG8=","context":"Y3R4"}`, "ciphertext")
	p.post("keys/"+p.name+"/rotate", "")
	c = p.str("rewrap/"+p.name, `{"ciphertext":"`+c+`","context":"Y3R4"}`, "ciphertext")
	if got := p.str("decrypt/"+p.name, `{"ciphertext":"`+c+`","context":"Y3R4"}`, "plaintext"); !strings.HasPrefix(c, "vault:v2:") || got != "aGVsbG8=" {
		t.Errorf("rewrapped %.9s opens to %q", c, got)
	}
	if status, _, _ := p.try("rewrap/"+p.name, `{"ciphertext":"`+c+`","context":"b3RoZXI="}`); status != http.StatusBadRequest {
		t.Errorf("rewrap under another context: HTTP %d, want 400", status)
	}
}

// Finding 4: min_encryption_version 0 is not "latest only"; an old version can
// be asked for until the floor is raised.
func TestProbeOldVersionEncrypts(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	p.post("keys/"+p.name+"/rotate", "")
	body := `{"plaintext":"aGVsbG8=","context":"Y3R4","key_version":1}`
	c := p.str("encrypt/"+p.name, body, "ciphertext")
	if !strings.HasPrefix(c, "vault:v1:") {
		t.Errorf("encrypt with key_version 1 gave %.9s, want v1", c)
	}
	latest := p.str("rewrap/"+p.name, `{"ciphertext":"`+c+`","context":"Y3R4"}`, "ciphertext")
	if down := p.str("rewrap/"+p.name, `{"ciphertext":"`+latest+`","context":"Y3R4","key_version":1}`, "ciphertext"); !strings.HasPrefix(down, "vault:v1:") {
		t.Errorf("rewrap with key_version 1 gave %.9s, want a downgrade to v1", down)
	}
	p.post("keys/"+p.name+"/config", `{"min_encryption_version":2}`)
	if status, _, _ := p.try("encrypt/"+p.name, body); status != http.StatusBadRequest {
		t.Errorf("encrypt below the floor: HTTP %d, want 400", status)
	}
}

// Finding 5: rewrap at the latest version is not a no-op.
func TestProbeRewrapAlwaysChanges(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	c := p.str("encrypt/"+p.name, `{"plaintext":"aGVsbG8=","context":"Y3R4"}`, "ciphertext")
	if again := p.str("rewrap/"+p.name, `{"ciphertext":"`+c+`","context":"Y3R4"}`, "ciphertext"); again == c {
		t.Error("rewrap at the latest version returned the same bytes")
	}
}

// Finding 6: raising min_decryption_version forgets when old versions began.
func TestProbeFloorForgetsTimes(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	p.post("keys/"+p.name+"/rotate", "")
	if got := p.versions(); len(got) != 2 {
		t.Errorf("versions %v, want two", got)
	}
	p.post("keys/"+p.name+"/config", `{"min_decryption_version":2}`)
	if got := p.versions(); len(got) != 1 || got["1"] != nil {
		t.Errorf("versions %v above the floor, want the second only", got)
	}
}

// Finding 7: a key that was deleted and made again starts at version 1, and
// old ciphertexts fail: a name is not an identity.
func TestProbeRecreatedKey(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	c := p.str("encrypt/"+p.name, `{"plaintext":"aGVsbG8=","context":"Y3R4"}`, "ciphertext")
	p.post("keys/"+p.name+"/config", `{"deletion_allowed":true}`)
	mustRoot(t, p.s, http.MethodDelete, "transit/keys/"+p.name, "")
	p.post("keys/"+p.name, `{"derived":true}`)
	status, _, text := p.try("decrypt/"+p.name, `{"ciphertext":"`+c+`","context":"Y3R4"}`)
	if status != http.StatusBadRequest || !strings.Contains(text, "message authentication failed") || len(p.versions()) != 1 {
		t.Errorf("old ciphertext under the new key: HTTP %d %s", status, text)
	}
}

// Finding 8: a batch that fails altogether is a 400 with results in the body,
// also where 200 was asked for; one that fails in part is what was asked for.
func TestProbeBatchStatus(t *testing.T) {
	p := newProbe(t, `{"derived":true}`)
	good := `{"ciphertext":"` + p.str("encrypt/"+p.name, `{"plaintext":"aGVsbG8=","context":"Y3R4"}`, "ciphertext") + `","context":"Y3R4"}`
	bad := strings.Replace(good, "Y3R4", "b3RoZXI=", 1)
	for _, tt := range []struct {
		head, items string
		want        int
	}{
		{"", good + "," + bad, http.StatusBadRequest},
		{`"partial_failure_response_code":200,`, good + "," + bad, http.StatusOK},
		{`"partial_failure_response_code":200,`, bad + "," + bad, http.StatusBadRequest},
	} {
		status, data, text := p.try("decrypt/"+p.name, `{`+tt.head+`"batch_input":[`+tt.items+`]}`)
		if results, _ := data["batch_results"].([]any); status != tt.want || len(results) != 2 {
			t.Errorf("batch: HTTP %d with %d results, want %d with 2: %s", status, len(results), tt.want, text)
		}
	}
}
