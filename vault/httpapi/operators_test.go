package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
	"github.com/panvault/panvault/vault/httpapi/wiretest"
)

// operators is the operators' side of a wire: its admin listener and their key.
type operators struct {
	*wire
	handler http.Handler
	key     string
}

func newOperators(t testing.TB, c config) *operators {
	t.Helper()
	o := &operators{wire: newWire(t, c)}
	o.handler = newAdmin(o.wire).Handler(o.api.Handler(httpapi.Operators))
	_, secret, err := o.CreateAPIKey(t.Context(), o.Operator, vault.NewAPIKey{Kind: policy.Operator, Label: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	o.key = secret.Reveal()
	return o
}

// ask reads a path of the admin listener; the answer must be as documented.
func (o *operators) ask(t testing.TB, key, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if key != "" {
		r.SetBasicAuth(key, "")
	}
	rec := httptest.NewRecorder()
	o.handler.ServeHTTP(rec, r)
	if err := wiretest.Check(wiretest.Exchange{
		Method: "GET", Target: path, Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes(), Tags: []string{"admin", "operators"},
	}); err != nil {
		t.Errorf("GET %s: not as documented: %v\n%s", path, err, rec.Body)
	}
	return rec
}

// read reads a path as an operator.
func (o *operators) read(t testing.TB, path string, into any) {
	t.Helper()
	rec := o.ask(t, o.key, path)
	if rec.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}

// TestOperatorsNeedTheirKey: no key and merchants' keys are refused alike, and
// the merchants' listeners know no such path.
func TestOperatorsNeedTheirKey(t *testing.T) {
	o := newOperators(t, config{})
	token := o.token(t)
	for _, path := range []string{"/admin/cards?brand=visa", "/admin/cards/" + token, "/admin/customers/cust_test_x", "/admin/retention", "/admin/cards"} {
		for name, key := range map[string]string{"none": "", "public": o.public, "secret": o.secret, "live": o.wire.key(t, policy.Secret, true), "wrong": o.key[:len(o.key)-1] + "_"} {
			if rec := o.ask(t, key, path); rec.Code != http.StatusUnauthorized || !strings.Contains(rec.Body.String(), "authentication_failure") {
				t.Errorf("GET %s with the key %s: %d %s", path, name, rec.Code, rec.Body)
			}
		}
		path, _, _ = strings.Cut(path, "?")
		for _, key := range []string{o.public, o.secret} {
			o.get(t, path, as(key)).want(t, http.StatusNotFound, "not_found", unknownRoute)
		}
		if a := o.get(t, path, as(o.key)); a.status == http.StatusOK {
			t.Errorf("GET %s on a merchants' listener: %d", path, a.status)
		}
	}
	for _, path := range []string{"/customers", "/tokens/" + token, "/account"} {
		if rec := o.ask(t, o.secret, path); rec.Code == http.StatusOK {
			t.Errorf("GET %s on the admin listener: %d", path, rec.Code)
		}
	}
}

func TestOperatorsFindCards(t *testing.T) {
	o := newOperators(t, config{})
	var customer wireCustomer
	token := o.token(t)
	o.call(t, "POST", "/customers", `{"card":"`+token+`"}`).ok(t, &customer)
	o.token(t)
	var all httpapi.FoundCards
	o.read(t, "/admin/cards?last_digits=4242", &all)
	if len(all.Data) != 2 || all.Next != nil || all.Searched != 2 || all.Object != "list" {
		t.Fatalf("found %+v, want two cards", all)
	}
	stored := all.Data[0]
	if stored.Customer == nil {
		stored = all.Data[1]
	}
	if stored.ID != cardOf(token) || stored.Token != token || *stored.Customer != customer.ID || stored.State != "stored" || *stored.LastDigits != "4242" || *stored.Brand != "Visa" {
		t.Errorf("found %+v", stored)
	}
	print := url.QueryEscape(*stored.Fingerprint)
	for query, want := range map[string]int{
		"brand=visa": 2, "brand=VISA&livemode=false": 2, "brand=visa&livemode=true": 0, "bin=424242": 2, "bin=5555": 0,
		"fingerprint=" + print: 2, "customer=" + customer.ID: 1, "customer=" + customer.ID + "&bin=4242&last_digits=4242&brand=visa&fingerprint=" + print: 1,
		"brand=visa&merchant=" + o.merchant: 2, "brand=visa&merchant=mrch_000000000000000000000000": 0, "brand=visa&limit=1": 1, "brand=visa&from=2026-05-17T12:00:00Z": 2,
		"brand=visa&to=2026-05-17T11:59:59Z": 0, "brand=visa&after=" + all.Data[0].ID: 1,
	} {
		var found httpapi.FoundCards
		if o.read(t, "/admin/cards?"+query, &found); len(found.Data) != want {
			t.Errorf("?%s: %d found, want %d", query, len(found.Data), want)
		}
	}
	var first, second httpapi.FoundCards
	o.read(t, "/admin/cards?brand=visa&limit=1", &first)
	o.read(t, "/admin/cards?brand=visa&limit=1&after="+*first.Next, &second)
	if first.Data[0].ID != all.Data[0].ID || second.Data[0].ID != all.Data[1].ID {
		t.Errorf("pages hold %s and %s, want %s and %s", first.Data[0].ID, second.Data[0].ID, all.Data[0].ID, all.Data[1].ID)
	}
	for _, query := range []string{"", "livemode=true", "last_digits=424", "bin=4242424", "brand=nobrand", "fingerprint=x", "fingerprint=AAAA", "livemode=yes&brand=visa",
		"brand=visa&limit=0", "brand=visa&limit=101", "brand=visa&from=yesterday", "brand=visa&after=x", "brand=visa&merchant=mrch_0", "customer=x", "bin=4242424242424242"} {
		if rec := o.ask(t, o.key, "/admin/cards?"+query); rec.Code != http.StatusBadRequest {
			t.Errorf("?%s: %d %s, want 400", query, rec.Code, rec.Body)
		}
	}
}

// TestOperatorsSeeDestruction: what was deleted through the API is shown as
// destroyed, with its shred horizon, and found no more.
func TestOperatorsSeeDestruction(t *testing.T) {
	o := newOperators(t, config{vault: func(v *vault.Options) { v.Retention.Backups = 7 }})
	token := o.token(t)
	var card httpapi.CardRecord
	if o.read(t, "/admin/cards/"+token, &card); card.State != "unused" || card.ExpiresAt == nil || *card.ExpiresAt != "2026-05-17T12:30:00Z" || card.ShredHorizon != nil {
		t.Errorf("a token: %+v", card)
	}
	var customer wireCustomer
	o.call(t, "POST", "/customers", `{"card":"`+token+`"}`).ok(t, &customer)
	var record httpapi.CustomerRecord
	if o.read(t, "/admin/customers/"+customer.ID, &record); record.State != "active" || record.Cards != 1 || record.ShredHorizon != nil {
		t.Errorf("customer %+v", record)
	}
	o.call(t, "DELETE", "/customers/"+customer.ID, "").check(t)
	card = httpapi.CardRecord{}
	if o.read(t, "/admin/cards/"+cardOf(token), &card); card.State != "destroyed" || card.Brand != nil || card.LastDigits != nil || card.Fingerprint != nil ||
		card.ExpirationYear != nil || *card.DeletedAt != "2026-05-17T12:00:00Z" || *card.ShredHorizon != "2026-05-24T12:00:00Z" {
		t.Errorf("a destroyed card: %+v", card)
	}
	if o.read(t, "/admin/customers/"+customer.ID, &record); record.State != "destroyed" || record.Cards != 0 || *record.ShredHorizon != "2026-05-24T12:00:00Z" {
		t.Errorf("a destroyed customer: %+v", record)
	}
	var found httpapi.FoundCards
	if o.read(t, "/admin/cards?brand=visa", &found); len(found.Data) != 0 {
		t.Errorf("found %+v", found.Data)
	}
	for _, path := range []string{"/admin/cards/card_test_absent", "/admin/cards/" + customer.ID, "/admin/customers/" + token, "/admin/customers/x/", "/admin/x"} {
		if rec := o.ask(t, o.key, path); rec.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, rec.Code)
		}
	}
}

