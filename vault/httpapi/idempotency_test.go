package httpapi_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

// once sends a private request with an idempotency key.
func (w *wire) once(t testing.TB, key, method, path, body string, edits ...func(*request)) answer {
	t.Helper()
	r := request{method: method, path: path, auth: basic(w.secret + ":"), contentType: "application/json", body: body}
	header("Idempotency-Key", key)(&r)
	for _, edit := range edits {
		edit(&r)
	}
	return w.do(t, r)
}

func (w *wire) customers(t testing.TB) int {
	t.Helper()
	var list wireList[wireCustomer]
	w.call(t, "GET", "/customers", "").ok(t, &list)
	return list.Total
}

func replayed(a answer) bool { return a.header.Get("Idempotent-Replayed") == "true" }

func TestIdempotencyReplays(t *testing.T) {
	w := newWire(t, config{})
	body := fmt.Sprintf(`{"email":"a@example.com","card":%q}`, w.token(t))
	first := w.once(t, "order-1", "POST", "/customers", body)
	second := w.once(t, "order-1", "POST", "/customers", body)
	if first.status != 200 || replayed(first) || second.status != 200 || !replayed(second) || first.raw != second.raw {
		t.Fatalf("first %d %v %s, second %d %v %s", first.status, replayed(first), first.raw, second.status, replayed(second), second.raw)
	}
	second.checkHeaders(t)
	if n := w.customers(t); n != 1 {
		t.Errorf("%d customers, want 1", n)
	}
	w.once(t, "order-1", "POST", "/customers", body+" ").want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
	w.once(t, "order-1", "POST", "/customers", body, version("2019-05-29")).want(t, 409, "idempotency_conflict", "idempotency key was used for another request")

	// The scope is merchant, mode, method and path.
	id := first.text("id")
	for name, a := range map[string]answer{
		"another path":     w.once(t, "order-1", "PATCH", "/customers/"+id, `{"description":"x"}`),
		"another merchant": w.once(t, "order-1", "POST", "/customers", `{}`, as(w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Secret, false).Reveal())),
		"another mode":     w.once(t, "order-1", "POST", "/customers", `{}`, as(w.key(t, policy.Secret, true))),
	} {
		if a.status != 200 || replayed(a) {
			t.Errorf("%s: %d replayed %v %s", name, a.status, replayed(a), a.raw)
		}
	}

	// The answer is that of then, also when the object has changed since.
	w.call(t, "PATCH", "/customers/"+id, `{"email":"b@example.com"}`).check(t)
	if again := w.once(t, "order-1", "POST", "/customers", body); again.raw != first.raw {
		t.Errorf("after a change: %s", again.raw)
	}
	w.clock.advance(24*time.Hour + time.Second)
	used := w.once(t, "order-1", "POST", "/customers", body)
	if used.status != 400 && used.status != 404 || replayed(used) {
		t.Errorf("after a day: %d %s, want the refusal of a used token", used.status, used.raw)
	}
}

// TestIdempotencyOfDeletions: what an answer tells goes with what it is about.
// The key stays claimed, so that a repetition does not make the thing again.
func TestIdempotencyOfDeletions(t *testing.T) {
	w := newWire(t, config{})
	for name, path := range map[string]func(c wireCustomer) string{
		"customer": func(c wireCustomer) string { return "/customers/" + c.ID },
		"card":     func(c wireCustomer) string { return "/customers/" + c.ID + "/cards/" + *c.DefaultCard },
	} {
		body := fmt.Sprintf(`{"email":"a@example.com","card":%q}`, w.token(t))
		var customer wireCustomer
		w.once(t, name, "POST", "/customers", body).ok(t, &customer)
		w.once(t, name, "PATCH", "/customers/"+customer.ID+"/cards/"+*customer.DefaultCard, `{"name":"OTHER"}`).check(t)
		before := w.customers(t)
		w.call(t, "DELETE", path(customer), "").check(t)
		for range 2 {
			w.once(t, name, "POST", "/customers", body).want(t, 404, "not_found", "what this request made was not found")
			w.once(t, name, "PATCH", "/customers/"+customer.ID+"/cards/"+*customer.DefaultCard, `{"name":"OTHER"}`).want(t, 404, "not_found", "what this request made was not found")
		}
		w.once(t, name, "POST", "/customers", body+" ").want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
		if n := w.customers(t); n > before {
			t.Errorf("%s: a repetition made a customer", name)
		}
	}
}

