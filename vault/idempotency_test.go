package vault_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault"
)

// once is a request with an idempotency key, whose answers all hold the same.
func once(key string, body []byte) vault.Repeatable {
	return vault.Repeatable{
		Key: key, Endpoint: "POST /customers", Request: body,
		Encode: func(any) (vault.Answer, error) {
			return vault.Answer{Status: 200, Body: []byte(`{"email":"a@example.com","holder":"SOMCHAI PRASERT"}`)}, nil
		},
	}
}

// remembered makes a customer with an idempotency key.
func (s *shop) remembered(t testing.TB, key string, in vault.CustomerFields) vault.Customer {
	t.Helper()
	caller, answer, err := s.Begin(t.Context(), s.secret, once(key, []byte(key)))
	if err != nil || answer != nil {
		t.Fatalf("begin: %v, answer %v", err, answer)
	}
	c, err := s.CreateCustomer(t.Context(), caller, in)
	s.End(t.Context(), caller)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIdempotencyKeys(t *testing.T) {
	s := newShop(t)
	for _, key := range []string{"k", " ", "~", "a b", strings.Repeat("k", vault.MaxIdempotencyKey), "order-4242"} {
		if _, _, err := s.Begin(t.Context(), s.secret, once(key, nil)); err != nil {
			t.Errorf("key %q: %v", key, err)
		}
	}
	for _, key := range []string{"", "\x1f", "\x7f", "é", strings.Repeat("k", vault.MaxIdempotencyKey+1), "4242 4242 4242 4242", "order-5555555555554444"} {
		if _, _, err := s.Begin(t.Context(), s.secret, once(key, nil)); vault.CodeOf(err) != vault.BadRequest {
			t.Errorf("key %q: %v, want bad request", key, err)
		}
	}
}

// TestIdempotencyTimes: a claim ends by itself after a minute, an answer after
// a day, both to the microsecond.
func TestIdempotencyTimes(t *testing.T) {
	s := newShop(t)
	s.setClock(s.clock.Now().Truncate(time.Second))
	begin := func(body string) (vault.Caller, *vault.Answer, error) {
		return s.Begin(t.Context(), s.secret, once("k", []byte(body)))
	}
	claimed := s.clock.Now()
	abandoned, _, err := begin("a")
	if err != nil {
		t.Fatal(err)
	}
	s.setClock(claimed.Add(time.Minute - time.Microsecond))
	_, _, err = begin("a")
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != vault.InProgress || e.RetryAfter != time.Second {
		t.Errorf("a microsecond before the claim ends: %v, want in progress for a second", err)
	}
	if _, _, err := begin("b"); vault.CodeOf(err) != vault.IdempotencyConflict {
		t.Errorf("another request meanwhile: %v, want a conflict", err)
	}
	s.setClock(claimed.Add(time.Minute))
	caller, answer, err := begin("b")
	if err != nil || answer != nil {
		t.Fatalf("once the claim has ended: %v %v, want a new claim", answer, err)
	}
	if _, err := s.CreateCustomer(t.Context(), abandoned, vault.CustomerFields{}); err == nil {
		t.Error("the abandoned request has an effect")
	}
	answered := s.clock.Now()
	if _, err := s.CreateCustomer(t.Context(), caller, vault.CustomerFields{}); err != nil {
		t.Fatal(err)
	}
	s.End(t.Context(), caller)
	s.setClock(answered.Add(24*time.Hour - time.Microsecond))
	if _, answer, err := begin("b"); err != nil || answer == nil || answer.Status != 200 || !strings.Contains(string(answer.Body), "a@example.com") {
		t.Errorf("a microsecond before the day is over: %+v %v, want the answer", answer, err)
	}
	s.setClock(answered.Add(24 * time.Hour))
	if _, answer, err := begin("c"); err != nil || answer != nil {
		t.Errorf("a day later: %+v %v, want a new claim, also for another request", answer, err)
	}
	if all, err := s.Customers(t.Context(), s.secret, vault.Page{}); err != nil || all.Total != 1 {
		t.Errorf("%d customers (%v), want 1", all.Total, err)
	}
}

// TestIdempotencyWithoutEffect: if the answer cannot be kept, nothing happens.
func TestIdempotencyWithoutEffect(t *testing.T) {
	s := newShop(t)
	r := once("k", nil)
	broken := errors.New("no answer")
	r.Encode = func(any) (vault.Answer, error) { return vault.Answer{}, broken }
	caller, _, err := s.Begin(t.Context(), s.secret, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateCustomer(t.Context(), caller, vault.CustomerFields{Token: s.token(t)}); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	s.End(t.Context(), caller)
	if all, err := s.Customers(t.Context(), s.secret, vault.Page{}); err != nil || all.Total != 0 {
		t.Errorf("%d customers (%v), want none", all.Total, err)
	}
	s.remembered(t, "k", vault.CustomerFields{}) // the key is free again
}
