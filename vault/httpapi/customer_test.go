package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// call sends a JSON body with the secret key.
func (w *wire) call(t testing.TB, method, path, body string) answer {
	t.Helper()
	r := request{method: method, path: path, auth: basic(w.secret + ":"), body: body}
	if body != "" {
		r.contentType = "application/json"
	}
	return w.do(t, r)
}

// ok wants 200 and decodes the body into out.
func (a answer) ok(t testing.TB, out any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	if err := json.Unmarshal([]byte(a.raw), out); err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
}

// The objects as a strict client decodes them: what is no pointer is not null.
type (
	wireList[T any] struct {
		Object, Location, Order, From, To string
		Limit, Offset, Total              int
		Data                              []T
	}
	wireCard struct {
		Object, ID, Brand, Fingerprint, Name, Country, Bank, Financing string
		Location, City                                                 *string
		LastDigits                                                     string `json:"last_digits"`
		ExpirationMonth                                                int    `json:"expiration_month"`
		ExpirationYear                                                 int    `json:"expiration_year"`
		CreatedAt                                                      string `json:"created_at"`
		Deleted, Livemode                                              bool
	}
	wireCustomer struct {
		Object, ID, Location string
		Livemode, Deleted    bool
		Metadata             map[string]any
		Cards                wireList[wireCard]
		LinkedAccounts       wireList[struct{}] `json:"linked_accounts"`
		DefaultCard          *string            `json:"default_card"`
		Email, Description   *string
		CreatedAt            string `json:"created_at"`
	}
)

// TestExchangeStory is a merchant server's day: token, customer, cards, goodbye.
func TestExchangeStory(t *testing.T) {
	w := newWire(t, config{})
	token := w.token(t)
	var c wireCustomer
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"email":"a@example.com","description":"first","metadata":{"n":1,"s":"x","o":{"p":[true,null]}},"card":%q}`, token)).ok(t, &c)
	if c.Object != "customer" || !strings.HasPrefix(c.ID, "cust_test_") || c.Location != "/customers/"+c.ID || c.Deleted || c.Livemode ||
		*c.Email != "a@example.com" || *c.Description != "first" || fmt.Sprint(c.Metadata) != "map[n:1 o:map[p:[true <nil>]] s:x]" {
		t.Errorf("customer %+v", c)
	}
	card := c.Cards.Data[0]
	cardPath := c.Location + "/cards/" + card.ID
	if card.ID != "card_"+strings.TrimPrefix(token, "tokn_") || *c.DefaultCard != card.ID || *card.Location != cardPath {
		t.Errorf("card %s at %s, default %s", card.ID, *card.Location, *c.DefaultCard)
	}
	if l := c.Cards; l.Object != "list" || l.Location != c.Location+"/cards" || l.Limit != 20 || l.Total != 1 ||
		l.Order != "chronological" || l.From != "1970-01-01T00:00:00Z" || l.To == "" {
		t.Errorf("embedded list %+v", l)
	}
	if c.LinkedAccounts.Location != c.Location+"/linked_accounts" || c.LinkedAccounts.Data == nil {
		t.Errorf("linked accounts %+v", c.LinkedAccounts)
	}
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"card":%q}`, token)).want(t, 400, "used_token", "token was already used")
	w.call(t, "PATCH", c.Location, `{"card":"card123"}`).want(t, 404, "not_found", "token card123 was not found")
	w.call(t, "PATCH", c.Location, `{"default_card":"card_test_0"}`).want(t, 404, "not_found", "card card_test_0 was not found")

	// Java's PATCH sends zeros and nulls for what it does not touch.
	var changed wireCard
	w.call(t, "PATCH", cardPath, `{"name":"JOHN DOE","city":null,"postal_code":null,"expiration_month":0,"expiration_year":0,"number":"x"}`).ok(t, &changed)
	if changed.Name != "JOHN DOE" || changed.ExpirationMonth != 10 || changed.ExpirationYear != 2030 || changed.Fingerprint != card.Fingerprint {
		t.Errorf("card after PATCH %+v", changed)
	}
	w.call(t, "PATCH", cardPath, `{"name":""}`).want(t, 400, "bad_request", "name can't be blank")
	w.do(t, request{method: "PATCH", path: cardPath, auth: basic(w.secret), contentType: "application/json", body: `{"expiration_year":2020}`,
		header: []string{"Omise-Version: 2019-05-29"}}).want(t, 400, "invalid_card", "expiration date cannot be in the past")

	var gone wireCard
	w.call(t, "DELETE", cardPath, "{}").ok(t, &gone)
	if !gone.Deleted || gone.LastDigits != "4242" || *gone.Location != cardPath {
		t.Errorf("deleted card %+v", gone)
	}
	w.call(t, "GET", cardPath, "").want(t, 404, "not_found", "card "+card.ID+" was not found")
	location := c.Location
	c = wireCustomer{}
	w.call(t, "GET", location, "").ok(t, &c)
	if c.DefaultCard != nil || c.Cards.Total != 0 || c.Cards.Data == nil {
		t.Errorf("customer without cards %+v", c)
	}
	w.call(t, "DELETE", c.Location, "").ok(t, &c)
	if !c.Deleted || *c.Email != "a@example.com" {
		t.Errorf("deleted customer %+v", c)
	}
	for _, path := range []string{c.Location, c.Location + "/cards", c.Location + "/schedules"} {
		w.call(t, "GET", path, "").want(t, 404, "not_found", "customer "+c.ID+" was not found")
	}
}

