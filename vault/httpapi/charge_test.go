package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wireCharge is a charge as a strict client decodes it.
type wireCharge struct {
	Object, ID, Location, Currency, Status         string
	Amount                                         int64
	Capture, Authorized, Paid, Reversed, Livemode  bool
	Description, Customer                          *string
	FailureCode, FailureMessage, PaidAt, ExpiresAt *string
	Metadata                                       map[string]any
	Card                                           wireCard
}

// UnmarshalJSON reads the keys that Go's names do not match.
func (c *wireCharge) UnmarshalJSON(b []byte) error {
	type plain wireCharge
	var named struct {
		FailureCode    *string `json:"failure_code"`
		FailureMessage *string `json:"failure_message"`
		PaidAt         *string `json:"paid_at"`
		ExpiresAt      *string `json:"expires_at"`
	}
	if err := json.Unmarshal(b, (*plain)(c)); err != nil {
		return err
	}
	err := json.Unmarshal(b, &named)
	c.FailureCode, c.FailureMessage, c.PaidAt, c.ExpiresAt = named.FailureCode, named.FailureMessage, named.PaidAt, named.ExpiresAt
	return err
}

// charge makes a charge of 1,000 baht and more parameters.
func (w *wire) charge(t testing.TB, more string) wireCharge {
	t.Helper()
	var c wireCharge
	w.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb",`+more+`}`).ok(t, &c)
	return c
}

func (w *wire) charges(t testing.TB) int {
	t.Helper()
	var list wireList[wireCharge]
	w.call(t, "GET", "/charges", "").ok(t, &list)
	return list.Total
}