func TestIdempotencyOfChanges(t *testing.T) {
	w := newWire(t, config{})
	var customer wireCustomer
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"card":%q}`, w.token(t))).ok(t, &customer)
	for path, body := range map[string]string{
		"/customers/" + customer.ID:                                     fmt.Sprintf(`{"card":%q}`, w.token(t)),
		"/customers/" + customer.ID + "/cards/" + *customer.DefaultCard: `{"name":"OTHER"}`,
	} {
		first := w.once(t, "k", "PATCH", path, body)
		second := w.once(t, "k", "PATCH", path, body)
		if first.status != 200 || !replayed(second) || first.raw != second.raw {
			t.Errorf("%s: %d %s, then %d %s", path, first.status, first.raw, second.status, second.raw)
		}
	}
	var cards wireList[wireCard]
	w.call(t, "GET", "/customers/"+customer.ID+"/cards", "").ok(t, &cards)
	if cards.Total != 2 {
		t.Errorf("%d cards, want 2", cards.Total)
	}
}

// TestIdempotencyInParallel: of 50 identical requests at once one has the
// effect; the others get its answer or are told to wait.
func TestIdempotencyInParallel(t *testing.T) {
	w := newWire(t, config{})
	body := fmt.Sprintf(`{"email":"a@example.com","card":%q}`, w.token(t))
	answers := make([]answer, 50)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.once(t, "parallel", "POST", "/customers", body) })
	}
	wg.Wait()
	made, ok := 0, ""
	for _, a := range answers {
		switch {
		case a.status == 200:
			if !replayed(a) {
				made++
			}
			if ok != "" && a.raw != ok {
				t.Errorf("two answers: %s%s", ok, a.raw)
			}
			ok = a.raw
		case a.status == 409 && a.text("code") == "idempotency_in_progress" && a.header.Get("Retry-After") == "1":
		default:
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	if made != 1 || w.customers(t) != 1 {
		t.Errorf("%d requests had an effect, %d customers; want 1 and 1", made, w.customers(t))
	}
	if again := w.once(t, "parallel", "POST", "/customers", body); again.raw != ok || !replayed(again) {
		t.Errorf("afterwards: %d %s", again.status, again.raw)
	}
}

// TestIdempotencyInFlight: a claim that nobody finishes blocks its key for a
// minute, and a late finisher then changes nothing.
func TestIdempotencyInFlight(t *testing.T) {
	w := newWire(t, config{})
	caller, err := w.Authenticate(t.Context(), w.secret, vault.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	var late vault.Caller
	r := vault.Repeatable{Key: "slow", Endpoint: "POST /customers", Request: []byte("x"), Encode: func(any) (vault.Answer, error) { return vault.Answer{Status: 200, Body: []byte("{}")}, nil }}
	if late, _, err = w.Begin(t.Context(), caller, r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Begin(t.Context(), caller, r); vault.CodeOf(err) != vault.InProgress {
		t.Errorf("a second claim: %v, want in progress", err)
	}
	a := w.once(t, "slow", "POST", "/customers", `{}`)
	a.want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
	w.clock.advance(time.Minute)
	if a := w.once(t, "slow", "POST", "/customers", `{}`); a.status != 200 {
		t.Errorf("after a minute: %d %s", a.status, a.raw)
	}
	if _, err := w.CreateCustomer(t.Context(), late, vault.CustomerFields{}); err == nil {
		t.Error("a request whose claim was lost had an effect")
	}
	w.End(t.Context(), late) // must not take the other's answer away
	if a := w.once(t, "slow", "POST", "/customers", `{}`); !replayed(a) || w.customers(t) != 1 {
		t.Errorf("%d customers, replayed %v; want 1, true", w.customers(t), replayed(a))
	}
}

// TestIdempotencyOfRefusals: what was refused consumes nothing, the key neither.
func TestIdempotencyOfRefusals(t *testing.T) {
	w := newWire(t, config{})
	used := w.token(t)
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"card":%q}`, used)).check(t)
	for range 2 {
		w.once(t, "k", "POST", "/customers", fmt.Sprintf(`{"card":%q}`, used)).want(t, 400, "used_token", "token was already used")
		w.once(t, "k", "POST", "/customers", `{"card":`).want(t, 400, "bad_request", "request body is not a valid json object")
	}
	if a := w.once(t, "k", "POST", "/customers", `{}`); a.status != 200 || replayed(a) {
		t.Errorf("a good request with the same key: %d %s", a.status, a.raw)
	}
	for _, key := range []string{"4242424242424242", strings.Repeat("k", 256), "a\tb"} {
		w.once(t, key, "POST", "/customers", `{}`).want(t, 400, "bad_request", "idempotency key must be 1 to 255 printable characters and no card number")
	}
	// Public routes and reads take no key.
	if a := w.post(t, cardJSON(nil), header("Idempotency-Key", "t")); a.status != 200 {
		t.Errorf("POST /tokens: %d", a.status)
	}
	if a := w.once(t, "k", "GET", "/customers", ""); a.status != 200 || replayed(a) {
		t.Errorf("GET: %d", a.status)
	}
}

// TestIdempotencyKeepsNoRequest: the database holds neither the client's key
// nor anything of the request or the answer in clear.
func TestIdempotencyKeepsNoRequest(t *testing.T) {
	w := newWire(t, config{})
	a := w.once(t, "the-clients-own-key", "POST", "/customers", `{"email":"marker@example.com","ignored":"a-marker-in-the-request"}`)
	if a.status != http.StatusOK {
		t.Fatal(a.raw)
	}
	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(w.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"the-clients-own-key", "marker@example.com", "a-marker-in-the-request"} {
			if strings.Contains(string(file), secret) {
				t.Errorf("%s holds %q", suffix, secret)
			}
		}
	}
}
