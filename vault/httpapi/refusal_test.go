package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

const (
	current = "2019-05-29"

	blankMonth  = "expiration month can't be blank and expiration month is not between 1 and 12"
	badMonth    = "expiration month is not between 1 and 12 and expiration date is invalid"
	blankName   = "name can't be blank"
	badName     = "name is invalid"
	blankYear   = "expiration year can't be blank and expiration year is invalid"
	badYear     = "expiration year is invalid"
	past        = "expiration date cannot be in the past"
	blankNumber = "number can't be blank and brand not supported (unknown)"
	badNumber   = "number is invalid"
	badBrand    = "brand not supported (unknown)"
	badBoth     = "number is invalid and brand not supported (unknown)"
	badCode     = "security code is invalid"
	blankAll    = "expiration month can't be blank, expiration month is not between 1 and 12, name can't be blank, " +
		"expiration year can't be blank, expiration year is invalid, number can't be blank, and brand not supported (unknown)"
)

// refusals are cards that are refused. In the dialect of 2019-05-29 each is 400
// invalid_card; status and code are those of the documented dialect.
var refusals = []struct {
	name    string
	set     map[string]string
	status  int
	code    string
	message string
}{
	{"month absent", map[string]string{"expiration_month": ""}, 400, "bad_request", blankMonth},
	{"month null", map[string]string{"expiration_month": `null`}, 400, "bad_request", blankMonth},
	{"month empty", map[string]string{"expiration_month": `""`}, 400, "bad_request", blankMonth},
	{"month 0", map[string]string{"expiration_month": `0`}, 402, "invalid_expiration_date", badMonth},
	{"month 13", map[string]string{"expiration_month": `13`}, 402, "invalid_expiration_date", badMonth},
	{"month 13 as text", map[string]string{"expiration_month": `"13"`}, 402, "invalid_expiration_date", badMonth},
	{"month negative", map[string]string{"expiration_month": `-1`}, 402, "invalid_expiration_date", badMonth},
	{"month fraction", map[string]string{"expiration_month": `10.0`}, 402, "invalid_expiration_date", badMonth},
	{"month exponent", map[string]string{"expiration_month": `1e1`}, 402, "invalid_expiration_date", badMonth},
	{"month a word", map[string]string{"expiration_month": `"May"`}, 402, "invalid_expiration_date", badMonth},
	{"name absent", map[string]string{"name": ""}, 400, "bad_request", blankName},
	{"name null", map[string]string{"name": `null`}, 400, "bad_request", blankName},
	{"name blank", map[string]string{"name": `" \t"`}, 400, "bad_request", blankName},
	{"name full-width blank", map[string]string{"name": `"\u3000"`}, 400, "bad_request", blankName},
	{"name with a number", map[string]string{"name": `"JANE 4242 4242 4242 4242"`}, 400, "bad_request", badName},
	{"name of 256 runes", map[string]string{"name": `"` + strings.Repeat("ก", 256) + `"`}, 400, "bad_request", badName},
	{"name with a control character", map[string]string{"name": `"JANE\u0000DOE"`}, 400, "bad_request", badName},
	{"year absent", map[string]string{"expiration_year": ""}, 400, "bad_request", blankYear},
	{"year three digits", map[string]string{"expiration_year": `203`}, 402, "invalid_expiration_date", badYear},
	{"year Buddhist", map[string]string{"expiration_year": `2573`}, 402, "invalid_expiration_date", badYear},
	{"year fraction", map[string]string{"expiration_year": `2030.5`}, 402, "invalid_expiration_date", badYear},
	{"last month", map[string]string{"expiration_month": `4`, "expiration_year": `2026`}, 402, "invalid_expiration_date", past},
	{"last year, two digits", map[string]string{"expiration_year": `"25"`}, 402, "invalid_expiration_date", past},
	{"number absent", map[string]string{"number": ""}, 400, "bad_request", blankNumber},
	{"number null", map[string]string{"number": `null`}, 400, "bad_request", blankNumber},
	{"number blank", map[string]string{"number": `"  "`}, 400, "bad_request", blankNumber},
	{"number letters", map[string]string{"number": `"4242x24242424242"`}, 400, "bad_request", badNumber},
	{"number full-width", map[string]string{"number": `"４２４２４２４２４２４２４２４２"`}, 400, "bad_request", badNumber},
	{"number 11 digits", map[string]string{"number": `"42424242424"`}, 400, "bad_request", badNumber},
	{"number 20 digits", map[string]string{"number": `"42424242424242424242"`}, 400, "bad_request", badNumber},
	{"number too short for the brand", map[string]string{"number": `"424242424242422"`}, 400, "bad_request", badNumber},
	{"number exponent", map[string]string{"number": `1e15`}, 400, "bad_request", badNumber},
	{"number fraction", map[string]string{"number": `4242424242424242.0`}, 400, "bad_request", badNumber},
	{"number short fraction", map[string]string{"number": `4242.0`}, 400, "bad_request", badNumber},
	{"number negative", map[string]string{"number": `-4242424242424242`}, 400, "bad_request", badNumber},
	{"Luhn", map[string]string{"number": `"4242424242424241"`}, 402, "invalid_card", badNumber},
	{"Luhn, JSON number", map[string]string{"number": `4242424242424241`}, 402, "invalid_card", badNumber},
	{"brand unknown", map[string]string{"number": `"9999999999999995"`}, 402, "invalid_card", badBrand},
	{"Luhn and brand", map[string]string{"number": `"9999999999999999"`}, 402, "invalid_card", badBoth},
	{"code two digits", map[string]string{"security_code": `"12"`}, 402, "invalid_security_code", badCode},
	{"code four digits", map[string]string{"security_code": `"1234"`}, 402, "invalid_security_code", badCode},
	{"code lost its zero", map[string]string{"security_code": `12`}, 402, "invalid_security_code", badCode},
	{"code letters", map[string]string{"security_code": `"12a"`}, 402, "invalid_security_code", badCode},
	{"code negative", map[string]string{"security_code": `-12`}, 402, "invalid_security_code", badCode},
	{"country", map[string]string{"country": `"Thailand"`}, 400, "bad_request", "country is invalid"},
	{"street with a number", map[string]string{"street1": `"4242-4242-4242-4242"`}, 400, "bad_request", "street1 is invalid"},

	// Combinations: the sentences keep their order, the 400 class wins, then
	// number before date before security code.
	{"nothing given", map[string]string{"name": "", "number": "", "expiration_month": "", "expiration_year": "", "security_code": ""},
		400, "bad_request", blankAll},
	{"Luhn and past", map[string]string{"number": `"4242424242424241"`, "expiration_year": `2025`},
		402, "invalid_card", "expiration date cannot be in the past and number is invalid"},
	{"past and code", map[string]string{"security_code": `"1"`, "expiration_year": `2025`},
		402, "invalid_expiration_date", "expiration date cannot be in the past and security code is invalid"},
	{"Luhn and code", map[string]string{"security_code": `"1"`, "number": `"4242424242424241"`},
		402, "invalid_card", "number is invalid and security code is invalid"},
	{"all of 402", map[string]string{"security_code": `"1"`, "number": `"4242424242424241"`, "expiration_year": `2025`},
		402, "invalid_card", "expiration date cannot be in the past, number is invalid, and security code is invalid"},
	{"name and Luhn", map[string]string{"name": "", "number": `"4242424242424241"`},
		400, "bad_request", "name can't be blank and number is invalid"},
	{"name and past", map[string]string{"name": "", "expiration_year": `2025`},
		400, "bad_request", "name can't be blank and expiration date cannot be in the past"},
	{"length and past", map[string]string{"number": `"42424242424"`, "expiration_year": `2025`},
		400, "bad_request", "expiration date cannot be in the past and number is invalid"},
	{"month, name, year and code", map[string]string{"expiration_month": `0`, "name": "", "expiration_year": `1`, "security_code": `"x"`},
		400, "bad_request", "expiration month is not between 1 and 12, name can't be blank, expiration year is invalid, " +
			"expiration date is invalid, and security code is invalid"},
}

