package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
)

// revealing is a wire with a stored card and a reveal key.
type revealing struct {
	*wire
	key  string
	card string
}

func newRevealing(t testing.TB, c config) *revealing {
	t.Helper()
	w := &revealing{wire: newWire(t, c)}
	w.key = w.wire.key(t, policy.Reveal, false)
	var made wireCustomer
	w.call(t, "POST", "/customers", `{"card":"`+w.token(t)+`"}`).ok(t, &made)
	w.card = made.Cards.Data[0].ID
	return w
}

// reveal sends a body with the reveal key.
func (w *revealing) reveal(t testing.TB, body string, edits ...func(*request)) answer {
	t.Helper()
	r := request{method: "POST", path: "/v1/reveals", auth: basic(w.key + ":"), contentType: "application/json", body: body}
	for _, edit := range edits {
		edit(&r)
	}
	return w.do(t, r)
}

// ask is a body that asks for fields, a JSON value.
func (w *revealing) ask(fields string) string {
	return fmt.Sprintf(`{"card":%q,"fields":%s,"reason":"why"}`, w.card, fields)
}

func TestReveal(t *testing.T) {
	w := newRevealing(t, config{})
	const always = `"object":"reveal","id":"rvel_","livemode":false,"card":"CARD","masked":%v,%s"brand":"Visa","last_digits":"4242","created_at":"2026-05-17T12:00:00Z"`
	for _, tt := range []struct {
		name, body, want string
		form             bool
	}{
		{"all", w.ask(`["number","expiration","name","brand","last_digits"]`),
			"{" + fmt.Sprintf(always, false, `"expiration_month":10,"expiration_year":2030,"name":"JANE DOE",`) + `,"number":"4242424242424242"}`, false},
		{"the number", w.ask(`["number"]`), "{" + fmt.Sprintf(always, false, "") + `,"number":"4242424242424242"}`, false},
		{"text", w.ask(`"number, name"`), "{" + fmt.Sprintf(always, false, `"name":"JANE DOE",`) + `,"number":"4242424242424242"}`, false},
		{"what is never secret", w.ask(`["brand"]`), "{" + fmt.Sprintf(always, true, "") + "}", false},
		{"a form", "card=" + w.card + "&fields=number,expiration&reason=why+not",
			"{" + fmt.Sprintf(always, false, `"expiration_month":10,"expiration_year":2030,`) + `,"number":"4242424242424242"}`, true},
		{"a form with an array", "card=" + w.card + "&fields[]=name&fields[]=number&reason=why",
			"{" + fmt.Sprintf(always, false, `"name":"JANE DOE",`) + `,"number":"4242424242424242"}`, true},
	} {
		edit := func(*request) {}
		if tt.form {
			edit = asForm
		}
		a := w.reveal(t, tt.body, edit)
		got := strings.Replace(strings.TrimSpace(a.raw), a.text("id"), "rvel_", 1)
		if want := strings.Replace(tt.want, "CARD", w.card, 1); a.status != http.StatusOK || got != want {
			t.Errorf("%s: %d\n got %s\nwant %s", tt.name, a.status, got, want)
		}
		if a.header.Get("Content-Length") != fmt.Sprint(len(a.raw)) {
			t.Errorf("%s: the length is %s, want %d", tt.name, a.header.Get("Content-Length"), len(a.raw))
		}
	}
}

// Only its own kind of key gets to see a card, and that kind gets nothing else.
func TestRevealKeys(t *testing.T) {
	w := newRevealing(t, config{})
	const refused = "authentication failed"
	for _, key := range []string{w.public, w.secret, w.wire.key(t, policy.Public, true), "", "rkey_test_0000000000000000000"} {
		w.reveal(t, w.ask(`["number"]`), as(key)).want(t, http.StatusUnauthorized, "authentication_failure", refused)
	}
	for _, path := range []string{"/account", "/customers", "/customers/x/cards", "/tokens/x"} {
		w.get(t, path, as(w.key)).want(t, http.StatusUnauthorized, "authentication_failure", refused)
	}
	w.post(t, cardJSON(nil), as(w.key)).want(t, http.StatusUnauthorized, "authentication_failure", refused)
}

