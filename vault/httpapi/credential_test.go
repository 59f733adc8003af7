package httpapi_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
)

func unpadded(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }

func TestCredentialForms(t *testing.T) {
	w := newWire(t, config{})
	key := w.public
	good := map[string]string{
		"colon":             basic(key + ":"),
		"no colon":          basic(key),
		"password":          basic(key + ":x"),
		"password of some":  basic(key + ":a:b"),
		"lower-case scheme": "basic " + base64.StdEncoding.EncodeToString([]byte(key+":")),
		"upper-case scheme": "BASIC " + base64.StdEncoding.EncodeToString([]byte(key+":")),
		"no padding":        "Basic " + unpadded(key+":x"),
		"no padding, bare":  "Basic " + unpadded(key),
		"two spaces":        "Basic  " + base64.StdEncoding.EncodeToString([]byte(key)),
	}
	for name, auth := range good {
		a := w.post(t, cardJSON(nil), func(r *request) { r.auth = auth })
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	bad := map[string]string{
		"none":             "",
		"scheme only":      "Basic",
		"scheme and space": "Basic ",
		"empty":            basic(""),
		"colon only":       basic(":"),
		"password only":    basic(":" + key),
		"not base64":       "Basic pkey!!",
		"raw key":          "Basic " + key,
		"key without one":  key,
		"bearer":           "Bearer " + key,
		"digest":           "Digest username=x",
		"upper-case key":   basic(strings.ToUpper(key) + ":"),
		"key with space":   basic(" " + key + ":"),
		"key cut":          basic(key[:len(key)-1] + ":"),
		"key longer":       basic(key + "0:"),
		"unknown":          basic("pkey_test_0000000000000000000:"),
		"long":             basic("pkey_test_" + strings.Repeat("0", 3000)),
		"binary":           basic("\x00\xff\xfe"),
		"two keys":         basic(key + "," + key),
	}
	for name, auth := range bad {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/tokens", "/tokens/tokn_test_1", "/customers", "/"} {
				a := w.get(t, path, func(r *request) { r.auth = auth })
				a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			}
			a := w.post(t, cardJSON(nil), func(r *request) { r.auth = auth })
			a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
		})
	}
}

// A key of the wrong kind is refused before anything else of the request is
// looked at: it learns nothing about routes, ids or parameters.
func TestKeyKindsComeFirst(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	_, operator, err := w.CreateAPIKey(t.Context(), w.Operator, vault.NewAPIKey{Kind: policy.Operator, Label: "another"})
	if err != nil {
		t.Fatal(err)
	}
	for kind, key := range map[string]string{"secret": w.secret, "operator": operator.Reveal()} {
		t.Run(kind, func(t *testing.T) {
			for _, body := range []string{cardJSON(nil), `{}`, `{"card":{}}`, `not json`, strings.Repeat("x", 70<<10)} {
				w.post(t, body, as(key)).want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			}
			a := w.post(t, "", as(key), func(r *request) { r.path = "/tokens?card[number]=1" })
			a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			for _, path := range []string{"/tokens/" + id, "/tokens/tokn_test_absent", "/tokens/4242424242424242"} {
				w.get(t, path, as(key)).want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			}
			// Any valid key learns that a route does not exist.
			w.get(t, "/definitely_never_found", as(key)).want(t, http.StatusNotFound, "not_found", unknownRoute)
		})
	}
	w.get(t, "/definitely_never_found").want(t, http.StatusNotFound, "not_found", unknownRoute)
}

func TestRevokedAndDisabled(t *testing.T) {
	w := newWire(t, config{})
	keys, err := w.APIKeys(t.Context(), w.Operator, w.merchant)
	if err != nil {
		t.Fatal(err)
	}
	other := w.key(t, policy.Public, false)
	for _, key := range keys {
		if _, err := w.RevokeAPIKey(t.Context(), w.Operator, key.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.post(t, cardJSON(nil)).want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
	if a := w.post(t, cardJSON(nil), as(other)); a.status != http.StatusOK {
		t.Fatalf("another key: %d %s", a.status, a.raw)
	}
	if _, err := w.SetMerchantDisabled(t.Context(), w.Operator, w.merchant, true); err != nil {
		t.Fatal(err)
	}
	w.post(t, cardJSON(nil), as(other)).want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
}

// WWW-Authenticate makes browsers ask for a password, so only the tier of
// merchants' servers sends it.
func TestWWWAuthenticate(t *testing.T) {
	const prompt = `Basic realm="panvault"`
	tests := []struct {
		name  string
		tiers []httpapi.Tier
		path  string
		want  string
	}{
		{"public, token", []httpapi.Tier{httpapi.Public}, "/tokens", ""},
		{"public, unknown", []httpapi.Tier{httpapi.Public}, "/nothing", ""},
		{"private, token", []httpapi.Tier{httpapi.Private}, "/tokens", prompt},
		{"private, unknown", []httpapi.Tier{httpapi.Private}, "/nothing", prompt},
		{"both, token", nil, "/tokens", ""},
		{"both, unknown", nil, "/nothing", prompt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t, config{tiers: tt.tiers})
			a := w.post(t, cardJSON(nil), func(r *request) { r.path, r.auth = tt.path, "" })
			a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			if got := a.header.Get("WWW-Authenticate"); got != tt.want {
				t.Errorf("WWW-Authenticate %q, want %q", got, tt.want)
			}
		})
	}
}

// The private tier alone serves no tokens.
func TestTiersAreApart(t *testing.T) {
	w := newWire(t, config{tiers: []httpapi.Tier{httpapi.Private}})
	w.post(t, cardJSON(nil)).want(t, http.StatusNotFound, "not_found", unknownRoute)
}
