package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault/httpapi"
	"github.com/panvault/panvault/vault/httpapi/wiretest"
)

// documented fails the test unless the document allows the answer to what was
// sent, from an address that serves these tags, or all.
func (a answer) documented(t testing.TB, sent []byte, tags ...string) {
	t.Helper()
	e := wiretest.Exchange{Method: a.method, Status: a.status, Header: a.header, Body: []byte(a.raw), Tags: tags}
	// What is no request for net/http is one of no route; its status is then
	// one of those that any route has.
	if r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent))); err == nil {
		e.Method, e.Target, e.RequestHeader = r.Method, r.RequestURI, r.Header
		e.RequestBody, _ = io.ReadAll(r.Body) // half of it, if no more was sent
	}
	if err := wiretest.Check(e); err != nil {
		t.Errorf("not as documented: %v\n%s", err, a.raw)
	}
}

// tagsOf are the document's tags of what an address with these tiers serves.
func tagsOf(tiers []httpapi.Tier) []string {
	tags := map[httpapi.Tier][]string{
		httpapi.Public:  {"tokens"},
		httpapi.Private: {"account", "customers", "cards", "charges", "forwards", "payments", "reveals"},
	}
	out := []string{"document"}
	for _, tier := range tiers {
		out = append(out, tags[tier]...)
	}
	return out
}

// The document is an OpenAPI one, and its examples are examples of its schemas.
func TestDocumentIsValid(t *testing.T) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(httpapi.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q, want 3.1.0", doc.OpenAPI)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
}

// Every tier serves the document, to anyone and to HEAD too.
func TestDocumentIsServed(t *testing.T) {
	for name, tiers := range map[string][]httpapi.Tier{
		"both": nil, "public": {httpapi.Public}, "private": {httpapi.Private},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, config{tiers: tiers})
			for _, r := range []request{
				{method: "GET", path: "/openapi.yaml"}, {method: "GET", path: "/openapi.yaml/"},
				{method: "HEAD", path: "/openapi.yaml"}, {method: "GET", path: "/openapi.yaml", auth: basic("nobody")},
			} {
				sent := r.bytes(w.addr)
				a := send(t, dial(t, w.addr), sent, r.method)
				a.documented(t, sent, w.tags...)
				want := string(httpapi.OpenAPI())
				if r.method == "HEAD" {
					want = ""
				}
				if a.status != http.StatusOK || a.raw != want {
					t.Errorf("%s %s: %d and %d bytes, want 200 and %d", r.method, r.path, a.status, len(a.raw), len(want))
				}
			}
			if !eventually(func() bool { // a line may come after its answer
				return strings.Count(w.log.text(), `"route":"GET /openapi.yaml","status":200`) == 4
			}) {
				t.Errorf("not every request is in the log:\n%s", w.log.text())
			}
			w.do(t, request{method: "POST", path: "/openapi.yaml", auth: basic(w.public)})
		})
	}
}

// What OpenAPI returns is the caller's own.
func TestDocumentIsACopy(t *testing.T) {
	first := httpapi.OpenAPI()
	want := slices.Clone(first)
	clear(first)
	if !bytes.Equal(httpapi.OpenAPI(), want) {
		t.Error("a caller can change the document")
	}
}