// A card that is not the key's looks, byte for byte, like one that never was.
func TestRevealAbsentAndForbidden(t *testing.T) {
	w := newRevealing(t, config{})
	other := newRevealing(t, config{})
	live := as(w.wire.key(t, policy.Reveal, true))
	foreign := as(w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Reveal, false).Reveal())
	unused := strings.Replace(w.token(t), "tokn_", "card_", 1)
	own := w.card
	absent := "card_test_" + strings.Repeat("0", 24)
	var want string
	for _, tt := range []struct {
		name, id string
		edit     func(*request)
	}{
		{"absent", absent, as(w.key)},
		{"another vault's", other.card, as(w.key)},
		{"another merchant's key", own, foreign},
		{"another mode's key", own, live},
		{"live spelling", strings.Replace(own, "_test", "", 1), live},
		{"live spelling, test key", strings.Replace(own, "_test", "", 1), as(w.key)},
		{"of no customer", unused, as(w.key)},
		{"a token", strings.Replace(own, "card_", "tokn_", 1), as(w.key)},
		{"longer", own + "0", as(w.key)},
	} {
		body := strings.Replace(w.ask(`["number"]`), own, tt.id, 1)
		a := w.reveal(t, body, tt.edit)
		a.want(t, http.StatusNotFound, "not_found", "card "+tt.id+" was not found")
		got := strings.Replace(a.raw, tt.id, "ID", 1)
		if want == "" {
			want = got
		}
		first := w.reveal(t, strings.Replace(body, tt.id, absent, 1), tt.edit)
		if got != want || !sameHeaders(a, first, len(tt.id)-len(absent)) {
			t.Errorf("%s: differs from an absent card:\n%s%s", tt.name, got, want)
		}
	}
}

func TestRevealRefuses(t *testing.T) {
	w := newRevealing(t, config{})
	const (
		noFields  = "fields must say what of the card to show"
		badFields = "fields must be of number, expiration, name, brand and last_digits, each once"
		badReason = "reason must be 1 to 255 characters without control characters"
		number    = "card data is accepted when a token is made and nowhere else"
	)
	for _, tt := range []struct{ body, message string }{
		{w.ask(`[]`), noFields},
		{w.ask(`null`), noFields},
		{w.ask(`""`), badFields},
		{w.ask(`"cvc"`), badFields},
		{w.ask(`["number","number"]`), badFields},
		{w.ask(`["number",1]`), badFields},
		{w.ask(`[["number"]]`), badFields},
		{w.ask(`{"number":true}`), badFields},
		{w.ask(`true`), badFields},
		{w.ask(`"` + strings.Repeat("brand,", 40) + `"`), badFields},
		{`{"card":"` + w.card + `","fields":["number"]}`, badReason},
		{`{"card":"` + w.card + `","fields":["number"],"reason":{}}`, "reason must be text"},
		{`{"card":"` + w.card + `","fields":["number"],"reason":"a\u0000b"}`, badReason},
		{`{"card":"` + w.card + `","fields":["number"],"reason":"4242 4242 4242 4242"}`, number},
		{`{"card":"4242424242424242","fields":["number"],"reason":"x"}`, number},
		{`{"card":4242424242424242,"fields":["number"],"reason":"x"}`, number},
		{`{"card":["x"],"fields":["number"],"reason":"x"}`, "card must be the id of a stored card"},
	} {
		w.reveal(t, tt.body).want(t, http.StatusBadRequest, "bad_request", tt.message)
	}
}

