package vault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/vaulttest"
)

func TestAPIKeyShapes(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	for _, c := range []struct {
		kind policy.Kind
		live bool
		want string
	}{
		{policy.Public, false, `^pkey_test_[0-9a-z]{19}$`},
		{policy.Public, true, `^pkey_[0-9a-z]{19}$`},
		{policy.Secret, false, `^skey_test_[0-9a-z]{19}$`},
		{policy.Secret, true, `^skey_[0-9a-z]{19}$`},
	} {
		secret := v.Key(t, merchant, c.kind, c.live)
		if !regexp.MustCompile(c.want).MatchString(secret.Reveal()) {
			t.Errorf("%s live=%v is not of the shape %s", c.kind, c.live, c.want)
		}
		caller := v.Login(t, secret)
		if caller.Kind != c.kind || caller.Live != c.live || caller.Merchant != merchant {
			t.Errorf("%s live=%v authenticates as %s live=%v of %s", c.kind, c.live, caller.Kind, caller.Live, caller.Merchant)
		}
	}
}

func TestAPISecretRedacts(t *testing.T) {
	const text = "skey_test_thesecretpartofit00"
	secret := vault.NewAPISecret(text)
	hidden := struct {
		secret vault.APISecret
		Public vault.APISecret
	}{secret, secret}
	var printed []string
	for _, verb := range strings.Split("v +v #v s q x X d c U t p T", " ") {
		for _, value := range []any{secret, &secret, hidden, &hidden, []any{secret}, map[string]any{"k": secret}} {
			printed = append(printed, fmt.Sprintf("%"+verb, value))
		}
	}
	b, err := json.Marshal(hidden)
	if err != nil {
		t.Fatal(err)
	}
	printed = append(printed, string(b), secret.LogValue().String())
	for _, p := range printed {
		if strings.Contains(p, "thesecret") || strings.Contains(p, "746865736563726574") {
			t.Errorf("printed: %s", p)
		}
	}
	if secret.Reveal() != text {
		t.Error("Reveal does not return the secret")
	}
}

func TestRevokeAndDisable(t *testing.T) {
	v := vaulttest.New(t, nil)
	ctx := t.Context()
	merchant := v.Merchant(t, vault.MerchantSettings{})
	secret := v.Key(t, merchant, policy.Public, false)
	key := v.Login(t, secret).Key
	login := func() error {
		_, err := v.Authenticate(ctx, secret.Reveal(), vault.Origin{IP: "192.0.2.9"})
		return err
	}
	for range 2 { // twice changes nothing
		if _, err := v.SetMerchantDisabled(ctx, v.Operator, merchant, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := login(); vault.CodeOf(err) != vault.Unauthenticated {
		t.Errorf("merchant disabled: %v, want unauthenticated", err)
	}
	if _, err := v.SetMerchantDisabled(ctx, v.Operator, merchant, false); err != nil {
		t.Fatal(err)
	}
	if err := login(); err != nil {
		t.Errorf("merchant enabled again: %v", err)
	}
	for range 2 {
		if _, err := v.RevokeAPIKey(ctx, v.Operator, key); err != nil {
			t.Fatal(err)
		}
	}
	if err := login(); vault.CodeOf(err) != vault.Unauthenticated {
		t.Errorf("revoked: %v, want unauthenticated", err)
	}
	for _, want := range []struct {
		kind audit.Type
		n    int
	}{{audit.MerchantDisable, 1}, {audit.MerchantEnable, 1}, {audit.APIKeyRevoke, 1}} {
		if got := len(events(t, v.Store, want.kind)); got != want.n {
			t.Errorf("%d events of %s, want %d", got, want.kind, want.n)
		}
	}
	operator := v.Operator.Key
	if _, err := v.RevokeAPIKey(ctx, v.Operator, operator); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("revoking the last operator: %v, want conflict", err)
	}
	if _, err := v.RevokeAPIKey(ctx, v.Operator, "akey_nobody"); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("revoking nothing: %v, want not found", err)
	}
}

