package vault_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

func paymentFields(amount string) map[string]any {
	texts := func(names ...string) map[string]any {
		out := map[string]any{}
		for _, name := range names {
			out[name] = ""
		}
		return out
	}
	return map[string]any{
		"amount": json.Number(amount), "currency": "JPY", "merchant_txn_ref": "order-1", "customer_ip": "", "merchant_id": "M1", "time_zone": "",
		"return_url":       texts("webhook_url", "success_url", "decline_url"),
		"billing_address":  texts("country", "email", "phone_number", "address1", "city", "state", "postal_code"),
		"shipping_address": texts("country", "email", "phone_number", "address1", "city", "state", "postal_code"),
	}
}

func (s *till) pay(t testing.TB, in vault.PaymentRequest) (vault.Payment, error) {
	t.Helper()
	if in.Fields == nil {
		in.Fields = paymentFields("1000")
	}
	return s.Pay(t.Context(), s.secret, in)
}

// method is the stored payment method of a card, as operators see it.
func (s *till) method(t testing.TB, id string) string {
	t.Helper()
	r, err := s.CardRecord(t.Context(), s.Operator, id)
	if err != nil {
		t.Fatal(err)
	}
	return r.Method
}

func TestPayWithStoredMethod(t *testing.T) {
	s := newTill(t)
	id := s.stored(t)
	method := s.method(t, id)
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(method) {
		t.Fatalf("method %q is no UUIDv4", method)
	}
	for _, named := range []string{method, id} {
		p, err := s.pay(t, vault.PaymentRequest{Method: named, Store: true})
		if err != nil || p.Verdict != vault.VerdictApproved || p.Method != method || p.Card.ID != id {
			t.Errorf("%s: %+v, %v", named, p, err)
		}
	}
	other := s.Merchant(t, vault.MerchantSettings{})
	stranger := s.Caller(t, other, "secret", false)
	if _, err := s.Pay(t.Context(), stranger, vault.PaymentRequest{Method: method, Fields: paymentFields("1000")}); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("somebody else's method: %v", err)
	}
	if _, err := s.DeleteCard(t.Context(), s.secret, s.ownerOf(t, id), id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pay(t, vault.PaymentRequest{Method: method}); vault.CodeOf(err) != vault.NotFound {
		t.Errorf("a deleted card's method: %v", err)
	}
}

func (s *till) ownerOf(t testing.TB, id string) string {
	t.Helper()
	r, err := s.CardRecord(t.Context(), s.Operator, id)
	if err != nil {
		t.Fatal(err)
	}
	return r.Customer
}

func rawCard(number string) *card.Input {
	return &card.Input{
		Number: []byte(number), Name: []byte("JOHN DOE"), ExpirationMonth: []byte("12"), ExpirationYear: []byte("2050"), SecurityCode: []byte("123"),
	}
}

// TestPayStores: a card is kept if that was asked for and the payment was
// approved, and only then.
func TestPayStores(t *testing.T) {
	s := newTill(t)
	const good, poor = "4242424242424242", "4111111111140011"
	token := func(number string) string { return tokenize(t, s.Vault, s.public, number, "JOHN DOE").ID }
	for _, test := range []struct {
		name  string
		in    vault.PaymentRequest
		state vault.RecordState
	}{
		{"raw card", vault.PaymentRequest{Card: rawCard(good), Store: true}, vault.StateStored},
		{"token", vault.PaymentRequest{Token: token(good), Store: true}, vault.StateStored},
		{"not asked for", vault.PaymentRequest{Card: rawCard(good)}, vault.StateUsed},
		{"declined", vault.PaymentRequest{Card: rawCard(poor), Store: true}, vault.StateUsed},
		{"declined token", vault.PaymentRequest{Token: token(poor), Store: true}, vault.StateUsed},
	} {
		p, err := s.pay(t, test.in)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		r, err := s.CardRecord(t.Context(), s.Operator, p.Card.ID)
		kept := test.state == vault.StateStored
		if err != nil || r.State != test.state || (p.Method != "") != kept || r.Method != p.Method || (r.Customer != "") != kept {
			t.Errorf("%s: %+v, record %+v, %v; want %s", test.name, p, r, err, test.state)
		}
		if kept {
			if again, err := s.pay(t, vault.PaymentRequest{Method: p.Method}); err != nil || again.Verdict != vault.VerdictApproved {
				t.Errorf("%s: paying with what was kept: %+v, %v", test.name, again, err)
			}
		}
	}
}

func TestPayRefusals(t *testing.T) {
	s := newTill(t)
	merchant := s.Merchant(t, vault.MerchantSettings{PaymentMID: "M1"})
	caller := s.Caller(t, merchant, "secret", false)
	for _, test := range []struct {
		name string
		in   vault.PaymentRequest
		want vault.Code
	}{
		{"another MID", vault.PaymentRequest{MerchantID: "M2", Card: rawCard("4242424242424242")}, vault.Forbidden},
		{"an invalid card", vault.PaymentRequest{MerchantID: "M1", Card: rawCard("4242424242424241")}, vault.InvalidCard},
		{"an unknown method", vault.PaymentRequest{MerchantID: "M1", Method: "094db781-fabc-4c6d-8fcd-18bee06a527a"}, vault.NotFound},
		{"an unknown token", vault.PaymentRequest{MerchantID: "M1", Token: "tokn_test_absent"}, vault.NotFound},
	} {
		test.in.Fields = paymentFields("1000")
		if _, err := s.Pay(t.Context(), caller, test.in); vault.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := s.Pay(t.Context(), caller, vault.PaymentRequest{MerchantID: "M1", Card: rawCard("4242424242424242"), Fields: paymentFields("1000")}); err != nil {
		t.Errorf("the right MID: %v", err)
	}
}