// TestCustomerForms: the same with forms, trailing slashes and an empty body.
func TestCustomerForms(t *testing.T) {
	w := newWire(t, config{})
	var empty, full wireCustomer
	w.call(t, "POST", "/customers/", "").ok(t, &empty)
	if empty.Email != nil || empty.Description != nil || empty.DefaultCard != nil || empty.Metadata == nil {
		t.Errorf("empty customer %+v", empty)
	}
	form := "email=b%40example.com&metadata[color]=red&card=" + w.token(t)
	w.do(t, request{method: "POST", path: "/customers/", auth: basic(w.secret + ":"), body: form, contentType: "application/x-www-form-urlencoded"}).ok(t, &full)
	if *full.Email != "b@example.com" || full.Metadata["color"] != "red" || full.Cards.Total != 1 {
		t.Errorf("customer %+v", full)
	}
	for _, body := range []string{`{"metadata":"x"}`, `{"metadata":[1]}`, `{"card":{"number":"4242424242424242"}}`, `{"email":{}}`, `{"description":"4242 4242 4242 4242"}`} {
		if a := w.call(t, "POST", "/customers", body); a.status != 400 || a.text("code") != "bad_request" || strings.Contains(a.raw, "4242") {
			t.Errorf("%s: %d %s", body, a.status, a.raw)
		}
	}
	var account struct{ Object, ID, Location string }
	w.call(t, "GET", "/account", "{}").ok(t, &account)
	if account.Object != "account" || account.ID != w.merchant || account.Location != "/account" {
		t.Errorf("account %+v", account)
	}
}

// TestListParameters: in the query as most clients send them, or in the body
// of the GET as Go and Python do.
func TestListParameters(t *testing.T) {
	w := newWire(t, config{})
	var c wireCustomer
	w.call(t, "POST", "/customers", "").ok(t, &c)
	var ids []string
	for range 5 {
		w.clock.advance(time.Minute)
		id := w.token(t)
		w.call(t, "PATCH", c.Location, fmt.Sprintf(`{"card":%q}`, id)).ok(t, &c)
		ids = append(ids, "card_"+strings.TrimPrefix(id, "tokn_"))
	}
	at := func(minutes int) string {
		return time.Date(2026, 5, 17, 12, minutes, 0, 0, time.UTC).Format(time.RFC3339Nano)
	}
	tests := []struct {
		query, body string
		want        []string
		total       int
	}{
		{"", "", ids, 5},
		{"", `{"from":null,"limit":100,"offset":0,"order":null,"to":null}`, ids, 5}, // Python
		{"limit=2", "", ids[:2], 5},
		{"", `{"limit":2}`, ids[:2], 5}, // Go
		{"limit=2&offset=4", "{}", ids[4:], 5},
		{"limit=2", `{"limit":3,"offset":1}`, ids[1:3], 5}, // the query wins
		{"order=reverse_chronological&limit=1", "", ids[4:], 5},
		{"from=" + at(2) + "&to=" + at(3), "", ids[1:3], 2},
		{"from=2026-05-17T12:04:00%2B0000", "", ids[3:], 2}, // Java
		{"from=2026-05-17", "", ids, 5},
		{"to=2026-05-17", "", []string{}, 0},
		{"limit=1000", "", ids, 5},
		{"offset=9", "", []string{}, 5},
	}
	for _, tt := range tests {
		path := c.Location + "/cards"
		if tt.query != "" {
			path += "?" + tt.query
		}
		var l wireList[wireCard]
		w.call(t, "GET", path, tt.body).ok(t, &l)
		var got []string
		for _, card := range l.Data {
			got = append(got, card.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || l.Total != tt.total || l.Limit > 100 {
			t.Errorf("%s %s: %v of %d, want %v of %d", tt.query, tt.body, got, l.Total, tt.want, tt.total)
		}
	}
	for _, query := range []string{"limit=0", "limit=-1", "limit=x", "offset=-1", "order=sideways", "from=yesterday", "to=99999-01-01", "limit[]=1"} {
		name := query[:strings.IndexAny(query, "=[")]
		w.call(t, "GET", c.Location+"/cards?"+query, "").want(t, 400, "bad_request", name+" is invalid")
	}
	var customers wireList[wireCustomer]
	w.call(t, "GET", "/customers?limit=1", "").ok(t, &customers)
	if customers.Total != 1 || customers.Location != "/customers" || customers.Data[0].ID != c.ID {
		t.Errorf("customers %+v", customers)
	}
}

// TestPrivateRoutesNeedASecretKey: the kind of key is judged before anything
// else, and the public listener has none of these routes.
func TestPrivateRoutesNeedASecretKey(t *testing.T) {
	w := newWire(t, config{})
	for _, route := range []string{
		"GET /account", "POST /customers", "GET /customers", "GET /customers/x", "PATCH /customers/x", "DELETE /customers/x",
		"GET /customers/x/schedules", "GET /customers/x/cards", "GET /customers/x/cards/y", "PATCH /customers/x/cards/y", "DELETE /customers/x/cards/y",
	} {
		method, path, _ := strings.Cut(route, " ")
		a := w.do(t, request{method: method, path: path, auth: basic(w.public + ":"), contentType: "application/json", body: "{"})
		a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
		if a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate on the private side", route)
		}
	}
}
