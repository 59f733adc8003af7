package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
)

const (
	onePath     = "/api/v1/server-to-server-interface/payment"
	doubledPath = "/api/v1/api/v1/server-to-server-interface/payment"
)

// paymentOf is the documented request, with the payment method and reference
// given.
func paymentOf(method, reference string) string {
	address := `{"country":"JP","email":"billing@testemail.com","phone_number":"8112345678","address1":"1-2-3 Shinjuku","city":"Shinjuku-ku","state":"Tokyo","postal_code":"1600022"}`
	return fmt.Sprintf(`{"amount":"1000","currency":"JPY","payment_method":%s,"merchant_txn_ref":%q,"customer_ip":"127.0.0.1","merchant_id":"< Merchant ID >",`+
		`"return_url":{"webhook_url":"< Webhook url >","success_url":"http://www.successurl.com/","decline_url":"http://www.declineurl.com/"},`+
		`"billing_address":%s,"shipping_address":%s,"time_zone":"Asia/Kuala_Lumpur"}`, method, reference, address, address)
}

func stored(id string) string {
	return fmt.Sprintf(`{"type":"scheme","store_payment_method":true,"stored_payment_method_id":%q}`, id)
}

// pay posts to the front. It speaks another language than every other route, so
// that only the document is held against the answer.
func (w *wire) pay(t testing.TB, path, body string, edits ...func(*request)) answer {
	t.Helper()
	r := request{method: "POST", path: path, auth: w.secret, contentType: "application/json", header: []string{"x-api-key: " + w.secret}, body: body}
	for _, edit := range edits {
		edit(&r)
	}
	sent := r.bytes(w.addr)
	a := send(t, dial(t, w.addr), sent, r.method)
	a.documented(t, sent, w.tags...)
	noNumber(t, "the answer", a.raw)
	return a
}

// method is the stored payment method of a new customer's card.
func (w *wire) method(t testing.TB) (id, cardID string) {
	t.Helper()
	cardID = w.owner(t).Cards.Data[0].ID
	r, err := w.CardRecord(t.Context(), w.Operator, cardID)
	if err != nil || r.Method == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	return r.Method, cardID
}

type wirePayment struct {
	Success    bool
	StatusCode int `json:"status_code"`
	Gateway    struct{ Type, Message, Code string }
	Details    struct {
		Amount json.Number
		Scheme string
		Card   struct{ Name, Number, ExpMonth, ExpYear string }
	} `json:"payment_details"`
	Transaction struct {
		ID, Timestamp string
		Reference     string  `json:"merchant_txn_ref"`
		Method        *string `json:"stored_payment_method_id"`
	} `json:"transaction_details"`
}

func (a answer) payment(t testing.TB, status int) wirePayment {
	t.Helper()
	var p wirePayment
	if err := json.Unmarshal([]byte(a.raw), &p); err != nil {
		t.Fatalf("%v: %s", err, a.raw)
	}
	if a.status != status || p.StatusCode != status || p.Success != (status == http.StatusCreated) {
		t.Errorf("status %d, status_code %d, success %v, want %d: %s", a.status, p.StatusCode, p.Success, status, a.raw)
	}
	return p
}

// TestPaymentPaths: both documented paths, both documented spellings of the id,
// and the card's own id do the same.
func TestPaymentPaths(t *testing.T) {
	w := newTill(t)
	id, cardID := w.method(t)
	n := 0
	for _, path := range []string{onePath, doubledPath, onePath + "/"} {
		for _, method := range []string{
			stored(id), strings.ReplaceAll(stored(id), `"stored_payment_method_id"`, `"store_payment_method_id"`), stored(cardID), stored(strings.ToUpper(id)),
			strings.Replace(stored(id), `"type"`, `"store_payment_method_id":"`+id+`","type"`, 1),
		} {
			n++
			p := w.pay(t, path, paymentOf(method, fmt.Sprint("order-", n))).payment(t, http.StatusCreated)
			if p.Transaction.Method == nil || *p.Transaction.Method != id || p.Details.Card.Number != "************4242" || p.Details.Scheme != "VISA" || p.Details.Amount != "1000" {
				t.Errorf("%s %s: %+v", path, method, p)
			}
		}
	}
	if got := w.processor.Statistics(); got.Received != n || got.Duplicates != 0 {
		t.Errorf("the processor saw %+v, want %d", got, n)
	}
}

