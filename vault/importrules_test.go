package vault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// TestImportIntoADisabledMerchant: whose keys are stopped gets no cards.
func TestImportIntoADisabledMerchant(t *testing.T) {
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	if _, err := v.SetMerchantDisabled(t.Context(), v.Operator, merchant, true); err != nil {
		t.Fatal(err)
	}
	if _, err := v.StartImport(t.Context(), v.Operator, source(merchant, false)); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("got %v, want conflict", err)
	}
	if _, err := v.SetMerchantDisabled(t.Context(), v.Operator, merchant, false); err != nil {
		t.Fatal(err)
	}
	begin(t, v.Service, v.Operator, source(merchant, false))
}

// TestImportOfWhatIsPastRetention: what the next sweep would destroy is not
// taken, so that the map names no card that is gone.
func TestImportOfWhatIsPastRetention(t *testing.T) {
	clock := vaulttest.NewClock()
	v := vaulttest.New(t, func(o *vault.Options) {
		o.Clock, o.Retention = clock.Now, vault.Retention{AfterExpiry: 40}
	})
	from := source(v.Merchant(t, vault.MerchantSettings{}), false)
	from.AllowExpired = true
	im := begin(t, v.Service, v.Operator, from)
	month := clock.Now()
	for _, tt := range []struct {
		months int // before this one
		taken  bool
	}{{0, true}, {1, true}, {4, false}, {60, false}} {
		in := line("4242424242424242", "")
		then := month.AddDate(0, -tt.months, 1-month.Day())
		in.Card.ExpirationMonth, in.Card.ExpirationYear = fmt.Appendf(nil, "%d", then.Month()), fmt.Appendf(nil, "%d", then.Year())
		_, err := im.Seal(t.Context(), in)
		if tt.taken && err != nil || !tt.taken && (vault.CodeOf(err) != vault.BadRequest || !strings.Contains(err.Error(), "after_expiry_days")) {
			t.Errorf("expired %d months ago: %v, taken should be %v", tt.months, err, tt.taken)
		}
	}
}

// TestCardsOfACustomerAreBounded: all of them are destroyed in one transaction,
// so there is a limit, for tokens and for imports.
func TestCardsOfACustomerAreBounded(t *testing.T) {
	v := vaulttest.New(t, func(o *vault.Options) { o.PoolSize = 2048 })
	merchant := v.Merchant(t, vault.MerchantSettings{})
	im := begin(t, v.Service, v.Operator, source(merchant, false))
	var batch []vault.ImportCard
	for i := range vault.MaxCards {
		batch = append(batch, line(visa(i), "one"))
	}
	im.take(t, batch...)
	if _, err := im.Seal(t.Context(), line(visa(0), "one")); vault.CodeOf(err) != vault.BadRequest || !strings.Contains(err.Error(), "too many cards") {
		t.Errorf("one more by import: %v, want bad request", err)
	}
	im.seal(t, line(visa(0), "another"))
	secret, public := v.Caller(t, merchant, policy.Secret, false), v.Caller(t, merchant, policy.Public, false)
	list, err := v.Customers(t.Context(), secret, vault.Page{})
	if err != nil || len(list.Rows) != 1 || list.Rows[0].Cards.Total != vault.MaxCards {
		t.Fatalf("customers: %+v, %v", list, err)
	}
	token := tokenize(t, v, public, visa(1), "JANE")
	fields := vault.CustomerFields{Token: token.ID}
	if _, err := v.UpdateCustomer(t.Context(), secret, list.Rows[0].ID, fields); vault.CodeOf(err) != vault.BadRequest {
		t.Errorf("one more by token: %v, want bad request", err)
	}
	if _, err := v.CreateCustomer(t.Context(), secret, fields); err != nil {
		t.Errorf("the refusal has used the token: %v", err)
	}
	if _, err := v.DeleteCustomer(t.Context(), secret, list.Rows[0].ID); err != nil {
		t.Errorf("deletion of all: %v", err)
	}
}