// TestChargeObject: every key of contract 7.10 is there, with a value of its
// type, in what is made and in what is read later.
func TestChargeObject(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	card := w.get(t, "/tokens/"+token).object(t)["card"]
	made := w.call(t, "POST", "/charges", fmt.Sprintf(`{"amount":"100000","currency":"THB","card":%q,"description":"Order 3947",`+
		`"metadata":{"n":1,"o":{"p":[true,null]}},"return_uri":"https://shop.example/done","ip":"203.0.113.7","platform_fee":{}}`, token))
	id := made.text("id")
	want := map[string]any{
		"object": "charge", "id": id, "livemode": false, "location": "/charges/" + id,
		"amount": json.Number("100000"), "currency": "THB", "description": "Order 3947",
		"metadata": map[string]any{"n": json.Number("1"), "o": map[string]any{"p": []any{true, nil}}},
		"status":   "successful", "capture": true, "authorized": true, "reversed": false, "paid": true,
		"transaction": nil, "refunded_amount": json.Number("0"),
		"refunds": map[string]any{
			"object": "list", "data": []any{}, "limit": json.Number("20"), "offset": json.Number("0"), "total": json.Number("0"),
			"location": "/charges/" + id + "/refunds", "order": "chronological", "from": "1970-01-01T00:00:00Z", "to": "2026-05-17T12:00:00Z",
		},
		"return_uri": "https://shop.example/done", "authorize_uri": nil, "failure_code": nil, "failure_message": nil,
		"card": card, "customer": nil, "ip": "203.0.113.7", "dispute": nil, "source": nil,
		"created_at": "2026-05-17T12:00:00Z", "paid_at": "2026-05-17T12:00:00Z", "reversed_at": nil, "expires_at": "2026-05-24T12:00:00Z",
	}
	if !strings.HasPrefix(id, "chrg_test_") {
		t.Errorf("id %q", id)
	}
	if diff := cmp.Diff(want, made.object(t)); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	w.clock.advance(time.Second)
	if diff := cmp.Diff(want, w.call(t, "GET", "/charges/"+id, "").object(t)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	old := w.do(t, request{method: "GET", path: "/charges/" + id, auth: basic(w.secret), header: []string{"Omise-Version: 2017-11-02"}})
	if old.text("created") != "2026-05-17T12:00:00Z" {
		t.Errorf("version of 2017: %s", old.raw)
	}
	if got := w.processor.Reference(id); got.Received != 1 || got.ChargedAmount != 100000 {
		t.Errorf("the processor saw %+v", got)
	}
	if used, status := w.used(t, token); !used || status != "successful" {
		t.Errorf("token used %v, charge status %q", used, status)
	}
	w.call(t, "POST", "/charges", fmt.Sprintf(`{"amount":100000,"currency":"thb","card":%q}`, token)).want(t, 400, "used_token", "token was already used")
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"card":%q}`, token)).want(t, 400, "used_token", "token was already used")
}

// TestChargeEncodings: amounts are whole numbers or digits, as JSON and as a
// form, and the currency comes back as it was sent.
func TestChargeEncodings(t *testing.T) {
	w := newTill(t)
	customer := w.owner(t).ID
	for _, tt := range []struct {
		json, form, currency string
		amount               int64
		capture              bool
	}{
		{`"amount":100000,"currency":"thb"`, "amount=100000&currency=thb", "thb", 100000, true},
		{`"amount":"100000","currency":"THB","capture":null`, "amount=100000&currency=THB&capture=", "THB", 100000, true},
		{`"amount":"2000","currency":"Thb","capture":false`, "amount=2000&currency=Thb&capture=false", "Thb", 2000, false},
		{`"amount":100,"currency":"jpy","capture":"false"`, "amount=+100+&currency=jpy&capture=false", "jpy", 100, false},
		{`"amount":1,"currency":"usd","capture":true`, "amount=01&currency=usd&capture=true", "usd", 1, true},
		{`"amount":999999999999,"currency":"thb"`, "amount=999999999999&currency=thb", "thb", 999_999_999_999, true},
	} {
		for encoding, a := range map[string]answer{
			"json": w.call(t, "POST", "/charges", `{"customer":"`+customer+`",`+tt.json+`}`),
			"form": w.form(t, "POST", "/charges/", "customer="+customer+"&metadata[a][b]=c&"+tt.form),
		} {
			var c wireCharge
			a.ok(t, &c)
			if c.Amount != tt.amount || c.Currency != tt.currency || c.Capture != tt.capture || c.Paid != tt.capture {
				t.Errorf("%s of %s: %+v", encoding, tt.json, c)
			}
		}
	}
}

// TestChargeRefusals: nothing of what is refused is sent, and no token used.
func TestChargeRefusals(t *testing.T) {
	w := newTill(t)
	token, owner, other := w.token(t), w.owner(t), w.owner(t)
	const currency = "currency is currently not supported"
	const least = "amount must be greater than or equal to "
	for _, tt := range []struct {
		body          string // without braces
		status        int
		code, message string
	}{
		{`"amount":12345,"currency":"omd","card":"{t}"`, 400, "invalid_charge", currency},
		{`"amount":12345,"card":"{t}"`, 400, "invalid_charge", currency},
		{`"amount":1999,"currency":"thb","card":"{t}"`, 400, "invalid_charge", least + "2000 (thb subunits)"},
		{`"amount":"0","currency":"THB","card":"{t}"`, 400, "invalid_charge", least + "2000 (thb subunits)"},
		{`"amount":-5000,"currency":"thb","card":"{t}"`, 400, "invalid_charge", least + "2000 (thb subunits)"},
		{`"amount":99,"currency":"jpy","card":"{t}"`, 400, "invalid_charge", least + "100 (jpy subunits)"},
		{`"amount":0,"currency":"omd","card":"{t}"`, 400, "invalid_charge", currency + " and " + least + "1"},
		{`"amount":"ten","currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is not a number"},
		{`"amount":"1e5","currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is not a number"},
		{`"amount":1000.5,"currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is not a number"},
		{`"amount":null,"currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is not a number"},
		{`"currency":"omd","card":"{t}"`, 400, "invalid_charge", currency + " and amount is not a number"},
		{`"amount":1000000000000,"currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is too large"},
		{`"amount":99999999999999999999,"currency":"thb","card":"{t}"`, 400, "invalid_charge", "amount is too large"},
		{`"amount":[1],"currency":"thb","card":"{t}"`, 400, "bad_request", "amount is invalid"},
		{`"amount":100000,"currency":{},"card":"{t}"`, 400, "bad_request", "currency is invalid"},
		{`"amount":100000,"currency":"thb","card":{"number":"x"}`, 400, "bad_request", "card is invalid"},
		{`"amount":100000,"currency":"thb","card":"{t}","capture":"perhaps"`, 400, "bad_request", "capture is invalid"},
		{`"amount":100000,"currency":"thb","card":"{t}","metadata":[1]`, 400, "bad_request", "metadata is invalid"},
		{`"amount":100000,"currency":"thb"`, 400, "bad_request", "request contains no card parameters"},
		{`"amount":100000,"currency":"thb","card":"tok_asdf"`, 404, "not_found", "token tok_asdf was not found"},
		{`"amount":100000,"currency":"thb","card":"{c}"`, 404, "not_found", "token {c} was not found"},
		{`"amount":100000,"currency":"thb","customer":"cust_test_0"`, 404, "not_found", "customer cust_test_0 was not found"},
		{`"amount":100000,"currency":"thb","customer":"{o}","card":"{c}"`, 404, "not_found", "card {c} was not found"},
		{`"amount":100000,"currency":"thb","customer":"{o}","card":"card_test_0"`, 404, "not_found", "card card_test_0 was not found"},
	} {
		fill := strings.NewReplacer("{t}", token, "{c}", *owner.DefaultCard, "{o}", other.ID)
		body := fill.Replace(tt.body)
		w.call(t, "POST", "/charges", "{"+body+"}").want(t, tt.status, tt.code, fill.Replace(tt.message))
		var flat map[string]any
		d := json.NewDecoder(strings.NewReader("{" + body + "}"))
		d.UseNumber()
		if err := d.Decode(&flat); err != nil {
			t.Fatal(err)
		}
		form := url.Values{}
		for name, value := range flat {
			switch value := value.(type) {
			case string, json.Number:
				form.Set(name, fmt.Sprint(value))
			case []any:
				form.Set(name+"[]", fmt.Sprint(value[0]))
			case map[string]any:
				form.Set(name+"[number]", "x")
			}
		}
		w.form(t, "POST", "/charges", form.Encode()).want(t, tt.status, tt.code, fill.Replace(tt.message))
	}
	dated := request{method: "POST", path: "/charges", auth: basic(w.secret), contentType: "application/json", body: `{"amount":100000,"currency":"thb"}`}
	version("2019-05-29")(&dated)
	w.do(t, dated).want(t, 400, "missing_card", "request contains no card parameters")
	if used, _ := w.used(t, token); used || len(w.ledger(t)) != 0 || w.processor.Statistics().Received != 0 || w.charges(t) != 0 {
		t.Errorf("token used %v, ledger %v, %+v", used, w.ledger(t), w.processor.Statistics())
	}
}