// Every operation is done once with JSON and once with forms, where it can be,
// and is answered with 200 as documented: w.do looks at that, and here it counts
// that none is left out.
func TestEveryOperation(t *testing.T) {
	for _, form := range []bool{false, true} {
		w := newTill(t)
		seen := make(map[string]bool)
		call := func(operation, path, key, body, asForm string) answer {
			t.Helper()
			method, _, _ := strings.Cut(operation, " ")
			r := request{method: method, path: path, auth: basic(key), contentType: "application/json", body: body}
			if form {
				r.contentType, r.body = "application/x-www-form-urlencoded", asForm
			}
			a := w.do(t, r)
			if a.status != http.StatusOK {
				t.Fatalf("%s: %d %s", operation, a.status, a.raw)
			}
			seen[operation] = true
			return a
		}
		token := call("POST /tokens", "/tokens", w.public, cardJSON(nil), cardForm(nil)).text("id")
		call("GET /tokens/{id}", "/tokens/"+token, w.public, `{}`, "")
		call("GET /account", "/account", w.secret, `{}`, "")
		customer := call("POST /customers", "/customers", w.secret,
			`{"email":"a@example.com","metadata":{"a":{"b":1}},"card":"`+token+`","linked_account":null}`,
			"email=a%40example.com&metadata[a][b]=1&card="+token)
		path, card := "/customers/"+customer.text("id"), customer.text("default_card")
		call("GET /tokens/{id}", "/tokens/"+token, w.public, "", "")
		call("GET /customers", "/customers?order=reverse_chronological&limit=&offset=0&from=1970-01-01", w.secret,
			`{"limit":101,"to":null}`, "limit=101&to=2026-12-31T00:00:00%2B0700")
		call("GET /customers/{id}", path, w.secret, `{}`, "")
		call("PATCH /customers/{id}", path, w.secret, `{"default_card":"`+card+`","card":null}`, "default_card="+card+"&card=")
		call("GET /customers/{id}/schedules", path+"/schedules?limit=1", w.secret, "", "offset=1")
		call("GET /customers/{id}/cards", path+"/cards", w.secret, `{"offset":0,"order":"chronological"}`, "limit=1")
		call("GET /customers/{id}/cards/{card}", path+"/cards/"+card, w.secret, "", "")
		call("PATCH /customers/{id}/cards/{card}", path+"/cards/"+card, w.secret,
			`{"name":"J DOE","expiration_month":0,"expiration_year":2031,"city":null}`, "name=J+DOE&expiration_year=31")
		charge := call("POST /charges", "/charges", w.secret, `{"amount":100000,"currency":"thb","customer":"`+customer.text("id")+`","capture":false}`,
			"amount=100000&currency=thb&capture=false&customer="+customer.text("id")).text("location")
		call("GET /charges", "/charges?limit=1", w.secret, `{"offset":null}`, "order=chronological")
		call("GET /charges/{id}", charge, w.secret, "", "")
		call("PATCH /charges/{id}", charge, w.secret, `{"description":"x","metadata":{"a":[1]}}`, "description=x&metadata[a]=1")
		call("POST /charges/{id}/capture", charge+"/capture", w.secret, `{}`, "")
		call("POST /charges/{id}/reverse", charge+"/reverse", w.secret, "", "")
		forward := call("POST /v1/forwards", "/v1/forwards", w.secret,
			`{"destination":"sandbox","card":"`+card+`","token":null,"fields":{"amount":1,"currency":"thb"},"dry_run":false,"idempotency_key":"k"}`,
			"destination=sandbox&card="+card+"&fields[amount]=1&fields[currency]=thb&idempotency_key=k").text("location")
		call("GET /v1/forwards/{id}", forward, w.secret, `{}`, "")
		call("POST /v1/reveals", "/v1/reveals", w.key(t, policy.Reveal, false),
			`{"card":"`+card+`","fields":["number","name"],"reason":"why"}`, "card="+card+"&fields=number,expiration&reason=why")
		call("DELETE /customers/{id}/cards/{card}", path+"/cards/"+card, w.secret, `{}`, "")
		call("DELETE /customers/{id}", path, w.secret, "", "")

		doc, err := openapi3.NewLoader().LoadFromData(httpapi.OpenAPI())
		if err != nil {
			t.Fatal(err)
		}
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				// Payments speak another language: payment_test.go.
				keyed := op.Security != nil && !slices.Equal(op.Tags, []string{"admin"}) && !slices.Equal(op.Tags, []string{"payments"})
				if operation := method + " " + path; keyed && !seen[operation] {
					t.Errorf("%s was not called", operation)
				}
			}
		}
	}
}

// Refusals of stored cards differ by dialect as those of tokens do.
func TestDocumentedCardRefusals(t *testing.T) {
	w := newWire(t, config{})
	var c wireCustomer
	w.call(t, "POST", "/customers", `{"card":"`+w.token(t)+`"}`).ok(t, &c)
	path := c.Location + "/cards/" + c.Cards.Data[0].ID
	tests := []struct {
		body, version string
		status        int
		code          string
	}{
		{`{"expiration_year":2020}`, "", http.StatusPaymentRequired, "invalid_expiration_date"},
		{`{"expiration_month":13}`, "2030-01-01", http.StatusPaymentRequired, "invalid_expiration_date"},
		{`{"expiration_year":2020,"name":""}`, "", http.StatusBadRequest, "bad_request"},
		{`{"expiration_year":2020}`, "2019-05-29", http.StatusBadRequest, "invalid_card"},
		{`{"name":""}`, "2017-11-02", http.StatusBadRequest, "invalid_card"},
	}
	for _, tt := range tests {
		r := request{method: "PATCH", path: path, auth: basic(w.secret), contentType: "application/json", body: tt.body}
		if tt.version != "" {
			version(tt.version)(&r)
		}
		if a := w.do(t, r); a.status != tt.status || a.text("code") != tt.code {
			t.Errorf("%s in version %q: %d %s, want %d %s", tt.body, tt.version, a.status, a.text("code"), tt.status, tt.code)
		}
	}
}
