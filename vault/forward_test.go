package vault_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// till is a shop that has a processor.
type till struct {
	*shop
	processor *vaulttest.Processor
}

func newTill(t testing.TB) *till { return newTillWith(t, nil) }

func newTillWith(t testing.TB, change func(*vault.Options)) *till {
	t.Helper()
	p := vaulttest.NewProcessor(t, time.Second)
	return &till{processor: p, shop: newShopWith(t, func(o *vault.Options) {
		o.Destinations = p.Destinations
		if change != nil {
			change(o)
		}
	})}
}

// stored is a customer's card.
func (s *till) stored(t testing.TB) string {
	t.Helper()
	return s.customer(t, vault.CustomerFields{Token: s.token(t)}).DefaultCard
}

func fieldsOf(amount string) map[string]any {
	return map[string]any{"amount": json.Number(amount), "currency": "thb"}
}

func (s *till) forward(t testing.TB, in vault.ForwardRequest) (vault.Forward, error) {
	t.Helper()
	in.Destination = "sandbox"
	if in.Fields == nil {
		in.Fields = fieldsOf("10000")
	}
	return s.Forward(t.Context(), s.secret, in)
}

func (s *till) ledger(t testing.TB) map[store.ForwardState]int {
	t.Helper()
	var counts map[store.ForwardState]int
	err := s.Store.View(t.Context(), func(r store.Reader) (err error) {
		counts, err = r.CountForwards(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func TestForwardCard(t *testing.T) {
	s := newTill(t)
	id := s.stored(t)
	f, err := s.forward(t, vault.ForwardRequest{Card: id})
	if err != nil {
		t.Fatal(err)
	}
	if f.State != vault.ForwardAnswered || f.Status != 200 || f.Card != id || f.SentAt.IsZero() || f.EndedAt.IsZero() {
		t.Errorf("got %+v", f)
	}
	if !bytes.Contains(f.Body, []byte(`"status":"approved"`)) || bytes.Contains(f.Body, []byte("42424242")) {
		t.Errorf("body %s", f.Body)
	}
	if got := s.processor.Reference(f.ID); got.Received != 1 || got.Charges != 1 {
		t.Errorf("the processor saw %+v, want one charge by the id of the forward", got)
	}
	again, err := s.ForwardRecord(t.Context(), s.secret, f.ID)
	if err != nil || again.State != f.State || again.Status != f.Status || again.Body != nil {
		t.Errorf("record %+v, %v", again, err)
	}
}

func TestForwardToken(t *testing.T) {
	s := newTill(t)
	token := s.token(t)
	if f, err := s.forward(t, vault.ForwardRequest{Token: token}); err != nil || !f.Token {
		t.Fatalf("%+v, %v", f, err)
	}
	for name, call := range map[string]func() error{
		"forward again": func() error { _, err := s.forward(t, vault.ForwardRequest{Token: token}); return err },
		"exchange": func() error {
			_, err := s.CreateCustomer(t.Context(), s.secret, vault.CustomerFields{Token: token})
			return err
		},
	} {
		if err := call(); vault.CodeOf(err) != vault.UsedToken {
			t.Errorf("%s: %v, want %s", name, err, vault.UsedToken)
		}
	}
	if got, err := s.Token(t.Context(), s.public, token); err != nil || !got.Used {
		t.Errorf("token %+v, %v, want a used one", got, err)
	}
}

// TestForwardFates drives every behaviour that leaves something to be known.
func TestForwardFates(t *testing.T) {
	s := newTill(t)
	for _, test := range []struct {
		name, amount string
		code         vault.Code // "" for an answer
		state        store.ForwardState
		charged      int64
	}{
		{"dropped", "900004", vault.OutcomeUnknown, store.ForwardUnknown, 1},
		{"dropped in the header", "900005", vault.OutcomeUnknown, store.ForwardUnknown, 1},
		{"dropped in the body", "900006", vault.OutcomeUnknown, store.ForwardUnknown, 1},
		{"no answer", "900003", vault.OutcomeUnknown, store.ForwardUnknown, 1},
		{"server error", "900017", "", store.ForwardAnswered, 1},
		{"redirect", "900019", "", store.ForwardAnswered, 0},
		{"page", "900015", "", store.ForwardAnswered, 1},
	} {
		before := s.ledger(t)[test.state]
		f, err := s.forward(t, vault.ForwardRequest{Card: s.stored(t), Fields: fieldsOf(test.amount)})
		var e *vault.Error
		if test.code != "" && (!errors.As(err, &e) || e.Code != test.code) || test.code == "" && err != nil {
			t.Errorf("%s: %v, want code %q", test.name, err, test.code)
			continue
		}
		id := f.ID
		if e != nil {
			id = e.ID
		}
		if got := s.processor.Reference(id); got.Received != 1 || int64(got.Charges) != test.charged {
			t.Errorf("%s: the processor saw %+v, want it once and %d charges", test.name, got, test.charged)
		}
		if got := s.ledger(t)[test.state]; got != before+1 {
			t.Errorf("%s: %d rows of state %s, want %d", test.name, got, test.state, before+1)
		}
		line, err := s.ForwardRecord(t.Context(), s.secret, id)
		if err != nil || line.State != test.state || test.code != "" && line.Reason == "" {
			t.Errorf("%s: %+v, %v", test.name, line, err)
		}
	}
}

// TestForwardNotSent: where nothing was written the token is as it was.
func TestForwardNotSent(t *testing.T) {
	s := newTillWith(t, func(o *vault.Options) {
		o.Destinations = vaulttest.Closed(t)
	})
	token := s.token(t)
	caller, answer, err := s.Begin(t.Context(), s.secret, once("k", nil))
	if err != nil || answer != nil {
		t.Fatal(answer, err)
	}
	_, err = s.Forward(t.Context(), caller, vault.ForwardRequest{Destination: "closed", Token: token})
	if vault.CodeOf(err) != vault.NotSent {
		t.Fatalf("got %v, want %s", err, vault.NotSent)
	}
	s.End(t.Context(), caller)
	if got, err := s.Token(t.Context(), s.public, token); err != nil || got.Used {
		t.Errorf("token %+v, %v, want an unused one", got, err)
	}
	if _, answer, err := s.Begin(t.Context(), s.secret, once("k", nil)); err != nil || answer != nil {
		t.Errorf("the idempotency key is held: %v, %v", answer, err)
	}
	if got := s.ledger(t); got[store.ForwardNotSent] != 1 || len(got) != 1 {
		t.Errorf("ledger %v", got)
	}
}

// TestForwardUnknownIsNotRepeated: the key of a request with an unknown fate is
// never good for another attempt.
func TestForwardUnknownIsNotRepeated(t *testing.T) {
	s := newTill(t)
	id := s.stored(t)
	for i := range 3 {
		caller, answer, err := s.Begin(t.Context(), s.secret, once("k", nil))
		if i > 0 {
			if vault.CodeOf(err) != vault.OutcomeUnknown || answer != nil {
				t.Errorf("repetition: %v, %v", answer, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Forward(t.Context(), caller, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("900004")})
		if vault.CodeOf(err) != vault.OutcomeUnknown {
			t.Fatal(err)
		}
		s.End(t.Context(), caller)
	}
	if got := s.ledger(t); got[store.ForwardUnknown] != 1 {
		t.Errorf("ledger %v, want one attempt", got)
	}
}

// TestForwardEchoes: whatever the processor gives back of the number stays here.
func TestForwardEchoes(t *testing.T) {
	s := newTill(t)
	for _, amount := range []string{"900007", "900008", "900009", "900010", "900011", "900012", "900013", "900014", "900027"} {
		f, err := s.forward(t, vault.ForwardRequest{Card: s.stored(t), Fields: fieldsOf(amount)})
		if err != nil {
			t.Errorf("%s: %v", amount, err)
			continue
		}
		all := string(f.Body)
		for name, values := range f.Header {
			all += name + strings.Join(values, "")
		}
		if f.Masked == 0 || strings.Contains(strings.NewReplacer(" ", "", "-", "").Replace(all), "424242424242") {
			t.Errorf("%s: masked %d in %s", amount, f.Masked, all)
		}
	}
}

func TestForwardRefusals(t *testing.T) {
	s := newTill(t)
	id := s.stored(t)
	other := s.Merchant(t, vault.MerchantSettings{})
	stranger := s.Caller(t, other, "secret", false)
	for _, test := range []struct {
		name string
		c    vault.Caller
		in   vault.ForwardRequest
		want vault.Code
	}{
		{"no card", s.secret, vault.ForwardRequest{Destination: "sandbox", Fields: fieldsOf("1")}, vault.BadRequest},
		{"two cards", s.secret, vault.ForwardRequest{Destination: "sandbox", Card: id, Token: id, Fields: fieldsOf("1")}, vault.BadRequest},
		{"no such destination", s.secret, vault.ForwardRequest{Destination: "nowhere", Card: id}, vault.NotFound},
		{"a destination of another use", s.secret, vault.ForwardRequest{Destination: "sandbox-charge", Card: id}, vault.NotFound},
		{"a field is missing", s.secret, vault.ForwardRequest{Destination: "sandbox", Card: id}, vault.BadRequest},
		{"somebody else's card", stranger, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("1")}, vault.NotFound},
		{"a token as card", s.secret, vault.ForwardRequest{Destination: "sandbox", Card: s.token(t), Fields: fieldsOf("1")}, vault.NotFound},
		{"a public key", s.public, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("1")}, vault.Unauthenticated},
		{"an operator", s.Operator, vault.ForwardRequest{Destination: "sandbox", Card: id, Fields: fieldsOf("1")}, vault.Unauthenticated},
	} {
		if _, err := s.Forward(t.Context(), test.c, test.in); vault.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	if got := s.ledger(t); len(got) != 0 {
		t.Errorf("ledger %v, want nothing", got)
	}
}

// TestForwardTokenOfTwoNodes: where the clock of the node that made the second
// forward is behind, the token is used up all the same.
func TestForwardTokenOfTwoNodes(t *testing.T) {
	clock := vaulttest.NewClock()
	s := newTillWith(t, func(o *vault.Options) { o.Clock = clock.Now })
	token := s.token(t)
	failed, err := s.forward(t, vault.ForwardRequest{Token: token, Fields: fieldsOf("900027")})
	if err != nil || failed.Status != 400 {
		t.Fatalf("status %d, %v", failed.Status, err)
	}
	clock.Advance(-time.Second)
	good, err := s.forward(t, vault.ForwardRequest{Token: token})
	if err != nil || good.Status != 200 || good.ID <= failed.ID {
		t.Fatalf("%s with status %d, %v; want it after %s", good.ID, good.Status, err, failed.ID)
	}
	for range 8 {
		if _, err := s.forward(t, vault.ForwardRequest{Token: token}); vault.CodeOf(err) != vault.UsedToken {
			t.Errorf("again: %v, want %s", err, vault.UsedToken)
		}
	}
}