// TestChargeCards: the ways to name a card.
func TestChargeCards(t *testing.T) {
	w := newTill(t)
	owner := w.owner(t)
	second := w.token(t, func(r *request) { r.body = cardJSON(map[string]string{"number": `"5555555555554444"`}) })
	w.call(t, "PATCH", owner.Location, `{"card":"`+second+`"}`).ok(t, &owner)

	if c := w.charge(t, `"customer":"`+owner.ID+`"`); c.Card.ID != *owner.DefaultCard || *c.Customer != owner.ID || c.Card.Location == nil {
		t.Errorf("customer alone: %+v", c)
	}
	if c := w.charge(t, `"customer":"`+owner.ID+`","card":"`+cardOf(second)+`"`); c.Card.ID != cardOf(second) || c.Card.Brand != "MasterCard" {
		t.Errorf("customer and card: %+v", c)
	}
	loose := w.token(t)
	if c := w.charge(t, `"customer":"`+owner.ID+`","card":"`+loose+`"`); c.Card.ID != cardOf(loose) || c.Customer != nil {
		t.Errorf("customer and token: %+v", c)
	}
	if used, status := w.used(t, loose); !used || status != "successful" {
		t.Errorf("token used %v, charge status %q", used, status)
	}
	var empty wireCustomer
	w.call(t, "POST", "/customers", "").ok(t, &empty)
	w.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb","customer":"`+empty.ID+`"}`).want(t, 404, "not_found", "card was not found")

	// What is destroyed keeps its brand and last digits in its charges.
	made := w.charge(t, `"customer":"`+owner.ID+`","card":"`+cardOf(second)+`"`)
	w.call(t, "DELETE", owner.Location+"/cards/"+cardOf(second), "").check(t)
	var later wireCharge
	w.call(t, "GET", made.Location, "").ok(t, &later)
	if c := later.Card; !c.Deleted || c.LastDigits != "4444" || c.Brand != "MasterCard" || c.Name != "" || later.Amount != made.Amount {
		t.Errorf("after its card: %+v", later)
	}
}

