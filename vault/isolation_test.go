package vault_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"

	_ "modernc.org/sqlite" // the thief's connection
)

// rowCounts counts what operations make: merchants, keys, cards, fingerprints.
func rowCounts(t *testing.T, v *vaulttest.Vault) []int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+v.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out []int
	for _, table := range []string{"merchants", "api_keys", "cards", "fingerprints", "working_keys"} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// TestAbsentAndForbiddenLookTheSame: invariants 6 and 7.
func TestAbsentAndForbiddenLookTheSame(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock = clock.Now })
	a, b := v.Merchant(t, vault.MerchantSettings{}), v.Merchant(t, vault.MerchantSettings{})
	test, live, other := v.Caller(t, a, policy.Public, false), v.Caller(t, a, policy.Public, true), v.Caller(t, b, policy.Public, false)
	token := tokenize(t, v, test, "4242424242424242", "ONE")
	record := strings.TrimPrefix(token.ID, "tokn_test_")
	for name, c := range map[string]struct {
		caller vault.Caller
		id     string
	}{
		"absent":                  {test, "tokn_test_" + strings.Repeat("0", 24)},
		"another merchant's":      {other, token.ID},
		"another mode's":          {live, token.ID},
		"live spelling of test":   {live, "tokn_" + record},
		"live spelling, own mode": {test, "tokn_" + record},
		"the card's id":           {test, "card_test_" + record},
		"malformed":               {test, "tokn_test_" + record + "x"},
		"empty":                   {test, ""},
	} {
		got, err := v.Token(t.Context(), c.caller, c.id)
		if e, ok := err.(*vault.Error); !ok || e.Code != vault.NotFound || e.Object != "token" || e.ID != c.id || e.Cause != nil {
			t.Errorf("%s: %v, %v; want token not found", name, got, err)
		}
	}
	clock.Advance(30*time.Minute - time.Microsecond)
	if _, err := v.Token(t.Context(), test, token.ID); err != nil {
		t.Errorf("just before it lapses: %v", err)
	}
	clock.Advance(time.Microsecond)
	if _, err := v.Token(t.Context(), test, token.ID); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("lapsed: %v, want not found", err)
	}
}

func TestTokenTTLOfTheMerchant(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) { o.Clock = clock.Now })
	c := v.Caller(t, v.Merchant(t, vault.MerchantSettings{TokenTTL: time.Minute}), policy.Public, false)
	token := tokenize(t, v, c, "4242424242424242", "ONE")
	clock.Advance(time.Minute)
	if _, err := v.Token(t.Context(), c, token.ID); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("after the merchant's minute: %v, want not found", err)
	}
}
