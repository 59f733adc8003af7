package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// wireForward is a forward as a strict client decodes it.
type wireForward struct {
	Object, ID, Location, Use, Destination, State string
	Livemode                                      bool
	Card, Charge, Reason                          *string
	Status                                        *int
	Headers                                       map[string]string
	Body                                          json.RawMessage
	Masked                                        int64
}

// payment is a forward of an amount to the sandbox.
func payment(amount int, more string) string {
	return fmt.Sprintf(`{"destination":"sandbox","fields":{"amount":%d,"currency":"thb"},%s}`, amount, more)
}

// forward makes one and reads it.
func (w *wire) forward(t testing.TB, amount int, more string) wireForward {
	t.Helper()
	var f wireForward
	w.call(t, "POST", "/v1/forwards", payment(amount, more)).ok(t, &f)
	return f
}

// TestForwardObject: every key, in what is made and in what is read later.
func TestForwardObject(t *testing.T) {
	w := newTill(t)
	owner := w.owner(t)
	made := w.call(t, "POST", "/v1/forwards/", payment(900007, `"card":"`+*owner.DefaultCard+`"`))
	got := made.object(t)
	id := made.text("id")
	body, _ := got["body"].(map[string]any)
	if body["status"] != "approved" || body["echo"] != "************4242" || body["reference"] != id {
		t.Errorf("body %v", body)
	}
	want := map[string]any{
		"object": "forward", "id": id, "livemode": false, "location": "/v1/forwards/" + id, "use": "forward", "destination": "sandbox",
		"card": *owner.DefaultCard, "charge": nil, "state": "answered", "reason": nil, "status": json.Number("200"), "headers": map[string]any{},
		"content_type": "application/json", "body": got["body"], "masked": json.Number("1"),
		"timing":     map[string]any{"vault_ms": json.Number("0"), "destination_ms": json.Number("0")},
		"created_at": "2026-05-17T12:00:00Z", "sent_at": "2026-05-17T12:00:00Z", "ended_at": "2026-05-17T12:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(id, "fwrd_test_") {
		t.Errorf("made %s (-want +got):\n%s", id, diff)
	}
	// What was answered is not kept.
	want["body"], want["content_type"] = nil, nil
	if diff := cmp.Diff(want, w.call(t, "GET", "/v1/forwards/"+id, "").object(t)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// TestForwardForm: a form says the same as JSON.
func TestForwardForm(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	body := "destination=sandbox&card=&token=" + token + "&fields[amount]=10000&fields[currency]=thb&dry_run=false&idempotency_key=k"
	first := w.form(t, "POST", "/v1/forwards", body)
	var f wireForward
	first.ok(t, &f)
	if f.State != "answered" || *f.Card != cardOf(token) || w.processor.Reference(f.ID).ChargedAmount != 10000 {
		t.Errorf("got %+v", f)
	}
	if again := w.form(t, "POST", "/v1/forwards", body); !replayed(again) || again.raw != first.raw {
		t.Errorf("again: %d %s", again.status, again.raw)
	}
	w.form(t, "POST", "/v1/forwards", strings.TrimSuffix(body, "&idempotency_key=k")).want(t, 400, "used_token", "token was already used")
}

// TestForwardRefusals: nothing of what is refused is sent, opened or used.
func TestForwardRefusals(t *testing.T) {
	w := newTill(t)
	token, card := w.token(t), *w.owner(t).DefaultCard
	for _, tt := range []struct {
		body          string // without braces
		status        int
		code, message string
	}{
		{`"card":"{c}"`, 400, "bad_request", "destination is invalid"},
		{`"destination":["sandbox"],"card":"{c}"`, 400, "bad_request", "destination is invalid"},
		{`"destination":"nowhere","card":"{c}"`, 404, "not_found", "destination nowhere was not found"},
		{`"destination":"sandbox-charge","card":"{c}"`, 404, "not_found", "destination sandbox-charge was not found"},
		{`"destination":"sandbox","fields":{"amount":1,"currency":"thb"}`, 400, "bad_request", "give a card or a token"},
		{`"destination":"sandbox","card":"{c}","token":"{t}"`, 400, "bad_request", "give a card or a token"},
		{`"destination":"sandbox","card":{"number":"1"}`, 400, "bad_request", "card is invalid"},
		{`"destination":"sandbox","card":"{c}","fields":[]`, 400, "bad_request", "fields is invalid"},
		{`"destination":"sandbox","card":"{c}","dry_run":1`, 400, "bad_request", "dry_run is invalid"},
		{`"destination":"sandbox","card":"{t}","fields":{"amount":1,"currency":"thb"}`, 404, "not_found", "card {t} was not found"},
		{`"destination":"sandbox","token":"{c}","fields":{"amount":1,"currency":"thb"}`, 404, "not_found", "token {c} was not found"},
		{`"destination":"sandbox","card":"card_test_0","fields":{"amount":1,"currency":"thb"}`, 404, "not_found", "card card_test_0 was not found"},
		{`"destination":"sandbox","token":"{t}","idempotency_key":""`, 400, "bad_request", "idempotency key must be 1 to 255 printable characters and no card number"},
		{`"destination":"sandbox","token":"{t}","idempotency_key":{}`, 400, "bad_request", "idempotency_key is invalid"},
	} {
		fill := strings.NewReplacer("{t}", token, "{c}", card)
		w.call(t, "POST", "/v1/forwards", "{"+fill.Replace(tt.body)+"}").want(t, tt.status, tt.code, fill.Replace(tt.message))
	}
	a := w.call(t, "POST", "/v1/forwards", `{"destination":"sandbox","token":"`+token+`","fields":{"amount":100}}`)
	if a.status != 400 || a.text("code") != "bad_request" || !strings.Contains(a.text("message"), "currency") {
		t.Errorf("without a field: %d %s", a.status, a.raw)
	}
	if used, _ := w.used(t, token); used || len(w.ledger(t)) != 0 || w.processor.Statistics().Received != 0 {
		t.Errorf("token used %v, ledger %v, %+v", used, w.ledger(t), w.processor.Statistics())
	}
}

// TestCardDataIsRefused: only the vault puts card data into a request. It is
// not quoted, logged or sent.
func TestCardDataIsRefused(t *testing.T) {
	w := newTill(t)
	card := *w.owner(t).DefaultCard
	const message = "card data is accepted when a token is made and nowhere else"
	for _, body := range []string{
		`"fields":{"amount":1,"x":"4242424242424242"}`, `"fields":{"x":4242424242424242}`, `"fields":{"x":{"y":["4242 4242 4242 4242"]}}`,
		`"fields":{"4242424242424242":"x"}`, `"fields":{"x":"pan=4242-4242-4242-4242;"}`, `"fields":{"x":"\u0034242424242424242"}`,
		`"fields":{"security_code":"123"}`, `"fields":{"card":{"CVV":123}}`, `"fields":{"list":[{"cvc":"123"}]}`,
		`"destination":"4242424242424242"`, `"card":"4242424242424242"`, `"token":"4242424242424242"`,
		`"idempotency_key":"4242424242424242"`, `"idempotency_key":4242424242424242`,
	} {
		a := w.call(t, "POST", "/v1/forwards", `{"destination":"sandbox","card":"`+card+`",`+body+`}`)
		if strings.Contains(body, `"destination"`) || strings.Contains(body, `"card":"4`) { // else the key would be there twice
			a = w.call(t, "POST", "/v1/forwards", strings.Replace(`{"destination":"sandbox",`+body+`}`, `"destination":"sandbox","destination"`, `"destination"`, 1))
		}
		a.want(t, 400, "bad_request", message)
		noNumber(t, body, a.raw)
	}
	for _, body := range []string{
		`"description":"4242424242424242"`, `"metadata":{"x":"4242 4242 4242 4242"}`, `"metadata":{"4242424242424242":1}`,
		`"metadata":{"cvv":"123"}`, `"metadata":{"x":[{"security_code":1}]}`, `"return_uri":"https://x.example/4242424242424242"`,
		`"ip":"4242424242424242"`, `"customer":"4242424242424242"`,
	} {
		a := w.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb","card":"`+card+`",`+body+`}`)
		a.want(t, 400, "bad_request", message)
		noNumber(t, body, a.raw)
	}
	charge := w.charge(t, `"card":"`+w.token(t)+`"`)
	for _, body := range []string{`{"description":"4242424242424242"}`, `{"metadata":{"x":4242424242424242}}`, `{"metadata":{"cvc":"123"}}`} {
		w.call(t, "PATCH", charge.Location, body).want(t, 400, "bad_request", message)
	}
	w.call(t, "POST", "/v1/forwards?fields[x]=4242424242424242", `{}`).want(t, 400, "bad_request", "card data must not be sent in the url")
	noNumber(t, "the log", w.log.text())
	if got := w.processor.Statistics(); got.Received != 1 {
		t.Errorf("the processor saw %+v", got)
	}
}

// TestForwardDryRun: the request, masked, of a test card; nothing else happens.
func TestForwardDryRun(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	for range 2 { // a dry run leaves its idempotency key free
		a := w.once(t, "k", "POST", "/v1/forwards", payment(10000, `"token":"`+token+`","dry_run":true`))
		var preview struct {
			Object, Destination, Request string
			Livemode                     bool
			DryRun                       bool `json:"dry_run"`
		}
		a.ok(t, &preview)
		noNumber(t, "the preview", preview.Request)
		if replayed(a) || preview.Object != "forward_preview" || preview.Destination != "sandbox" || !preview.DryRun || preview.Livemode ||
			!strings.Contains(preview.Request, `"amount": 10000`) || !strings.Contains(preview.Request, "4242") {
			t.Errorf("got %s", a.raw)
		}
	}
	var f wireForward
	w.form(t, "POST", "/v1/forwards", "destination=sandbox&dry_run=true&fields[amount]=1&fields[currency]=thb").ok(t, &f)
	w.call(t, "POST", "/v1/forwards", `{"destination":"nowhere","dry_run":true}`).want(t, 404, "not_found", "destination nowhere was not found")
	if used, _ := w.used(t, token); used || len(w.ledger(t)) != 0 || w.processor.Statistics().Received != 0 {
		t.Errorf("token used %v, ledger %v, %+v", used, w.ledger(t), w.processor.Statistics())
	}
}

// TestForwardEchoes: whatever a processor gives back of the number is masked or
// withheld.
func TestForwardEchoes(t *testing.T) {
	w := newTill(t)
	card := `"card":"` + *w.owner(t).DefaultCard + `"`
	for _, amount := range []int{900007, 900008, 900009, 900010, 900011, 900012, 900013, 900014, 900027} {
		var f wireForward
		a := w.call(t, "POST", "/v1/forwards", payment(amount, card))
		a.ok(t, &f)
		noNumber(t, fmt.Sprint(amount), a.raw)
		if f.Masked == 0 || f.State != "answered" || w.processor.Reference(f.ID).Received != 1 {
			t.Errorf("%d: %s", amount, a.raw)
		}
	}
	if f := w.forward(t, 900013, card); f.Headers["X-Card-Number"] != "************4242" {
		t.Errorf("headers %v", f.Headers)
	}
	noNumber(t, "the log", w.log.text())
}

// TestForwardAnswers: answers that are no JSON, or no good, are answers too.
func TestForwardAnswers(t *testing.T) {
	w := newTill(t)
	card := `"card":"` + *w.owner(t).DefaultCard + `"`
	for _, tt := range []struct {
		amount int
		status int
		media  string
		body   string // start of it, as JSON
	}{
		{900015, 200, "text/html", `"`},
		{900016, 200, "text/plain", `"{`},
		{900017, 500, "application/json", `{`},
		{900018, 503, "application/json", `{`},
		{900019, 302, "", `null`},
		{900021, 200, "text/plain", `"{`},
		{900022, 200, "", `null`},
		{900023, 402, "application/json", `{`},
	} {
		a := w.call(t, "POST", "/v1/forwards", payment(tt.amount, card))
		var f wireForward
		a.ok(t, &f)
		if f.State != "answered" || f.Status == nil || *f.Status != tt.status || a.text("content_type") != tt.media || !strings.HasPrefix(string(f.Body), tt.body) {
			t.Errorf("%d: %s", tt.amount, a.raw)
		}
	}
}

// TestForwardFates: what was not sent can be made again; what may have been
// carried out is not repeated.
func TestForwardFates(t *testing.T) {
	w := newTill(t)
	for _, amount := range []int{900004, 900005, 900006, 900020, 900024} {
		token := w.token(t)
		key, body := fmt.Sprint(amount), payment(amount, `"token":"`+token+`"`)
		first := w.once(t, key, "POST", "/v1/forwards", body)
		id, _, _ := strings.Cut(strings.TrimPrefix(first.text("message"), "the outcome of "), " ")
		first.want(t, http.StatusGatewayTimeout, "forward_unknown", "the outcome of "+id+" is unknown: the request may have been carried out and is not repeated")
		if again := w.once(t, key, "POST", "/v1/forwards", body); again.status != first.status || again.raw != first.raw {
			t.Errorf("%d again: %d %s", amount, again.status, again.raw)
		}
		var f wireForward
		w.call(t, "GET", "/v1/forwards/"+id, "").ok(t, &f)
		if f.State != "unknown" || f.Reason == nil || f.Status != nil || w.processor.Reference(id).Received != 1 {
			t.Errorf("%d: %+v, the processor saw %+v", amount, f, w.processor.Reference(id))
		}
		if used, status := w.used(t, token); !used || status != "unknown" {
			t.Errorf("%d: token used %v, charge status %q", amount, used, status)
		}
	}

	down := newWire(t, config{vault: closed(t, vault.UseForward)})
	token := down.token(t)
	for range 2 {
		a := down.once(t, "k", "POST", "/v1/forwards", `{"destination":"closed","token":"`+token+`"}`)
		if a.status != http.StatusBadGateway || a.text("code") != "forward_not_sent" || !strings.HasPrefix(a.text("message"), "the request was not sent and can be made again") {
			t.Errorf("got %d %s", a.status, a.raw)
		}
		a.retryAfter(t)
		if used, _ := down.used(t, token); used {
			t.Error("the token is used")
		}
	}
	if got := down.ledger(t); got["not_sent"] != 2 || len(got) != 1 {
		t.Errorf("ledger %v", got)
	}
}

// TestForwardTimeout: no answer within the destination's time.
func TestForwardTimeout(t *testing.T) {
	w := newWire(t, config{vault: func(o *vault.Options) { o.Destinations = silent(t) }})
	a := w.call(t, "POST", "/v1/forwards", `{"destination":"silent","card":"`+*w.owner(t).DefaultCard+`"}`)
	if a.status != http.StatusGatewayTimeout || a.text("code") != "forward_unknown" || w.ledger(t)["unknown"] != 1 {
		t.Errorf("got %d %s, ledger %v", a.status, a.raw, w.ledger(t))
	}
}

// TestForwardTokenAgain: a token whose forward failed can be forwarded again for
// some minutes, and nothing else can be done with it.
func TestForwardTokenAgain(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	again := payment(10000, `"token":"`+token+`"`)
	if f := w.forward(t, 900027, `"token":"`+token+`"`); *f.Status != 400 {
		t.Fatalf("got %+v", f)
	}
	w.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb","card":"`+token+`"}`).want(t, 400, "used_token", "token was already used")
	w.call(t, "POST", "/customers", `{"card":"`+token+`"}`).want(t, 400, "used_token", "token was already used")
	w.call(t, "POST", "/v1/forwards", again).ok(t, &wireForward{})
	w.call(t, "POST", "/v1/forwards", again).want(t, 400, "used_token", "token was already used")

	late := w.token(t)
	w.forward(t, 900027, `"token":"`+late+`"`)
	w.clock.advance(10 * time.Minute)
	w.call(t, "POST", "/v1/forwards", payment(10000, `"token":"`+late+`"`)).want(t, 400, "used_token", "token was already used")
	if got := w.processor.Statistics(); got.Received != 3 {
		t.Errorf("the processor saw %+v", got)
	}
}

// silent is a destination that takes every request and never answers.
func silent(t testing.TB) []vault.Destination {
	return destination(t, "silent", func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1<<10)
		for {
			if _, err := r.Body.Read(buf); err != nil {
				break
			}
		}
		<-r.Context().Done()
	})
}