// TestChargeDeclines: a declined charge is an answer, and it uses the token.
func TestChargeDeclines(t *testing.T) {
	w := newTill(t)
	for number, code := range map[string]string{
		"4111111111140011": "insufficient_fund", "5555551111110011": "insufficient_fund", "3530111111190011": "insufficient_fund",
		"6250947000000014": "insufficient_fund", "4111111111130012": "stolen_or_lost_card", "4111111111120013": "failed_processing",
		"4111111111110014": "payment_rejected",
	} {
		token := w.token(t, func(r *request) { r.body = cardJSON(map[string]string{"number": `"` + number + `"`}) })
		c := w.charge(t, `"card":"`+token+`"`)
		if c.Status != "failed" || c.Paid || c.Authorized || c.FailureCode == nil || *c.FailureCode != code || c.FailureMessage == nil || c.PaidAt != nil {
			t.Errorf("…%s: %+v, want %s", number[12:], c, code)
		}
		if used, status := w.used(t, token); !used || status != "failed" {
			t.Errorf("…%s: token used %v, charge status %q", number[12:], used, status)
		}
		w.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb","card":"`+token+`"}`).want(t, 400, "used_token", "token was already used")
		w.call(t, "POST", c.Location+"/capture", "").want(t, 400, "failed_capture", "charge is not authorized, or was captured or reversed already")
		w.call(t, "POST", c.Location+"/reverse", "").want(t, 400, "bad_request", "charge was not paid, or was reversed already")
	}
}