func TestOnlyOperatorsAdminister(t *testing.T) {
	v := vaulttest.New(t, nil)
	ctx := t.Context()
	merchant := v.Merchant(t, vault.MerchantSettings{})
	for _, kind := range []policy.Kind{policy.Public, policy.Secret} {
		c := v.Caller(t, merchant, kind, true)
		for name, do := range map[string]func() error{
			"create merchant": func() error { _, err := v.CreateMerchant(ctx, c, vault.MerchantSettings{Name: "X"}); return err },
			"list merchants":  func() error { _, err := v.Merchants(ctx, c); return err },
			"show merchant":   func() error { _, err := v.Service.Merchant(ctx, c, merchant); return err },
			"disable":         func() error { _, err := v.SetMerchantDisabled(ctx, c, merchant, true); return err },
			"create key": func() error {
				_, _, err := v.CreateAPIKey(ctx, c, vault.NewAPIKey{Merchant: merchant, Kind: policy.Secret, Live: true})
				return err
			},
			"list keys":  func() error { _, err := v.APIKeys(ctx, c, merchant); return err },
			"revoke key": func() error { _, err := v.RevokeAPIKey(ctx, c, c.Key); return err },
		} {
			if err := do(); vault.CodeOf(err) != vault.Unauthenticated || err == nil {
				t.Errorf("%s with a %s key: %v, want unauthenticated", name, kind, err)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	v := vaulttest.New(t, nil)
	ctx := t.Context()
	for name, settings := range map[string]vault.MerchantSettings{
		"no name":       {},
		"long name":     {Name: strings.Repeat("é", 256)},
		"control":       {Name: "a\nb"},
		"card number":   {Name: "shop 4242 4242 4242 4242"},
		"short ttl":     {Name: "x", TokenTTL: time.Second},
		"long ttl":      {Name: "x", TokenTTL: 25 * time.Hour},
		"invalid UTF-8": {Name: "a\xff"},
	} {
		if _, err := v.CreateMerchant(ctx, v.Operator, settings); vault.CodeOf(err) != vault.BadRequest || err == nil {
			t.Errorf("%s: %v, want bad request", name, err)
		}
	}
	merchant := v.Merchant(t, vault.MerchantSettings{})
	for name, in := range map[string]vault.NewAPIKey{
		"no kind":               {Merchant: merchant},
		"operator of merchant":  {Merchant: merchant, Kind: policy.Operator, Label: "x"},
		"operator without name": {Kind: policy.Operator},
		"card number in label":  {Merchant: merchant, Kind: policy.Public, Label: "4242424242424242"},
	} {
		if _, _, err := v.CreateAPIKey(ctx, v.Operator, in); vault.CodeOf(err) != vault.BadRequest || err == nil {
			t.Errorf("%s: %v, want bad request", name, err)
		}
	}
	if _, _, err := v.CreateAPIKey(ctx, v.Operator, vault.NewAPIKey{Merchant: "mrch_none", Kind: policy.Public}); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("key of no merchant: %v, want not found", err)
	}
}

// TestRefusalsAreRecordedTogether: a flood of bad keys costs one record a
// second for each address and reason.
func TestRefusalsAreRecordedTogether(t *testing.T) {
	v := vaulttest.New(t, nil)
	for i := range 500 {
		for _, secret := range []string{"", "garbage", "pkey_test_" + fmt.Sprintf("%019d", i)} {
			if _, err := v.Authenticate(t.Context(), secret, vault.Origin{IP: "192.0.2.7"}); vault.CodeOf(err) != vault.Unauthenticated || err == nil {
				t.Fatalf("%v, want unauthenticated", err)
			}
		}
	}
	v.Close(context.Background()) // flushes; the test's own Close comes again
	total := 0
	got := events(t, v.Store, audit.AuthDenied)
	for _, e := range got {
		var n int
		if _, err := fmt.Sscan(e.Details["count"], &n); err != nil || e.Origin.IP != "192.0.2.7" || e.Outcome != audit.Denied {
			t.Errorf("record %+v (%v)", e, err)
		}
		total += n
	}
	if total != 1500 || len(got) > 20 {
		t.Errorf("%d refusals in %d records, want 1500 in a few", total, len(got))
	}
}

func TestLastUsed(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	v.Caller(t, merchant, policy.Public, false)
	deadline := time.Now().Add(10 * time.Second)
	for {
		keys, err := v.APIKeys(t.Context(), v.Operator, merchant)
		if err != nil {
			t.Fatal(err)
		}
		if !keys[0].LastUsed.IsZero() {
			if keys[0].LastUsed.Second() != 0 {
				t.Errorf("last used %v is finer than a minute", keys[0].LastUsed)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the last use was never written")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
