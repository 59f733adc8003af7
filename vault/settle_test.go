package vault_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
)

func TestSettleCharge(t *testing.T) {
	s := newTill(t)
	pending := func() (vault.Charge, string) {
		t.Helper()
		token := s.token(t)
		c, err := s.charge(t, vault.ChargeRequest{Token: token, Capture: true, Amount: 900017}) // charged, and answered 500
		if err != nil || c.State != vault.ChargePending {
			t.Fatalf("%+v, %v", c, err)
		}
		return c, token
	}
	for _, test := range []struct {
		outcome vault.ChargeState
		status  string // of the token
	}{{vault.ChargeSuccessful, "successful"}, {vault.ChargeAuthorized, "pending"}, {vault.ChargeFailed, "failed"}} {
		c, token := pending()
		got, err := s.SettleCharge(t.Context(), s.Operator, c.ID, test.outcome, "pay_1", "asked the processor")
		if err != nil || got.State != test.outcome || got.PaidAt.IsZero() == (test.outcome == vault.ChargeSuccessful) {
			t.Errorf("%s: %+v, %v", test.outcome, got, err)
		}
		if token, err := s.Token(t.Context(), s.public, token); err != nil || token.ChargeStatus != test.status {
			t.Errorf("%s: token %+v, %v, want %s", test.outcome, token, err, test.status)
		}
		if _, err := s.SettleCharge(t.Context(), s.Operator, c.ID, vault.ChargeFailed, "", "again"); vault.CodeOf(err) != vault.Conflict {
			t.Errorf("%s: settled twice: %v", test.outcome, err)
		}
	}
	c, _ := pending()
	for name, test := range map[string]struct {
		by      vault.Caller
		id      string
		outcome vault.ChargeState
		reason  string
		want    vault.Code
	}{
		"a merchant":       {s.secret, c.ID, vault.ChargeFailed, "x", vault.Unauthenticated},
		"another state":    {s.Operator, c.ID, vault.ChargeReversed, "x", vault.BadRequest},
		"no reason":        {s.Operator, c.ID, vault.ChargeFailed, "", vault.BadRequest},
		"a number":         {s.Operator, c.ID, vault.ChargeFailed, "4242424242424242", vault.BadRequest},
		"an unknown one":   {s.Operator, "chrg_test_000000000000000000000000", vault.ChargeFailed, "x", vault.NotFound},
		"the other mode's": {s.Operator, "chrg_" + c.ID[len("chrg_test_"):], vault.ChargeFailed, "x", vault.NotFound},
	} {
		if _, err := s.SettleCharge(t.Context(), test.by, test.id, test.outcome, "", test.reason); vault.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	lines, err := s.Forwards(t.Context(), s.Operator, vault.ForwardUnknown, 100)
	if err != nil || len(lines) != 4 || lines[0].State != store.ForwardAnswered || lines[0].Reason == "" {
		t.Errorf("%d lines, %v: want the four whose answer does not say what became of them", len(lines), err)
	}
}

// TestLedgerShowsEditedLines: one edited line does not hide the others.
func TestLedgerShowsEditedLines(t *testing.T) {
	s := newTill(t)
	id := s.stored(t)
	var last vault.Forward
	for range 2 {
		s.clock.Advance(time.Millisecond) // ids of one millisecond have no order
		f, err := s.forward(t, vault.ForwardRequest{Card: id, Fields: map[string]any{"amount": json.Number("10000"), "currency": "thb"}})
		if err != nil {
			t.Fatal(err)
		}
		last = f
	}
	if _, err := rawDB(t, s.Vault).Exec("UPDATE forwards SET masked = 7 WHERE id = ?", last.ID[len("fwrd_test_"):]); err != nil {
		t.Fatal(err)
	}
	lines, err := s.Forwards(t.Context(), s.Operator, "", 10)
	if err != nil || len(lines) != 2 || !lines[0].Tampered || lines[0].ID != last.ID || lines[0].Destination != "" || lines[1].Tampered {
		t.Errorf("%+v, %v", lines, err)
	}
}