// TestChargeList: pages, in the query or in the body of the GET.
func TestChargeList(t *testing.T) {
	w := newTill(t)
	owner := w.owner(t)
	var ids []string
	for range 4 {
		w.clock.advance(time.Minute)
		ids = append(ids, w.charge(t, `"customer":"`+owner.ID+`"`).ID)
	}
	for _, tt := range []struct {
		query, body string
		want        []string
		total       int
	}{
		{"", "", ids, 4},
		{"?limit=3", "", ids[:3], 4},
		{"?limit=2&offset=3", "{}", ids[3:], 4},
		{"", `{"limit":1,"order":"reverse_chronological"}`, ids[3:], 4},
		{"", `{"from":"2026-05-17T12:03:00Z","limit":100}`, ids[2:], 2},
		{"?to=2026-05-17T12:01:00Z", "", ids[:1], 1},
	} {
		var list wireList[wireCharge]
		w.call(t, "GET", "/charges"+tt.query, tt.body).ok(t, &list)
		var got []string
		for _, c := range list.Data {
			got = append(got, c.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || list.Total != tt.total || list.Location != "/charges" {
			t.Errorf("%s %s: %v of %d, want %v of %d", tt.query, tt.body, got, list.Total, tt.want, tt.total)
		}
	}
	for _, query := range []string{"limit=0", "offset=x", "order=up", "from=soon"} {
		name, _, _ := strings.Cut(query, "=")
		w.call(t, "GET", "/charges?"+query, "").want(t, 400, "bad_request", name+" is invalid")
	}
}

// TestChargeChanges: description, metadata, capture and reversal.
func TestChargeChanges(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	c := w.charge(t, `"capture":false,"card":"`+token+`","metadata":{"a":1}`)
	if c.Paid || c.Status != "pending" || !c.Authorized || c.Capture || c.PaidAt != nil || c.ExpiresAt == nil || c.Description != nil {
		t.Errorf("not captured: %+v", c)
	}
	if _, status := w.used(t, token); status != "pending" {
		t.Errorf("charge status %q, want pending", status)
	}
	w.call(t, "PATCH", c.Location, `{"description":"updated charge.","amount":5}`).ok(t, &c)
	if *c.Description != "updated charge." || c.Amount != 100000 || len(c.Metadata) != 1 {
		t.Errorf("described: %+v", c)
	}
	c.Metadata = nil
	w.form(t, "PATCH", c.Location, "metadata[b]=2").ok(t, &c)
	if *c.Description != "updated charge." || fmt.Sprint(c.Metadata) != "map[b:2]" {
		t.Errorf("with metadata: %+v", c)
	}
	w.call(t, "PATCH", c.Location, `{"description":{}}`).want(t, 400, "bad_request", "description is invalid")

	w.clock.advance(time.Hour)
	w.call(t, "POST", c.Location+"/capture", "{}").ok(t, &c)
	if !c.Paid || c.Status != "successful" || *c.PaidAt != "2026-05-17T13:00:00Z" || c.Capture {
		t.Errorf("captured: %+v", c)
	}
	w.call(t, "POST", c.Location+"/capture", "").want(t, 400, "failed_capture", "charge is not authorized, or was captured or reversed already")
	if _, status := w.used(t, token); status != "successful" {
		t.Errorf("charge status %q, want successful", status)
	}
	w.form(t, "POST", c.Location+"/reverse", "").ok(t, &c)
	if c.Paid || !c.Reversed || c.Status != "reversed" {
		t.Errorf("reversed: %+v", c)
	}
	w.call(t, "POST", c.Location+"/reverse", "").want(t, 400, "bad_request", "charge was not paid, or was reversed already")
	if _, status := w.used(t, token); status != "reversed" {
		t.Errorf("charge status %q, want reversed", status)
	}
	if got := w.processor.Reference(c.ID); got.Received != 1 || got.Reversed != 1 || got.Charges != 0 {
		t.Errorf("the processor saw %+v", got)
	}
}

// TestChargesOfOthers: to others a charge, byte for byte, is not there.
func TestChargesOfOthers(t *testing.T) {
	w := newTill(t)
	c := w.charge(t, `"capture":false,"customer":"`+w.owner(t).ID+`"`)
	const absent = "chrg_test_000000000000000000000000"
	for _, route := range []string{"GET ", "PATCH ", "POST /capture", "POST /reverse"} {
		method, action, _ := strings.Cut(route, " ")
		ask := func(id, key string) answer {
			return w.do(t, request{method: method, path: "/charges/" + id + action, auth: basic(key), contentType: "application/json", body: `{"description":"x"}`})
		}
		missing := ask(absent, w.secret)
		missing.want(t, http.StatusNotFound, "not_found", "charge "+absent+" was not found")
		ask("x", w.secret).want(t, http.StatusNotFound, "not_found", "charge x was not found")
		for name, key := range w.strangers(t) {
			a := ask(c.ID, key)
			if got := strings.ReplaceAll(a.raw, c.ID, absent); got != missing.raw || !sameHeaders(a, missing, 0) {
				t.Errorf("%s, %s: %d %s, want %s", route, name, a.status, a.raw, missing.raw)
			}
		}
		swapped := strings.Replace(c.ID, "chrg_test_", "chrg_", 1)
		ask(swapped, w.secret).want(t, http.StatusNotFound, "not_found", "charge "+swapped+" was not found")
	}
	for name, key := range w.strangers(t) {
		var list wireList[wireCharge]
		w.do(t, request{method: "GET", path: "/charges", auth: basic(key)}).ok(t, &list)
		if list.Total != 0 || len(list.Data) != 0 {
			t.Errorf("%s sees %+v", name, list)
		}
	}
	var still wireCharge
	w.call(t, "GET", c.Location, "").ok(t, &still)
	if still.Status != "pending" || still.Description != nil {
		t.Errorf("changed by a stranger: %+v", still)
	}
}

// TestCaptureOfAPart: what cannot be done is refused, not done otherwise.
func TestCaptureOfAPart(t *testing.T) {
	w := newTill(t)
	path := "/charges/" + w.charge(t, `"capture":false,"card":"`+w.token(t)+`"`).ID + "/capture"
	for _, amount := range []string{`1`, `"99999"`, `{}`, `"x"`} {
		w.call(t, "POST", path, `{"capture_amount":`+amount+`}`).
			want(t, http.StatusBadRequest, "bad_request", "capture_amount must be the whole amount: part of a charge cannot be captured")
	}
	var c wireCharge
	w.call(t, "POST", path, `{"capture_amount":"100000"}`).ok(t, &c)
	if !c.Paid {
		t.Errorf("%+v", c)
	}
}