// destination is a handler as a destination for forwards.
func destination(t testing.TB, name string, handler http.HandlerFunc) []vault.Destination {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	endpoint, err := forward.New(forward.Destination{
		Name: name, URL: server.URL, Method: "POST", Path: "/", ContentType: "application/json", Body: "{}",
		AllowPlaintext: true, AllowPrivate: true, Timeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return []vault.Destination{{Endpoint: endpoint, Use: vault.UseForward, Merchants: []string{vault.EveryMerchant}}}
}

// TestForwardLongAnswer: one that is too long to be kept is answered once. A
// repetition says that it is missing, and sends nothing.
func TestForwardLongAnswer(t *testing.T) {
	asked := make(chan struct{}, 9)
	w := newWire(t, config{vault: func(o *vault.Options) {
		o.Destinations = destination(t, "talkative", func(w http.ResponseWriter, _ *http.Request) {
			asked <- struct{}{}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"text":%q}`, strings.Repeat("x", 100_000))
		})
	}})
	body := `{"destination":"talkative","card":"` + *w.owner(t).DefaultCard + `","idempotency_key":"k"}`
	var first, second wireForward
	w.call(t, "POST", "/v1/forwards", body).ok(t, &first)
	again := w.call(t, "POST", "/v1/forwards", body)
	again.ok(t, &second)
	if len(first.Body) < 100_000 || first.Reason != nil {
		t.Errorf("first: %d bytes, %v", len(first.Body), first.Reason)
	}
	if !replayed(again) || string(second.Body) != "null" || second.Reason == nil || !strings.Contains(*second.Reason, "too long") ||
		second.ID != first.ID || *second.Status != 200 || len(asked) != 1 {
		t.Errorf("again: %s, asked %d times", again.raw, len(asked))
	}
}

// TestForwardIdempotencyKeys: the key of the body is that of the header.
func TestForwardIdempotencyKeys(t *testing.T) {
	w := newTill(t)
	card := *w.owner(t).DefaultCard
	inBody := payment(10000, `"card":"`+card+`","idempotency_key":"k"`)
	first := w.call(t, "POST", "/v1/forwards", inBody)
	var f wireForward
	first.ok(t, &f)
	for name, again := range map[string]answer{
		"body": w.call(t, "POST", "/v1/forwards", inBody), "both": w.once(t, "k", "POST", "/v1/forwards", inBody),
	} {
		if !replayed(again) || again.raw != first.raw {
			t.Errorf("%s: %d %s", name, again.status, again.raw)
		}
	}
	w.once(t, "other", "POST", "/v1/forwards", inBody).want(t, 400, "bad_request", "the idempotency keys of header and body differ")
	const conflict = "idempotency key was used for another request"
	w.once(t, "k", "POST", "/v1/forwards", payment(10000, `"card":"`+card+`"`)).want(t, 409, "idempotency_conflict", conflict)
	w.call(t, "POST", "/v1/forwards", payment(20000, `"card":"`+card+`","idempotency_key":"k"`)).want(t, 409, "idempotency_conflict", conflict)
	if got := w.processor.Statistics(); got.Received != 1 {
		t.Errorf("the processor saw %+v", got)
	}
	// Null is none, a number is as good as its digits, and other routes take no
	// key from a body.
	for i, more := range []string{`"idempotency_key":null`, `"idempotency_key":null`, `"idempotency_key":7`, `"idempotency_key":7`} {
		if a := w.call(t, "POST", "/v1/forwards", payment(10000, `"card":"`+card+`",`+more)); a.status != 200 || replayed(a) != (i == 3) {
			t.Errorf("%d, %s: %d replayed %v", i, more, a.status, replayed(a))
		}
	}
	for range 2 {
		if a := w.call(t, "POST", "/customers", `{"idempotency_key":"k"}`); a.status != 200 || replayed(a) {
			t.Errorf("POST /customers: %d replayed %v", a.status, replayed(a))
		}
	}
}

// TestForwardsInParallel: of identical requests at once one is sent.
func TestForwardsInParallel(t *testing.T) {
	w := newTill(t)
	body := payment(10000, `"card":"`+*w.owner(t).DefaultCard+`","idempotency_key":"parallel"`)
	answers := make(chan answer)
	for range 30 {
		go func() { answers <- w.call(t, "POST", "/v1/forwards", body) }()
	}
	for range 30 {
		if a := <-answers; a.status != 200 && (a.status != 409 || a.text("code") != "idempotency_in_progress") {
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	if got := w.processor.Statistics(); got.Received != 1 || w.ledger(t)["answered"] != 1 {
		t.Errorf("ledger %v, the processor saw %+v", w.ledger(t), got)
	}
}

// TestForwardsOfOthers: cards, destinations and forwards of others, byte for
// byte, are not there.
func TestForwardsOfOthers(t *testing.T) {
	w := newTill(t)
	card := *w.owner(t).DefaultCard
	f := w.forward(t, 10000, `"card":"`+card+`"`)
	const absent = "fwrd_test_000000000000000000000000"
	missing := w.call(t, "GET", "/v1/forwards/"+absent, "")
	missing.want(t, http.StatusNotFound, "not_found", "forward "+absent+" was not found")
	w.call(t, "GET", "/v1/forwards/x", "").want(t, http.StatusNotFound, "not_found", "forward x was not found")
	stranger := w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Secret, false).Reveal()
	for name, key := range map[string]string{"another merchant": stranger, "another mode": w.key(t, policy.Secret, true)} {
		a := w.do(t, request{method: "GET", path: "/v1/forwards/" + f.ID, auth: basic(key)})
		if got := strings.ReplaceAll(a.raw, f.ID, absent); got != missing.raw || !sameHeaders(a, missing, 0) {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.raw, missing.raw)
		}
	}
	ask := func(key, card string) answer {
		return w.do(t, request{method: "POST", path: "/v1/forwards", auth: basic(key), contentType: "application/json", body: payment(1, `"card":"`+card+`"`)})
	}
	ask(stranger, card).want(t, http.StatusNotFound, "not_found", "card "+card+" was not found")
	ask(w.key(t, policy.Secret, true), card).want(t, http.StatusNotFound, "not_found", "destination sandbox was not found") // of test mode
	if got := w.processor.Statistics(); got.Received != 1 {
		t.Errorf("the processor saw %+v", got)
	}
}

// TestForwardsOfCharges: what is done for charges is in the ledger too.
func TestForwardsOfCharges(t *testing.T) {
	w := newTill(t)
	c := w.charge(t, `"customer":"`+w.owner(t).ID+`"`)
	lines, err := w.Forwards(t.Context(), w.Operator, "", 10)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	var f wireForward
	w.call(t, "GET", "/v1/forwards/"+lines[0].ID, "").ok(t, &f)
	if f.Use != "charge" || *f.Charge != c.ID || *f.Card != c.Card.ID || f.Destination != "sandbox-charge" || *f.Status != 200 {
		t.Errorf("got %+v", f)
	}
}