// TestPaymentIsMadeOnce: the same reference with the same request gets the same
// answer, another request is another payment.
func TestPaymentIsMadeOnce(t *testing.T) {
	w := newTill(t)
	id, _ := w.method(t)
	first := w.pay(t, onePath, paymentOf(stored(id), "qwe"))
	first.payment(t, http.StatusCreated)
	again := w.pay(t, onePath, paymentOf(stored(id), "qwe"))
	if again.raw != first.raw || again.status != first.status || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %d %s, want the first answer", again.status, again.raw)
	}
	// The same over the other path, in another order, with a number for a text and
	// the other name of the id.
	var members map[string]any
	if err := json.Unmarshal([]byte(strings.Replace(paymentOf(stored(id), "qwe"), `"stored_payment_method_id"`, `"store_payment_method_id"`, 1)), &members); err != nil {
		t.Fatal(err)
	}
	members["amount"], members["unknown"] = 1000, nil
	shuffled, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	if same := w.pay(t, doubledPath, string(shuffled)); same.raw != first.raw || same.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("got %d %s, want the first answer", same.status, same.raw)
	}
	other := w.pay(t, onePath, strings.Replace(paymentOf(stored(id), "qwe"), `"1000"`, `2000`, 1)).payment(t, http.StatusCreated)
	if other.Details.Amount != "2000" || w.processor.Statistics().Received != 2 {
		t.Errorf("%+v; the processor saw %+v", other, w.processor.Statistics())
	}
}

func TestPaymentKeys(t *testing.T) {
	w := newTill(t)
	id, _ := w.method(t)
	n := 0
	try := func(name string, want int, authorization, apiKey string) {
		t.Helper()
		n++
		a := w.pay(t, onePath, paymentOf(stored(id), fmt.Sprint("order-", n)), func(r *request) {
			r.auth, r.header = authorization, nil
			if apiKey != "" {
				r.header = []string{"X-API-Key: " + apiKey}
			}
		})
		if a.status != want {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.raw, want)
		}
	}
	other := w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Secret, false).Reveal()
	try("raw", 201, w.secret, w.secret)
	try("behind Basic", 201, "Basic "+w.secret, w.public)
	try("as basic authentication", 201, basic(w.secret+":"), w.public)
	try("without a colon", 201, basic(w.secret), w.secret)
	try("no x-api-key", 401, w.secret, "")
	try("no authorization", 401, "", w.secret)
	try("a public key", 401, w.public, w.secret)
	try("another merchant's x-api-key", 401, w.secret, other)
	try("another mode's x-api-key", 401, w.secret, w.key(t, policy.Secret, true))
	try("an unknown x-api-key", 401, w.secret, "skey_test_0000000000000000000")
	try("another merchant", 404, other, other)
}

// TestPaymentRefusals: each in the envelope, none with what was sent.
func TestPaymentRefusals(t *testing.T) {
	w := newTill(t)
	id, _ := w.method(t)
	good := paymentOf(stored(id), "order-1")
	change := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %s in the request", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	unknown := w.pay(t, onePath, change(id, "094db781-fabc-4c6d-8fcd-18bee06a527a")).payment(t, http.StatusNotFound)
	if unknown.Transaction.Reference != "order-1" {
		t.Errorf("the error names %q, want the merchant's reference", unknown.Transaction.Reference)
	}
	for _, test := range []struct {
		name, body string
		status     int
	}{
		{"no body", `{}`, 400},
		{"broken", good[:40], 400},
		{"amount 0", change(`"1000"`, `0`), 400},
		{"amount with decimals", change(`"1000"`, `"10.00"`), 400},
		{"amount too large", change(`"1000"`, `1000000000000`), 400},
		{"currency", change(`"JPY"`, `"YEN!"`), 400},
		{"no reference", change(`"order-1"`, `""`), 400},
		{"type", change(`"scheme"`, `"wallet"`), 400},
		{"no method", change(stored(id), `{"type":"scheme"}`), 400},
		{"a method that is no object", change(stored(id), `"x"`), 400},
		{"two ids that differ", change(`"type"`, `"store_payment_method_id":"094db781-fabc-4c6d-8fcd-18bee06a527a","type"`), 400},
		{"a method and a card", change(`"type"`, `"card":{"number":"1"},"type"`), 400},
		{"an unknown id", change(id, "094db781-fabc-4c6d-8fcd-18bee06a527a"), 404},
		{"no id", change(id, "x"), 404},
		{"a token as the id", change(id, w.token(t)), 404},
		{"a number as the id", change(id, "4242424242424242"), 400},
		{"a number as the reference", change("order-1", "4242424242424242"), 400},
		{"a number in the address", change("Shinjuku-ku", "4242 4242 4242 4242"), 400},
		{"a code in the address", change(`"city"`, `"cvv":"123","city"`), 400},
		{"an unknown token", change(stored(id), `{"card":"tokn_test_absent"}`), 404},
		{"a number as the token", change(stored(id), `{"card":"4242424242424242"}`), 400},
		{"an invalid card", change(stored(id), `{"card":{"number":"4242424242424241","name":"X","exp_month":"1","exp_year":"40"}}`), 400},
	} {
		a := w.pay(t, onePath, test.body)
		p := a.payment(t, test.status)
		if p.Gateway.Type != "" && p.Gateway.Type != "ERROR" {
			t.Errorf("%s: %s", test.name, a.raw)
		}
	}
	if got := w.processor.Statistics().Received; got != 0 {
		t.Errorf("the processor saw %d payments", got)
	}
}

