package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
)

// TestIdempotencyOfForms: a form is a request like another; the same words as
// JSON are not the same request.
func TestIdempotencyOfForms(t *testing.T) {
	w := newWire(t, config{})
	form := func(r *request) { r.contentType = "application/x-www-form-urlencoded" }
	body := "email=a%40example.com&card=" + w.token(t)
	first := w.once(t, "k", "POST", "/customers", body, form)
	again := w.once(t, "k", "POST", "/customers", body, func(r *request) { r.contentType = "application/x-www-form-urlencoded; charset=utf-8" })
	if first.status != 200 || !replayed(again) || first.raw != again.raw {
		t.Errorf("%d %s, then %d %s", first.status, first.raw, again.status, again.raw)
	}
	for name, a := range map[string]answer{
		"another order": w.once(t, "k", "POST", "/customers", "card="+strings.Split(body, "card=")[1]+"&email=a%40example.com", form),
		"with a query":  w.once(t, "k", "POST", "/customers?x=1", body, form),
		"without body":  w.once(t, "k", "POST", "/customers", "", form),
	} {
		a.want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
		if replayed(a) {
			t.Errorf("%s: replayed", name)
		}
	}
	if n := w.customers(t); n != 1 {
		t.Errorf("%d customers, want 1", n)
	}
	w.once(t, "both", "POST", "/customers", `{}`).check(t)
	w.once(t, "both", "POST", "/customers", `{}`, form).want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
}

// TestIdempotencyOfPaths: one trailing slash makes no other endpoint.
func TestIdempotencyOfPaths(t *testing.T) {
	w := newWire(t, config{})
	first := w.once(t, "k", "POST", "/customers", `{}`)
	for _, path := range []string{"/customers/", "http://vault.example/customers", "/customers%2f"} {
		if a := w.once(t, "k", "POST", path, `{}`); !replayed(a) || a.raw != first.raw {
			t.Errorf("%s: %d replayed %v", path, a.status, replayed(a))
		}
	}
	if n := w.customers(t); n != 1 {
		t.Errorf("%d customers, want 1", n)
	}
}

// TestIdempotencyKeyTwice: two header lines are one list, as HTTP has it; an
// empty key is none.
func TestIdempotencyKeyTwice(t *testing.T) {
	w := newWire(t, config{})
	second := header("Idempotency-Key", "b")
	first := w.once(t, "a", "POST", "/customers", `{}`, second)
	again := w.once(t, "a", "POST", "/customers", `{}`, second)
	if first.status != 200 || !replayed(again) || again.raw != first.raw {
		t.Errorf("%d %s, then %d %s", first.status, first.raw, again.status, again.raw)
	}
	for _, key := range []string{"a", "b"} {
		if a := w.once(t, key, "POST", "/customers", `{}`); a.status != 200 || replayed(a) {
			t.Errorf("%q alone: %d replayed %v", key, a.status, replayed(a))
		}
	}
	w.once(t, "", "POST", "/customers", `{}`).want(t, 400, "bad_request", "idempotency key must be 1 to 255 printable characters and no card number")
	w.once(t, "42424242", "POST", "/customers", `{}`, header("Idempotency-Key", "42424242")).check(t)
}

// TestReplayWithoutKMS: the answer of before needs no KMS.
func TestReplayWithoutKMS(t *testing.T) {
	down := &outage{}
	w := newWire(t, config{vault: func(o *vault.Options) { down.KMS, o.KMS = o.KMS, down }})
	body := fmt.Sprintf(`{"card":%q}`, w.token(t))
	first := w.once(t, "k", "POST", "/customers", body)
	down.fail(kms.ErrUnavailable)
	if again := w.once(t, "k", "POST", "/customers", body); !replayed(again) || again.raw != first.raw {
		t.Errorf("%d %s, want the answer of before", again.status, again.raw)
	}
}

// faulty is a store whose n-th write from now on fails; 0 for none.
type faulty struct {
	store.Store
	fail atomic.Int64
}

// Update implements store.Store.
func (f *faulty) Update(ctx context.Context, fn func(store.Tx) error) error {
	if f.fail.Load() > 0 && f.fail.Add(-1) == 0 {
		return store.ErrUnavailable
	}
	return f.Store.Update(ctx, fn)
}

// TestIdempotencyDuringOutages: whichever write fails, the request is answered
// 503 and has changed nothing, and the same request then succeeds once.
func TestIdempotencyDuringOutages(t *testing.T) {
	for at := int64(1); at <= 2; at++ { // the claim, the change
		db := &faulty{}
		w := newWire(t, config{vault: func(o *vault.Options) { db.Store, o.Store = o.Store, db }})
		body := fmt.Sprintf(`{"card":%q}`, w.token(t))
		db.fail.Store(at)
		a := w.once(t, "k", "POST", "/customers", body)
		a.want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
		a.retryAfter(t)
		if n := w.customers(t); n != 0 {
			t.Errorf("write %d failed: %d customers", at, n)
		}
		if a := w.once(t, "k", "POST", "/customers", body); a.status != 200 || replayed(a) || w.customers(t) != 1 {
			t.Errorf("write %d failed: the repetition gets %d %s", at, a.status, a.raw)
		}
	}
}

// TestIdempotencyOfALostClaim: if not even the claim can be given up, it ends
// within a minute by itself.
func TestIdempotencyOfALostClaim(t *testing.T) {
	db := &failing{}
	w := newWire(t, config{vault: func(o *vault.Options) { db.Store, o.Store = o.Store, db }})
	caller, err := w.Authenticate(t.Context(), w.secret, vault.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	r := vault.Repeatable{Key: "k", Endpoint: "x", Encode: func(any) (vault.Answer, error) { return vault.Answer{Status: 200, Body: []byte("{}")}, nil }}
	claimed, _, err := w.Begin(t.Context(), caller, r)
	if err != nil {
		t.Fatal(err)
	}
	down := error(store.ErrUnavailable)
	db.err.Store(&down)
	w.End(t.Context(), claimed)
	db.err.Store(nil)
	if !strings.Contains(w.log.text(), "an idempotency key is blocked") {
		t.Error("the log does not say that the key is blocked")
	}
	if _, _, err := w.Begin(t.Context(), caller, r); vault.CodeOf(err) != vault.InProgress {
		t.Errorf("meanwhile: %v, want in progress", err)
	}
	w.clock.advance(time.Minute)
	if _, answer, err := w.Begin(t.Context(), caller, r); err != nil || answer != nil {
		t.Errorf("a minute later: %v, %v; want a new claim", answer, err)
	}
}