func TestRevealPolicyAndBudget(t *testing.T) {
	w := newRevealing(t, config{vault: func(o *vault.Options) {
		engine, err := policy.New("site", append(policy.DefaultPolicies(),
			`forbid (principal, action in [Action::"reveal:number", Action::"reveal:holder"], resource);`...))
		if err != nil {
			t.Fatal(err)
		}
		o.Policies, o.Reveals.PerHour = engine, 1
	}})
	a := w.reveal(t, w.ask(`["number","name"]`))
	if a.status != http.StatusOK || a.text("number") != "************4242" || !strings.Contains(a.raw, `"masked":true`) || !strings.Contains(a.raw, `"name":null`) {
		t.Errorf("%d %s, want it masked", a.status, a.raw)
	}
	w.clock.advance(59*time.Minute + 30*time.Second)
	a = w.reveal(t, w.ask(`["number"]`))
	a.want(t, http.StatusTooManyRequests, "too_many_requests", "too many requests")
	if got := a.retryAfter(t); got != 30 {
		t.Errorf("Retry-After %d, want 30", got)
	}
}

// Unwrap implements kms.KMS.
func (o *outage) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if err := o.current(); err != nil {
		return nil, err
	}
	return o.KMS.Unwrap(ctx, key, items)
}

func TestRevealWithoutKMS(t *testing.T) {
	down := &outage{}
	w := newRevealing(t, config{vault: func(o *vault.Options) { down.KMS, o.KMS = o.KMS, down }})
	down.fail(kms.ErrUnavailable)
	a := w.reveal(t, w.ask(`["number"]`))
	a.want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
	a.retryAfter(t)
}

// A request that waits is answered when an operator approves it, refused when
// nobody does, and withdrawn when its client leaves.
func TestRevealApproval(t *testing.T) {
	w := newRevealing(t, config{
		tiers: []httpapi.Tier{httpapi.Public, httpapi.Private},
		vault: func(o *vault.Options) { o.Reveals.Approval, o.KeyAge = time.Minute, -1 },
	})
	w.clock.advance(time.Second)
	begin := func() (id string, done chan answer) {
		done = make(chan answer, 1)
		go func() { done <- w.reveal(t, w.ask(`["number"]`)) }()
		return w.waiting(t), done
	}
	id, done := begin()
	if _, err := w.GrantApproval(t.Context(), w.Operator, id); err != nil {
		t.Fatal(err)
	}
	if a := <-done; a.status != http.StatusOK || a.text("number") != "4242424242424242" {
		t.Errorf("approved: %d %s", a.status, a.raw)
	}
	_, done = begin()
	w.clock.advance(time.Minute)
	a := <-done
	a.want(t, http.StatusForbidden, "approval_required", "no operator approved this in time")

	conn := dial(t, w.addr)
	r := request{method: "POST", path: "/v1/reveals", auth: basic(w.key), contentType: "application/json", body: w.ask(`["number"]`)}
	if _, err := conn.Write(r.bytes(w.addr)); err != nil {
		t.Fatal(err)
	}
	id = w.waiting(t)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return strings.Contains(w.log.text(), "request abandoned") }) {
		t.Error("the request of a client that left goes on")
	}
	if _, err := w.GrantApproval(t.Context(), w.Operator, id); vault.CodeOf(err) != vault.Conflict {
		t.Errorf("granted for a client that left: %v, want conflict", err)
	}
}

// waiting is the id of the request that waits.
func (w *revealing) waiting(t testing.TB) (id string) {
	t.Helper()
	if !eventually(func() bool {
		all, err := w.Approvals(t.Context(), w.Operator)
		for _, a := range all {
			if a.GrantedAt.IsZero() && w.clock.now().Before(a.ExpiresAt) {
				id = a.ID
			}
		}
		return err == nil && id != ""
	}) {
		t.Fatal("no request waits")
	}
	return id
}

// The number is in no log line, also when something fails.
func TestRevealIsNotLogged(t *testing.T) {
	w := newRevealing(t, config{})
	w.reveal(t, w.ask(`["number","name"]`))
	w.reveal(t, `{"card":"4242424242424242","fields":["number"],"reason":"4242424242424242"}`)
	for _, secret := range []string{"4242424242424242", "JANE", `"why"`, w.key} {
		if strings.Contains(w.log.text(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, w.log.text())
		}
	}
}
