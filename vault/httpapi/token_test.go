package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/httpapi"
)

var longText = strings.Repeat("long text ", 25)

// shape is what the contract says of a field: its type, whether it may be null
// and what a string looks like.
type shape struct {
	kind    string // text, bool, int, object
	null    bool
	pattern string
}

const (
	idPattern   = `(test_)?[0-9a-z]{24}`
	timePattern = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`
)

// tokenShape is contract 5.1, cardShape 5.2.
var (
	tokenShape = map[string]shape{
		"object": {"text", false, `^token$`}, "id": {"text", false, `^tokn_` + idPattern + `$`},
		"livemode": {kind: "bool"}, "location": {"text", false, `^https://vault\.example/tokens/tokn_` + idPattern + `$`},
		"used": {kind: "bool"}, "charge_status": {"text", false, `^(unknown|pending|successful|failed|reversed|expired)$`},
		"card": {"object", true, ""}, "created_at": {"text", false, timePattern},
	}
	cardShape = map[string]shape{
		"object": {"text", false, `^card$`}, "id": {"text", false, `^card_` + idPattern + `$`},
		"livemode": {kind: "bool"}, "location": {kind: "text", null: true}, "deleted": {kind: "bool"},
		"street1": {kind: "text", null: true}, "street2": {kind: "text", null: true}, "city": {kind: "text", null: true},
		"state": {kind: "text", null: true}, "phone_number": {kind: "text", null: true}, "postal_code": {kind: "text", null: true},
		"country": {"text", false, `^([a-z]{2})?$`}, "financing": {"text", false, `^(credit|debit|prepaid)?$`}, "bank": {kind: "text"},
		"brand":       {"text", false, `^(Visa|MasterCard|JCB|American Express|Diners Club|Discover|UnionPay)$`},
		"fingerprint": {"text", false, `^[0-9A-Za-z+/]{43}=$`}, "first_digits": {"text", true, `^\d{6}$`},
		"last_digits": {"text", false, `^\d{4}$`}, "name": {"text", false, `.`},
		"expiration_month": {kind: "int"}, "expiration_year": {kind: "int"}, "security_code_check": {kind: "bool"},
		"tokenization_method": {"text", true, `^(googlepay|applepay)$`}, "created_at": {"text", false, timePattern},
	}
)

// checkToken checks every field of a token and its card, and that there is no
// other.
func checkToken(t testing.TB, a answer, created bool) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.raw)
	}
	token := a.object(t)
	checkShape(t, token, tokenShape, created)
	inner, ok := token["card"].(map[string]any)
	if !ok {
		t.Fatalf("an unused token has no card: %s", a.raw)
	}
	checkShape(t, inner, cardShape, created)
	if inner["location"] != nil || inner["deleted"] != false || inner["security_code_check"] != true {
		t.Errorf("card of a token: location %v, deleted %v, security_code_check %v; want null, false, true",
			inner["location"], inner["deleted"], inner["security_code_check"])
	}
	tokenID, cardID := token["id"].(string), inner["id"].(string)
	if strings.TrimPrefix(tokenID, "tokn_") != strings.TrimPrefix(cardID, "card_") {
		t.Errorf("token %s and card %s do not share their suffix", tokenID, cardID)
	}
	if token["location"] != publicURL+"/tokens/"+tokenID {
		t.Errorf("location %v", token["location"])
	}
	if live := !strings.HasPrefix(tokenID, "tokn_test_"); token["livemode"] != live || inner["livemode"] != live {
		t.Errorf("livemode %v and %v of %s", token["livemode"], inner["livemode"], tokenID)
	}
}

func checkShape(t testing.TB, got map[string]any, want map[string]shape, created bool) {
	t.Helper()
	for name, value := range got {
		s, known := want[name]
		if name == "created" && created {
			if value != got["created_at"] {
				t.Errorf("created %v is no copy of created_at %v", value, got["created_at"])
			}
			continue
		}
		if !known {
			t.Errorf("unknown field %s: %v", name, value)
			continue
		}
		if value == nil && !s.null {
			t.Errorf("%s is null", name)
		} else if value != nil && !s.fits(value) {
			t.Errorf("%s is %v (%T), want %s like %q", name, value, value, s.kind, s.pattern)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("no field %s", name)
		}
	}
	if _, ok := got["created"]; ok != created {
		t.Errorf("created is there: %t, want %t", ok, created)
	}
}

func (s shape) fits(value any) bool {
	switch v := value.(type) {
	case string:
		return s.kind == "text" && regexp.MustCompile(s.pattern).MatchString(v)
	case bool:
		return s.kind == "bool"
	case json.Number:
		return s.kind == "int" && regexp.MustCompile(`^\d+$`).MatchString(v.String())
	case map[string]any:
		return s.kind == "object"
	}
	return false
}