// TestPaymentKeepsCards: a raw card and a token are kept if that is asked for.
func TestPaymentKeepsCards(t *testing.T) {
	w := newTill(t)
	raw := `{"number":"5555555555554444","name":"JOHN DOE","exp_month":12,"exp_year":"40","cvv":"123"}`
	n := 0
	pay := func(method string) wirePayment {
		t.Helper()
		n++
		return w.pay(t, doubledPath, paymentOf(method, fmt.Sprint("order-", n))).payment(t, http.StatusCreated)
	}
	for _, given := range []string{raw, fmt.Sprintf("%q", w.token(t))} {
		p := pay(`{"type":"scheme","store_payment_method":true,"card":` + given + `}`)
		if p.Transaction.Method == nil {
			t.Fatalf("%.9s was not kept: %+v", given, p)
		}
		if again := pay(stored(*p.Transaction.Method)); again.Details.Card.Number != p.Details.Card.Number {
			t.Errorf("paid with %+v, then %+v", p.Details.Card, again.Details.Card)
		}
	}
	if p := pay(`{"card":` + raw + `}`); p.Transaction.Method != nil || p.Details.Scheme != "MASTERCARD" || p.Details.Card.Number != "************4444" {
		t.Errorf("a card that is not to be kept: %+v", p)
	}
}

// TestPaymentOutcomes: what the processor does wrong is told in the envelope.
func TestPaymentOutcomes(t *testing.T) {
	w := newTill(t)
	id, _ := w.method(t)
	for amount, status := range map[string]int{
		"900004": 504, "900006": 504, "900015": 502, "900016": 502, "900017": 502, "900019": 502, "900022": 502,
		"900007": 201, "900008": 201, "900010": 201, "900011": 201, "900012": 201, "900014": 201,
	} {
		body := strings.Replace(paymentOf(stored(id), "order-"+amount), `"1000"`, amount, 1)
		a := w.pay(t, onePath, body)
		a.payment(t, status)
		again := w.pay(t, onePath, body)
		if again.status != a.status || again.status != 504 && again.raw != a.raw {
			t.Errorf("%s: repeated %d %s, first %d %s", amount, again.status, again.raw, a.status, a.raw)
		}
		if got := w.processor.Reference("order-" + amount).Received; got != 1 {
			t.Errorf("%s: the processor saw it %d times", amount, got)
		}
	}
	declined := w.pay(t, onePath, paymentOf(`{"card":{"number":"4111111111140011","name":"JOHN DOE","exp_month":12,"exp_year":2040}}`, "poor")).payment(t, http.StatusPaymentRequired)
	if declined.Transaction.Reference != "poor" || declined.Details.Card.Number != "************0011" {
		t.Errorf("declined: %+v", declined)
	}
}

// TestPaymentMID: a merchant with an id of its own at that front must name it.
func TestPaymentMID(t *testing.T) {
	w := newTill(t)
	merchant := w.Merchant(t, vault.MerchantSettings{PaymentMID: "M1001", ShowFirstDigits: true})
	key := w.Key(t, merchant, policy.Secret, false).Reveal()
	raw := paymentOf(`{"card":{"number":"4242424242424242","name":"JOHN DOE","exp_month":12,"exp_year":2040}}`, "x")
	as := func(r *request) { r.auth, r.header = key, []string{"x-api-key: " + key} }
	w.pay(t, onePath, raw, as).payment(t, http.StatusForbidden)
	if p := w.pay(t, onePath, strings.Replace(raw, "< Merchant ID >", "M1001", 1), as).payment(t, http.StatusCreated); p.Details.Card.Number != "424242******4242" {
		t.Errorf("first digits are shown to this merchant: %+v", p)
	}
}