func TestRefusedCards(t *testing.T) {
	w := newWire(t, config{})
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) {
			body := cardJSON(tt.set)
			w.post(t, body).want(t, tt.status, tt.code, tt.message)
			w.post(t, body, version("2019-09-29")).want(t, tt.status, tt.code, tt.message)
			w.post(t, body, version(current)).want(t, http.StatusBadRequest, "invalid_card", tt.message)
			w.post(t, body, version("2015-11-17")).want(t, http.StatusBadRequest, "invalid_card", tt.message)
		})
	}
}

func TestRefusedCardsAsForms(t *testing.T) {
	w := newWire(t, config{})
	for _, tt := range refusals {
		form := len(with(tt.set)) > 0    // a form cannot say that a card is empty
		for _, literal := range tt.set { // escapes and nulls are JSON's
			form = form && literal != "null" && !strings.Contains(literal, `\`)
		}
		if !form {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			body := cardForm(tt.set)
			w.post(t, body, asForm).want(t, tt.status, tt.code, tt.message)
			w.post(t, body, asForm, version(current)).want(t, http.StatusBadRequest, "invalid_card", tt.message)
		})
	}
}

// Spaces and hyphens in a number: the documented dialect refuses them, the one
// of 2019-05-29 strips them.
func TestSeparators(t *testing.T) {
	w := newWire(t, config{})
	for _, number := range []string{"4242 4242 4242 4242", "4242-4242-4242-4242", "4242 4242-42424242"} {
		body := cardJSON(map[string]string{"number": `"` + number + `"`})
		w.post(t, body).want(t, http.StatusBadRequest, "bad_request", badNumber)
		if a := w.post(t, body, version(current)); a.status != http.StatusOK {
			t.Errorf("%q in the dialect of %s: %d %s", number, current, a.status, a.raw)
		}
	}
	for _, number := range []string{"4242‐4242‐4242‐4242", "4242\u00a04242\u00a04242\u00a04242", "4242.4242.4242.4242"} {
		body := cardJSON(map[string]string{"number": `"` + number + `"`})
		w.post(t, body, version(current)).want(t, http.StatusBadRequest, "invalid_card", badNumber)
	}
}

func TestMissingCard(t *testing.T) {
	w := newWire(t, config{})
	const message = "request contains no card parameters"
	tests := []struct {
		name, body string
		edits      []func(*request)
	}{
		{"empty body", "", nil},
		{"empty object", `{}`, nil},
		{"null", `{"card":null}`, nil},
		{"string", `{"card":"tokn_test_1"}`, nil},
		{"number", `{"card":1}`, nil},
		{"boolean", `{"card":true}`, nil},
		{"array", `{"card":[{"name":"JANE DOE"}]}`, nil},
		{"other parameters", `{"description":"x","metadata":{"a":1}}`, nil},
		{"wallet", `{"tokenization":{"method":"googlepay","data":"x"}}`, nil},
		{"empty form", "", []func(*request){asForm}},
		{"empty form value", "card=", []func(*request){asForm}},
		{"form text", "card=tokn_test_1", []func(*request){asForm}},
		{"form array", "card[]=JANE", []func(*request){asForm}},
		{"form of another parameter", "name=JANE", []func(*request){asForm}},
		{"wallet form", "tokenization[method]=applepay&tokenization[data]=x", []func(*request){asForm}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.post(t, tt.body, tt.edits...).want(t, http.StatusBadRequest, "bad_request", message)
			w.post(t, tt.body, append(tt.edits, version(current))...).want(t, http.StatusBadRequest, "missing_card", message)
		})
	}
}

// omise-python wraps the card again when it is called as the documentation
// shows; the inner one is an unknown parameter.
func TestDoubleWrappedCard(t *testing.T) {
	w := newWire(t, config{})
	body := `{"card":` + cardJSON(nil) + `}`
	w.post(t, body).want(t, http.StatusBadRequest, "bad_request", blankAll)
	w.post(t, body, version(current)).want(t, http.StatusBadRequest, "invalid_card", blankAll)
	w.post(t, "card[card][name]=JANE", asForm, version(current)).want(t, http.StatusBadRequest, "invalid_card", blankAll)
}

func TestWrongTypes(t *testing.T) {
	w := newWire(t, config{})
	for _, name := range []string{
		"name", "number", "security_code", "expiration_month", "expiration_year", "street1", "street2",
		"city", "state", "postal_code", "country", "phone_number", "email",
	} {
		for _, literal := range []string{`true`, `false`, `{}`, `{"a":1}`, `[]`, `["4242424242424242"]`} {
			body := cardJSON(map[string]string{name: literal})
			for _, v := range []string{"", current} {
				w.post(t, body, version(v)).want(t, http.StatusBadRequest, "bad_request", "a card parameter has the wrong type")
			}
		}
	}
}
