package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/vaulttest"
)

// shop is one merchant with both kinds of key.
type shop struct {
	*vaulttest.Vault
	public, secret vault.Caller
	clock          *vaulttest.Clock
}

func newShop(t testing.TB) *shop { return newShopWith(t, nil) }

// newShopWith edits the options first; Clock is set already.
func newShopWith(t testing.TB, change func(*vault.Options)) *shop {
	t.Helper()
	s := &shop{clock: vaulttest.NewClock()}
	s.Vault = vaulttest.New(t, func(o *vault.Options) {
		o.Clock = s.clock.Now
		if change != nil {
			change(o)
		}
	})
	merchant := s.Merchant(t, vault.MerchantSettings{})
	s.public, s.secret = s.Caller(t, merchant, policy.Public, false), s.Caller(t, merchant, policy.Secret, false)
	return s
}

func (s *shop) token(t testing.TB) string {
	t.Helper()
	s.clock.Advance(time.Millisecond)
	return tokenize(t, s.Vault, s.public, "4242424242424242", "SOMCHAI PRASERT").ID
}

func (s *shop) customer(t testing.TB, in vault.CustomerFields) vault.Customer {
	t.Helper()
	c, err := s.CreateCustomer(t.Context(), s.secret, in)
	if err != nil {
		t.Fatalf("create customer: %v", err)
	}
	return c
}

func TestExchange(t *testing.T) {
	s := newShop(t)
	token := s.token(t)
	c := s.customer(t, vault.CustomerFields{
		Email: []byte("a@example.com"), Description: []byte("first"), Metadata: []byte(`{"tier":"gold"}`), Token: token,
	})
	if len(c.Cards.Rows) != 1 || c.Cards.Total != 1 {
		t.Fatalf("%d cards of %d, want one", len(c.Cards.Rows), c.Cards.Total)
	}
	stored := c.Cards.Rows[0]
	if stored.ID != "card_"+strings.TrimPrefix(token, "tokn_") || stored.Customer != c.ID || c.DefaultCard != stored.ID {
		t.Errorf("card %s of %s, default %s; the card of %s is wanted", stored.ID, stored.Customer, c.DefaultCard, token)
	}
	again, err := s.Service.Customer(t.Context(), s.secret, c.ID)
	if err != nil || again.Email != "a@example.com" || again.Description != "first" || string(again.Metadata) != `{"tier":"gold"}` {
		t.Errorf("customer reads back as %q %q %s (%v)", again.Email, again.Description, again.Metadata, err)
	}
	used, err := s.Token(t.Context(), s.public, token)
	if err != nil || !used.Used || used.Card != nil {
		t.Errorf("used token: used %v, card %v (%v); want used and no card", used.Used, used.Card, err)
	}
	s.clock.Advance(time.Hour) // a used token does not lapse
	if _, err := s.Token(t.Context(), s.public, token); err != nil {
		t.Errorf("used token after its time: %v", err)
	}
	if _, err := s.UpdateCustomer(t.Context(), s.secret, c.ID, vault.CustomerFields{Token: token}); vault.CodeOf(err) != vault.UsedToken {
		t.Errorf("using it again: %v, want used token", err)
	}
	if got := events(t, s.Store, audit.TokenUse); len(got) != 1 || got[0].Object != token || got[0].Details["customer"] != c.ID {
		t.Errorf("audit has %+v, want one use of %s", got, token)
	}
}

