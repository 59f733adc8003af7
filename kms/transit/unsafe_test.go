package transit_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
	"github.com/panvault/panvault/kms/transit/transittest"
)

// TestDescribeNamesWhatIsUnsafe makes a key of each bad kind under a prefix of
// its own, as a careless operator would.
func TestDescribeNamesWhatIsUnsafe(t *testing.T) {
	s := transittest.Shared(t)
	for _, tt := range []struct{ name, create, config, want string }{
		{"plain", `{}`, "", "not derived"},
		{"exportable", `{"derived":true,"exportable":true}`, "", "exportable"},
		{"backup", `{"derived":true,"allow_plaintext_backup":true}`, "", "plaintext backup"},
		{"deletable", `{"derived":true}`, `{"deletion_allowed":true}`, "deletion"},
		{"chacha", `{"derived":true,"type":"chacha20-poly1305"}`, "", "type"},
		{"small", `{"derived":true,"type":"aes128-gcm96"}`, "", "type"},
		{"rsa", `{"type":"rsa-2048"}`, "", "type"},
		{"signing", `{"type":"ed25519","derived":true}`, "", "type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, prefix := ownKeys(t, s)
			path := "transit/keys/" + prefix + "card-live"
			mustRoot(t, s, http.MethodPost, path, tt.create)
			if tt.config != "" {
				mustRoot(t, s, http.MethodPost, path+"/config", tt.config)
			}
			d, err := c.Describe(t.Context(), kms.CardLive)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(d.Unsafe, "; "); !strings.Contains(got, tt.want) || d.Name != prefix+"card-live" {
				t.Errorf("Describe = %q unsafe %q, want one about %q", d.Name, got, tt.want)
			}
		})
	}
}

func TestDescribeVersionsAndFloors(t *testing.T) {
	s := transittest.Shared(t)
	c, prefix := ownKeys(t, s)
	path := "transit/keys/" + prefix + "card-test"
	mustRoot(t, s, http.MethodPost, path, `{"derived":true}`)
	mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	mustRoot(t, s, http.MethodPost, path+"/rotate", "")
	mustRoot(t, s, http.MethodPost, path+"/config", `{"min_decryption_version":2,"min_encryption_version":3}`)
	d, err := c.Describe(t.Context(), kms.CardTest)
	if err != nil {
		t.Fatal(err)
	}
	if d.Latest != 3 || d.MinDecrypt != 2 || d.MinEncrypt != 3 || len(d.Created) != 2 || len(d.Unsafe) != 0 {
		t.Errorf("Describe = %+v, want latest 3, floors 2 and 3, two versions, safe", d)
	}
}

// TestMissing: neither a key nor a mount that is not there is created by use,
// and both are told apart from a denial.
func TestMissing(t *testing.T) {
	s := transittest.Shared(t)
	for name, cfg := range map[string]transit.Config{
		"key":   {Prefix: "absent-"},
		"mount": {Mount: "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Address, cfg.TokenFile = s.Address, tokenFile(t, s.RootToken)
			c := open(t, cfg)
			_, err := c.Describe(t.Context(), kms.CardLive)
			wantIs(t, "Describe", err, kms.ErrKeyMissing)
			_, err = c.Wrap(t.Context(), kms.CardLive, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
			wantIs(t, "Wrap", err, kms.ErrKeyMissing)
			_, item := wrapOne(t, withToken(t, s, s.RootToken), kms.CardLive)
			_, err = c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{item})
			wantIs(t, "Unwrap", err, kms.ErrKeyMissing)
		})
	}
}

// TestMissingKeyByPolicy: with "update" but not "create" Vault answers 403 to
// an encrypt under a key that is not there.
func TestMissingKeyByPolicy(t *testing.T) {
	s := transittest.Start(t)
	c := asRole(t, s, transittest.RoleIntake)
	mustRoot(t, s, http.MethodPost, "transit/keys/panvault-card-live/config", `{"deletion_allowed":true}`)
	mustRoot(t, s, http.MethodDelete, "transit/keys/panvault-card-live", "")
	_, err := c.Wrap(t.Context(), kms.CardLive, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
	wantIs(t, "Wrap under a deleted key", err, kms.ErrKeyMissing)
}

func mustRoot(t testing.TB, s *transittest.Server, method, path, body string) []byte {
	t.Helper()
	status, got := s.RootRequest(t, method, path, body)
	if status != http.StatusOK && status != http.StatusNoContent {
		t.Fatalf("%s %s: HTTP %d: %s", method, path, status, got)
	}
	return got
}