// Every parameter that is shown comes back, cleaned as the contract says.
func TestTokenEchoesTheHolder(t *testing.T) {
	table, err := card.LoadIIN(strings.NewReader("iin_start,iin_end,bank,financing,country\n424242,,Bank of Tests,credit,th\n"))
	if err != nil {
		t.Fatal(err)
	}
	issuers := &card.IINSource{}
	issuers.Swap(table)
	w := newWire(t, config{vault: func(o *vault.Options) { o.Issuers = issuers }})
	a := w.post(t, cardJSON(map[string]string{
		"name": `"  สมชาย 太郎 <O'Neil> & \"Co\"\u3000"`, "street1": `"1 Main Road"`, "street2": `"2nd floor"`, "city": `"Bangkok"`,
		"state": `"BKK"`, "postal_code": `10320`, "country": `"TH"`, "phone_number": `"0123456789"`, "email": `"jane@example.com"`,
		"expiration_month": `"03"`, "expiration_year": `"31"`,
	}))
	checkToken(t, a, false)
	got := a.object(t)["card"].(map[string]any)
	for _, drawn := range []string{"id", "fingerprint"} {
		delete(got, drawn)
	}
	want := map[string]any{
		"object": "card", "livemode": false, "location": nil, "deleted": false,
		"street1": "1 Main Road", "street2": "2nd floor", "city": "Bangkok", "state": "BKK", "phone_number": "0123456789",
		"postal_code": "10320", "country": "th", "financing": "credit", "bank": "Bank of Tests", "brand": "Visa",
		"first_digits": nil, "last_digits": "4242", "name": `สมชาย 太郎 <O'Neil> & "Co"`,
		"expiration_month": json.Number("3"), "expiration_year": json.Number("2031"), "security_code_check": true,
		"tokenization_method": nil, "created_at": "2026-05-17T12:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"4242424242424242", "jane@example.com", "security_code\":"} {
		if strings.Contains(a.raw, secret) {
			t.Errorf("the answer contains %q", secret)
		}
	}
	// The country of the issuer stands in for one that was not given.
	a = w.post(t, cardJSON(nil))
	if got := a.object(t)["card"].(map[string]any)["country"]; got != "th" {
		t.Errorf("country %v, want the issuer's", got)
	}
}

func TestBrandsOnTheWire(t *testing.T) {
	w := newWire(t, config{})
	for number, brand := range map[string]string{
		"4242424242424242": "Visa", "4111111111111111": "Visa", "5555555555554444": "MasterCard", "5454545454545454": "MasterCard",
		"3530111333300000": "JCB", "3566111111111113": "JCB", "378282246310005": "American Express",
		"6447032400000000001": "Discover", "36021042000004": "Diners Club", "6250947000000006": "UnionPay", "4000000000003063": "Visa",
	} {
		a := w.post(t, cardJSON(map[string]string{"number": number, "security_code": ""}))
		checkToken(t, a, false)
		inner := a.object(t)["card"].(map[string]any)
		if inner["brand"] != brand || inner["last_digits"] != number[len(number)-4:] {
			t.Errorf("…%s: %v …%v, want %s", number[len(number)-4:], inner["brand"], inner["last_digits"], brand)
		}
	}
}

// The fingerprint is the same for a number however it is written, within one
// merchant and mode, and differs between them.
func TestFingerprintOnTheWire(t *testing.T) {
	w := newWire(t, config{})
	print := func(a answer) string {
		t.Helper()
		checkToken(t, a, false)
		s, _ := a.object(t)["card"].(map[string]any)["fingerprint"].(string)
		if b, err := base64.StdEncoding.DecodeString(s); err != nil || len(b) != 32 {
			t.Errorf("fingerprint %q is not 32 bytes in base64", s)
		}
		return s
	}
	first := print(w.post(t, cardJSON(nil)))
	same := []answer{
		w.post(t, cardJSON(map[string]string{"name": `"JOHN ROE"`, "expiration_year": `2031`})),
		w.post(t, cardJSON(map[string]string{"number": `4242424242424242`})),
		w.post(t, cardForm(nil), asForm),
	}
	for i, a := range same {
		if got := print(a); got != first {
			t.Errorf("%d: fingerprint %s, want %s", i, got, first)
		}
	}
	other := w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Public, false).Reveal()
	different := []answer{
		w.post(t, cardJSON(map[string]string{"number": `"4111111111111111"`})),
		w.post(t, cardJSON(nil), as(w.key(t, policy.Public, true))),
		w.post(t, cardJSON(nil), as(other)),
	}
	for i, a := range different {
		if got := print(a); got == first {
			t.Errorf("%d: the fingerprint is the same", i)
		}
	}
}

func TestMerchantSettingsOnTheWire(t *testing.T) {
	w := newWire(t, config{merchant: vault.MerchantSettings{ShowFirstDigits: true, HideFingerprint: true}})
	inner := w.post(t, cardJSON(nil)).object(t)["card"].(map[string]any)
	if inner["first_digits"] != "424242" || inner["fingerprint"] != "" {
		t.Errorf("first_digits %v, fingerprint %v; want 424242 and an empty string", inner["first_digits"], inner["fingerprint"])
	}
}

func TestRelativeLocations(t *testing.T) {
	w := newWire(t, config{api: func(o *httpapi.Options) { o.RelativeLocations = true }})
	a := w.post(t, cardJSON(nil))
	if got, want := a.text("location"), "/tokens/"+a.text("id"); got != want {
		t.Errorf("location %q, want %q", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWire(t, config{})
	for name, opts := range map[string]httpapi.Options{
		"no service": {PublicURL: publicURL},
		"no URL":     {Service: w.Service},
		"no scheme":  {Service: w.Service, PublicURL: "vault.example"},
	} {
		if _, err := httpapi.New(opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
