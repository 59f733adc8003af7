package vault_test

import (
	"testing"

	"github.com/panvault/panvault/vault"
)

func (s *till) charge(t testing.TB, in vault.ChargeRequest) (vault.Charge, error) {
	t.Helper()
	if in.Amount == 0 {
		in.Amount = 10000
	}
	in.Currency = "thb"
	return s.CreateCharge(t.Context(), s.secret, in)
}

func TestChargeToken(t *testing.T) {
	s := newTill(t)
	token := s.token(t)
	c, err := s.charge(t, vault.ChargeRequest{Token: token, Capture: true, Description: []byte("order 1")})
	if err != nil {
		t.Fatal(err)
	}
	if c.State != vault.ChargeSuccessful || c.PaidAt.IsZero() || c.Description != "order 1" || c.Card.LastDigits != "4242" {
		t.Errorf("got %+v", c)
	}
	if got := s.processor.Reference(c.ID); got.Received != 1 || got.Charges != 1 {
		t.Errorf("the processor saw %+v", got)
	}
	if got, err := s.Token(t.Context(), s.public, token); err != nil || !got.Used || got.ChargeStatus != "successful" {
		t.Errorf("token %+v, %v", got, err)
	}
	if _, err := s.charge(t, vault.ChargeRequest{Token: token}); vault.CodeOf(err) != vault.UsedToken {
		t.Errorf("again: %v", err)
	}
}

func TestChargeCaptureAndReverse(t *testing.T) {
	s := newTill(t)
	owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	c, err := s.charge(t, vault.ChargeRequest{Customer: owner.ID})
	if err != nil || c.State != vault.ChargeAuthorized || c.Customer != owner.ID {
		t.Fatalf("%+v, %v", c, err)
	}
	c, err = s.CaptureCharge(t.Context(), s.secret, c.ID)
	if err != nil || c.State != vault.ChargeSuccessful {
		t.Fatalf("capture: %+v, %v", c, err)
	}
	if _, err = s.CaptureCharge(t.Context(), s.secret, c.ID); vault.CodeOf(err) != vault.FailedCapture {
		t.Errorf("capture again: %v", err)
	}
	c, err = s.ReverseCharge(t.Context(), s.secret, c.ID)
	if err != nil || c.State != vault.ChargeReversed {
		t.Fatalf("reverse: %+v, %v", c, err)
	}
	if got := s.processor.Reference(c.ID); got.Charges != 0 || got.Reversed != 1 {
		t.Errorf("the processor saw %+v", got)
	}
}