func TestOperatorsSeeRetention(t *testing.T) {
	o := newOperators(t, config{vault: func(v *vault.Options) { v.Retention = vault.Retention{AfterExpiry: 30, AfterUse: 400, Backups: 7} }})
	o.token(t)
	o.call(t, "POST", "/customers", `{"card":"`+o.token(t)+`"}`).check(t)
	o.clock.advance(30 * time.Minute)
	var r httpapi.RetentionReport
	o.read(t, "/admin/retention", &r)
	want := httpapi.RetentionReport{
		Object: "retention_report", At: "2026-05-17T12:30:00Z", Due: 1, OldestLapse: r.OldestLapse,
		Kept: httpapi.RetentionKept{UnusedTokens: 1, StoredCards: 1}, Rules: httpapi.RetentionRules{TokenTTL: "30m0s", AfterExpiry: 30, AfterUse: 400, Backups: 7},
	}
	if r != want || *r.OldestLapse != "2026-05-17T12:30:00Z" {
		t.Errorf("%+v, want %+v", r, want)
	}
	o.clock.advance(time.Minute)
	if o.read(t, "/admin/retention", &r); r.PastRetention != 1 || r.Past != (httpapi.RetentionPast{LapsedTokens: 1}) {
		t.Errorf("a minute later: %+v", r)
	}
	if _, err := o.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = httpapi.RetentionReport{}
	if o.read(t, "/admin/retention", &r); r.PastRetention != 0 || r.Due != 0 || r.OldestLapse != nil || r.Kept.StoredCards != 1 {
		t.Errorf("after the sweep: %+v", r)
	}
}