// TestExchangeIsAtomic: of 200 simultaneous attempts one gets the card, the
// rest find the token used, and a refused attempt makes nothing.
func TestExchangeIsAtomic(t *testing.T) {
	s := newShop(t)
	token, other := s.token(t), s.customer(t, vault.CustomerFields{})
	const attempts = 200
	var mu sync.Mutex
	outcomes := make(map[vault.Code]int)
	won := ""
	var wg sync.WaitGroup
	for i := range attempts {
		wg.Go(func() {
			var c vault.Customer
			var err error
			if i%2 == 0 {
				c, err = s.CreateCustomer(t.Context(), s.secret, vault.CustomerFields{Token: token})
			} else {
				c, err = s.UpdateCustomer(t.Context(), s.secret, other.ID, vault.CustomerFields{Token: token, Description: []byte("changed")})
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				outcomes["ok"]++
				won = c.ID
			} else {
				outcomes[vault.CodeOf(err)]++
			}
		})
	}
	wg.Wait()
	if outcomes["ok"] != 1 || outcomes[vault.UsedToken] != attempts-1 {
		t.Fatalf("outcomes %v, want one ok and %d used", outcomes, attempts-1)
	}
	all, err := s.Customers(t.Context(), s.secret, vault.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	if won != other.ID {
		want = 2
	}
	if all.Total != want {
		t.Errorf("%d customers, want %d: a refused attempt made one", all.Total, want)
	}
	for _, c := range all.Rows {
		if (len(c.Cards.Rows) == 1) != (c.ID == won) {
			t.Errorf("customer %s has %d cards; %s won", c.ID, len(c.Cards.Rows), won)
		}
		if c.ID == other.ID && (c.Description != "") != (won == other.ID) {
			t.Errorf("a refused update left description %q", c.Description)
		}
	}
}

func TestExchangeRefuses(t *testing.T) {
	s := newShop(t)
	token := s.token(t)
	stranger := s.Merchant(t, vault.MerchantSettings{})
	foreign := tokenize(t, s.Vault, s.Caller(t, stranger, policy.Public, false), "4242424242424242", "X").ID
	live := tokenize(t, s.Vault, s.Caller(t, s.secret.Merchant, policy.Public, true), "4242424242424242", "X").ID
	lapsed := s.token(t)
	s.clock.Advance(time.Hour)
	for name, id := range map[string]string{
		"another merchant's": foreign, "live": live, "lapsed": lapsed, "another shape": "card123",
		"a card": "card_" + strings.TrimPrefix(token, "tokn_"), "absent": "tokn_test_" + strings.Repeat("0", 24),
	} {
		_, err := s.CreateCustomer(t.Context(), s.secret, vault.CustomerFields{Token: id})
		if e, ok := err.(*vault.Error); !ok || e.Code != vault.NotFound || e.Object != "token" || e.ID != id {
			t.Errorf("%s: %v, want token not found", name, err)
		}
	}
	if all, err := s.Customers(t.Context(), s.secret, vault.Page{}); err != nil || all.Total != 0 {
		t.Errorf("%d customers (%v), want none", all.Total, err)
	}
	if _, err := s.CreateCustomer(t.Context(), s.public, vault.CustomerFields{}); vault.CodeOf(err) != vault.Unauthenticated {
		t.Errorf("with a public key: %v, want unauthenticated", err)
	}
}

func TestDefaultCard(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	first := c.DefaultCard
	for range 2 {
		var err error
		if c, err = s.UpdateCustomer(ctx, s.secret, c.ID, vault.CustomerFields{Token: s.token(t)}); err != nil {
			t.Fatal(err)
		}
	}
	second, third := c.Cards.Rows[1].ID, c.Cards.Rows[2].ID
	if c.DefaultCard != first {
		t.Errorf("default is %s after adding cards, want the first, %s", c.DefaultCard, first)
	}
	if c, _ = s.UpdateCustomer(ctx, s.secret, c.ID, vault.CustomerFields{DefaultCard: second}); c.DefaultCard != second {
		t.Errorf("default is %s, want the chosen %s", c.DefaultCard, second)
	}
	other := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	for _, id := range []string{other.DefaultCard, "card_test_" + strings.Repeat("0", 24), "x"} {
		if _, err := s.UpdateCustomer(ctx, s.secret, c.ID, vault.CustomerFields{DefaultCard: id}); vault.CodeOf(err) != vault.NotFound {
			t.Errorf("choosing %s: %v, want not found", id, err)
		}
	}
	for _, step := range []struct{ drop, want string }{{first, second}, {second, third}, {third, ""}} {
		dropped, err := s.DeleteCard(ctx, s.secret, c.ID, step.drop)
		if err != nil || !dropped.Deleted || dropped.ID != step.drop || dropped.LastDigits != "4242" {
			t.Fatalf("delete %s: %v %v", step.drop, dropped.ID, err)
		}
		if c, err = s.Service.Customer(ctx, s.secret, c.ID); err != nil || c.DefaultCard != step.want {
			t.Errorf("after deleting %s the default is %q (%v), want %q", step.drop, c.DefaultCard, err, step.want)
		}
		if _, err := s.Card(ctx, s.secret, c.ID, step.drop); vault.CodeOf(err) != vault.NotFound {
			t.Errorf("deleted card: %v, want not found", err)
		}
	}
}

func TestUpdateCard(t *testing.T) {
	s := newShop(t)
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	before := c.Cards.Rows[0]
	for name, step := range map[string]struct {
		in     vault.CardFields
		want   card.Expiry
		holder string
		city   string
	}{
		"zeros and nulls":  {vault.CardFields{ExpirationMonth: []byte("0"), ExpirationYear: []byte("0")}, before.Expiry, "SOMCHAI PRASERT", "Bangkok"},
		"blank":            {vault.CardFields{City: []byte(""), ExpirationMonth: []byte("")}, before.Expiry, "SOMCHAI PRASERT", "Bangkok"},
		"month and year":   {vault.CardFields{ExpirationMonth: []byte("3"), ExpirationYear: []byte("45")}, card.Expiry{Month: 3, Year: 2045}, "SOMCHAI PRASERT", "Bangkok"},
		"name and address": {vault.CardFields{Name: []byte("S. PRASERT"), NameGiven: true, City: []byte("Chiang Mai"), ExpirationMonth: []byte("12"), ExpirationYear: []byte("2040")}, before.Expiry, "S. PRASERT", "Chiang Mai"},
	} {
		got, err := s.UpdateCard(t.Context(), s.secret, c.ID, before.ID, step.in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "name and address" {
			restored := vault.CardFields{Name: []byte("SOMCHAI PRASERT"), NameGiven: true, City: []byte("Bangkok")}
			if _, err := s.UpdateCard(t.Context(), s.secret, c.ID, before.ID, restored); err != nil {
				t.Fatal(err)
			}
		}
		if name == "month and year" {
			restored := vault.CardFields{ExpirationMonth: []byte("12"), ExpirationYear: []byte("2040")}
			if _, err := s.UpdateCard(t.Context(), s.secret, c.ID, before.ID, restored); err != nil {
				t.Fatal(err)
			}
		}
		if got.Expiry != step.want || got.Profile.Holder.Name != step.holder || got.Profile.Holder.City != step.city ||
			!bytes.Equal(got.Fingerprint, before.Fingerprint) || got.LastDigits != before.LastDigits {
			t.Errorf("%s: %+v %s %s", name, got.Expiry, got.Profile.Holder.Name, got.Profile.Holder.City)
		}
	}
	for name, in := range map[string]vault.CardFields{
		"blank name": {NameGiven: true}, "past": {ExpirationYear: []byte("2020")}, "no month": {ExpirationMonth: []byte("13")},
		"card number as name": {Name: []byte("4242424242424242"), NameGiven: true},
	} {
		if _, err := s.UpdateCard(t.Context(), s.secret, c.ID, before.ID, in); vault.CodeOf(err) != vault.InvalidCard {
			t.Errorf("%s: %v, want invalid card", name, err)
		}
	}
	// The number is still the one that was sealed.
	w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
	if number, err := w.open(t, 0); err != nil || number != "4242424242424242" {
		t.Errorf("after the changes the number does not open: %v", err)
	}
}

func TestCustomersAreIsolated(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	c := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	stored := c.Cards.Rows[0].ID
	strangers := map[string]vault.Caller{
		"another merchant": s.Caller(t, s.Merchant(t, vault.MerchantSettings{}), policy.Secret, false),
		"another mode":     s.Caller(t, s.secret.Merchant, policy.Secret, true),
	}
	mine := s.customer(t, vault.CustomerFields{})
	for who, caller := range strangers {
		for what, err := range map[string]error{
			"get":         second(s.Service.Customer(ctx, caller, c.ID)),
			"update":      second(s.UpdateCustomer(ctx, caller, c.ID, vault.CustomerFields{})),
			"delete":      second(s.DeleteCustomer(ctx, caller, c.ID)),
			"cards":       second(s.Cards(ctx, caller, c.ID, vault.Page{})),
			"card":        second(s.Card(ctx, caller, c.ID, stored)),
			"update card": second(s.UpdateCard(ctx, caller, c.ID, stored, vault.CardFields{})),
			"delete card": second(s.DeleteCard(ctx, caller, c.ID, stored)),
		} {
			if e, ok := err.(*vault.Error); !ok || e.Code != vault.NotFound || e.Object != "customer" || e.ID != c.ID {
				t.Errorf("%s, %s: %v, want customer not found", who, what, err)
			}
		}
		if all, err := s.Customers(ctx, caller, vault.Page{}); err != nil || all.Total != 0 {
			t.Errorf("%s lists %d customers (%v)", who, all.Total, err)
		}
	}
	if _, err := s.Card(ctx, s.secret, mine.ID, stored); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("a card under another customer: %v, want not found", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestDeletionIsDestruction: after a customer is deleted none of the bytes that
// could bring a card back is in any file, once the log is emptied.
func TestDeletionIsDestruction(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	db := rawDB(t, s.Vault)
	w := &world{Vault: s.Vault, db: db}
	keep := s.customer(t, vault.CustomerFields{Token: s.token(t), Description: []byte("stays")})
	c := s.customer(t, vault.CustomerFields{Token: s.token(t), Email: []byte("gone@example.com")})
	for range 3 {
		if _, err := s.UpdateCustomer(ctx, s.secret, c.ID, vault.CustomerFields{Token: s.token(t)}); err != nil {
			t.Fatal(err)
		}
	}
	var doomed, kept [][]byte
	for i, rowid := range w.rowids(t, "cards", "") {
		for _, column := range []string{"wrapped_dek", "sealed_pan", "sealed_profile"} {
			value := w.cell(t, "cards", column, rowid).([]byte)
			if i == 0 {
				kept = append(kept, value)
			} else {
				doomed = append(doomed, value)
			}
		}
	}
	doomed = append(doomed, w.cell(t, "customers", "sealed", w.rowids(t, "customers", "")[1]).([]byte))
	deleted, err := s.DeleteCustomer(ctx, s.secret, c.ID)
	if err != nil || !deleted.Deleted || deleted.Email != "gone@example.com" {
		t.Fatalf("delete: %v", err)
	}
	if err := db.Close(); err != nil { // an open reader would keep the log
		t.Fatal(err)
	}
	if err := s.Store.Scrub(ctx); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(s.Path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("database files: %v (%v)", files, err)
	}
	var all []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	for i, value := range doomed {
		for at := 0; at+16 <= len(value); at += 16 { // a part is as bad
			if bytes.Contains(all, value[at:at+16]) {
				t.Fatalf("value %d of a destroyed record is still in the files, from byte %d", i, at)
			}
		}
	}
	for _, value := range kept {
		if !bytes.Contains(all, value[:16]) {
			t.Error("a record that was not deleted is gone; the search is broken")
		}
	}
	if _, err := s.Service.Customer(ctx, s.secret, c.ID); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("deleted customer: %v, want not found", err)
	}
	if _, err := s.Service.Customer(ctx, s.secret, keep.ID); err != nil {
		t.Errorf("the other customer: %v", err)
	}
	if got := len(events(t, s.Store, audit.CardDestroy)); got != 4 {
		t.Errorf("%d card.destroy events, want 4", got)
	}
}

func TestCustomerFieldsAreChecked(t *testing.T) {
	s := newShop(t)
	for name, in := range map[string]vault.CustomerFields{
		"card number in the description": {Description: []byte("card 4242 4242 4242 4242")},
		"card number in the email":       {Email: []byte("4242424242424242@example.com")},
		"card number in the metadata":    {Metadata: []byte(`{"a":{"b":"4242424242424242"}}`)},
		"large metadata":                 {Metadata: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("x", vault.MaxMetadata))},
		"long description":               {Description: bytes.Repeat([]byte("x"), 256)},
	} {
		if _, err := s.CreateCustomer(t.Context(), s.secret, in); vault.CodeOf(err) != vault.BadRequest {
			t.Errorf("%s: %v, want bad request", name, err)
		}
	}
}
