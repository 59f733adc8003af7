package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// accepted are odd ways to write the same card, each seen from a client.
var accepted = []struct {
	name string
	body string
	form bool
}{
	{"number as a JSON number", cardJSON(map[string]string{"number": `4242424242424242`}), false},
	{"19 digits as a JSON number", cardJSON(map[string]string{"number": `6447032400000000001`}), false},
	{"19 digits as text", cardJSON(map[string]string{"number": `"6447032400000000001"`}), false},
	{"code as a JSON number", cardJSON(map[string]string{"security_code": `123`}), false},
	{"code empty", cardJSON(map[string]string{"security_code": `""`}), false},
	{"code null", cardJSON(map[string]string{"security_code": `null`}), false},
	{"code absent", cardJSON(map[string]string{"security_code": ""}), false},
	{"month as text", cardJSON(map[string]string{"expiration_month": `"10"`}), false},
	{"month of one digit", cardJSON(map[string]string{"expiration_month": `"9"`}), false},
	{"month with a zero", cardJSON(map[string]string{"expiration_month": `"09"`}), false},
	{"year as text", cardJSON(map[string]string{"expiration_year": `"2030"`}), false},
	{"year of two digits", cardJSON(map[string]string{"expiration_year": `30`}), false},
	{"year of two digits as text", cardJSON(map[string]string{"expiration_year": `"30"`}), false},
	{"this month", cardJSON(map[string]string{"expiration_month": `5`, "expiration_year": `2026`}), false},
	{"postal code as a JSON number", cardJSON(map[string]string{"postal_code": `10320`}), false},
	{"nulls for what is unset", cardJSON(map[string]string{
		"country": `null`, "state": `null`, "street1": `null`, "street2": `null`, "city": `null`,
		"postal_code": `null`, "phone_number": `null`, "email": `null`}), false},
	{"unknown parameters", `{"platform_fee":{},"x":[1,{"y":null}],"card":` + object(with(map[string]string{"cvv3": `true`})) + `}`, false},
	{"card of a wallet beside", `{"tokenization":{"a":1},` + cardJSON(nil)[1:], false},
	{"white space", " \r\n\t" + strings.ReplaceAll(cardJSON(nil), ",", " ,\r\n\t") + "\r\n", false},
	{"escapes", cardJSON(map[string]string{"number": `"\u0034242424242424242"`, "name": `"J\u00e9 \ud83d\ude00 \\ \/ \""`}), false},
	{"form, raw brackets", strings.NewReplacer("%5B", "[", "%5D", "]").Replace(cardForm(nil)), true},
	{"form, encoded brackets", cardForm(nil), true},
	{"form, lower-case escapes", strings.NewReplacer("%5B", "%5b", "%5D", "%5d").Replace(cardForm(nil)), true},
	{"form, raw spaces", strings.ReplaceAll(cardForm(nil), "+", " "), true},
	{"form, empty pairs", "&&" + cardForm(nil) + "&&=&=x", true},
	{"form, unknown parameters", "a=1&b[c]=2&d[]=3&d[]=4&]=5&e[=6&" + cardForm(nil) + "&card[x][]=1&card[x][]=2", true},
	{"form, no values", "flag&" + cardForm(nil), true},
}

func TestAccepted(t *testing.T) {
	w := newWire(t, config{})
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*request)
			if tt.form {
				edits = append(edits, asForm)
			}
			for _, chunked := range []bool{false, true} {
				for _, v := range []string{"", current} {
					a := w.post(t, tt.body, append(edits, version(v), func(r *request) { r.chunked = chunked })...)
					if a.status != http.StatusOK {
						t.Errorf("chunked %t, version %q: %d %s", chunked, v, a.status, a.raw)
					}
				}
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	w := newWire(t, config{})
	types := map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "application/json; charset=utf8": true,
		"application/json;charset=UTF-8": true, "Application/JSON": true, "application/json ; x=y": true,
		"application/json; charset=shift_jis": true, "application/json;": true,
		"": false, "text/plain": false, "text/json": false, "application/vnd.api+json": false, "multipart/form-data; boundary=x": false,
		"application/jsonp": false, ";": false, "application/xml": false, "*/*": false,
	}
	for media, good := range types {
		t.Run(media, func(t *testing.T) {
			a := w.post(t, cardJSON(nil), func(r *request) { r.contentType = media })
			if good {
				if a.status != http.StatusOK {
					t.Errorf("%d %s", a.status, a.raw)
				}
				return
			}
			a.want(t, http.StatusBadRequest, "bad_request", "content type must be application/json or application/x-www-form-urlencoded")
		})
	}
	a := w.post(t, cardForm(nil), func(r *request) { r.contentType = "application/x-www-form-urlencoded; charset=utf-8" })
	if a.status != http.StatusOK {
		t.Errorf("form with a charset: %d %s", a.status, a.raw)
	}
	// Without a body nothing needs a type.
	a = w.post(t, "", func(r *request) { r.contentType = "text/plain" })
	a.want(t, http.StatusBadRequest, "bad_request", "request contains no card parameters")
}

func TestMalformedBodies(t *testing.T) {
	w := newWire(t, config{})
	const (
		badJSON   = "request body is not a valid json object"
		badForm   = "request parameters are not a valid form"
		duplicate = "a parameter is given twice"
		deep      = "parameters are nested too deeply"
		many      = "too many parameters"
	)
	tests := []struct {
		name, body string
		form       bool
		message    string
	}{
		{"null", `null`, false, badJSON},
		{"array", `[{"card":{}}]`, false, badJSON},
		{"string", `"card"`, false, badJSON},
		{"number", `4242424242424242`, false, badJSON},
		{"white space", "  ", false, badJSON},
		{"cut", `{"card":{"name":"JANE`, false, badJSON},
		{"trailing data", cardJSON(nil) + `{}`, false, badJSON},
		{"trailing comma", `{"card":{"name":"JANE",}}`, false, badJSON},
		{"single quotes", `{'card':{}}`, false, badJSON},
		{"no quotes", `{card:{}}`, false, badJSON},
		{"comment", `{"card":{}/**/}`, false, badJSON},
		{"NaN", `{"card":NaN}`, false, badJSON},
		{"leading zero", `{"card":{"expiration_month":010}}`, false, badJSON},
		{"plus", `{"card":{"expiration_month":+1}}`, false, badJSON},
		{"raw control character", "{\"card\":{\"name\":\"a\nb\"}}", false, badJSON},
		{"half a surrogate", `{"card":{"name":"\ud83d"}}`, false, badJSON},
		{"surrogates swapped", `{"card":{"name":"\ude00\ud83d"}}`, false, badJSON},
		{"bad escape", `{"card":{"name":"\x41"}}`, false, badJSON},
		{"short escape", `{"card":{"name":"\u004"}}`, false, badJSON},
		{"byte order mark", "\ufeff{}", false, badJSON},
		{"invalid UTF-8", "{\"card\":{\"name\":\"J\xc3\"}}", false, badJSON},
		{"UTF-8 surrogate", "{\"x\":\"\xed\xa0\x80\"}", false, badJSON},
		{"overlong UTF-8", "{\"x\":\"\xc0\xaf\"}", false, badJSON},
		{"UTF-16", "\xff\xfe{\x00}\x00", false, badJSON},
		{"form as JSON", cardForm(nil), false, badJSON},
		{"duplicate card", `{"card":{},"card":{}}`, false, duplicate},
		{"duplicate number", `{"card":{"number":"4242424242424242","number":"5555555555554444"}}`, false, duplicate},
		{"duplicate by escape", `{"card":{"number":"1","n\u0075mber":"2"}}`, false, duplicate},
		{"duplicate null", `{"card":null,"card":{}}`, false, duplicate},
		{"duplicate of an unknown parameter", `{"x":1,"x":1}`, false, duplicate},
		{"9 levels", `{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}`, false, deep},
		{"1001 values", `{"a":[` + strings.Repeat("1,", 998) + `1]}`, false, many},
		{"form: broken escape", "card[name]=%4", true, badForm},
		{"form: bad escape", "card[name]=%zz", true, badForm},
		{"form: broken name", "card[%]=1", true, badForm},
		{"form: invalid UTF-8", "card[name]=%c3", true, badForm},
		{"form: invalid raw UTF-8", "card[name]=\xff", true, badForm},
		{"form: invalid name", "%ff=1", true, badForm},
		{"form: duplicate", "card[number]=4242424242424242&card[number]=5555555555554444", true, duplicate},
		{"form: duplicate spelling", "card[number]=1&card%5Bnumber%5D=2", true, duplicate},
		{"form: duplicate of another kind", "card=1&card[number]=2", true, duplicate},
		{"form: array and object", "card[]=1&card[number]=2", true, duplicate},
		{"form: depth 4", "a[b][c][d]=1", true, deep},
		{"form: 1001 pairs", strings.Repeat("a[]=1&", 1001), true, many},
		{"JSON as form", cardJSON(nil), true, "request contains no card parameters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var edits []func(*request)
			if tt.form {
				edits = append(edits, asForm)
			}
			a := w.post(t, tt.body, edits...)
			a.want(t, http.StatusBadRequest, "bad_request", tt.message)
			if tt.name == "JSON as form" {
				return
			}
			w.post(t, tt.body, append(edits, version(current))...).want(t, http.StatusBadRequest, "bad_request", tt.message)
		})
	}
	// Just within the limits.
	for name, body := range map[string]string{
		"8 levels":    `{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}},` + cardJSON(nil)[1:],
		"1000 values": fmt.Sprintf(`{"a":[%s1],%s`, strings.Repeat("1,", 991), cardJSON(nil)[1:]),
	} {
		if a := w.post(t, body); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
}

// Clients send bodies with GET and DELETE: {} or list parameters, with nulls.
func TestBodiesOfGetAndDelete(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	for _, body := range []string{`{}`, `{"limit":1}`, `{"from":null,"limit":100,"offset":0,"order":null,"to":null}`, "", cardJSON(nil)} {
		edit := func(r *request) { r.contentType, r.body = "application/json", body }
		if a := w.get(t, "/tokens/"+id, edit); a.status != http.StatusOK || a.text("id") != id {
			t.Errorf("GET with %q: %d %s", body, a.status, a.raw)
		}
		if a := w.get(t, "/tokens/"+id+"?limit=2&order=", edit); a.status != http.StatusOK {
			t.Errorf("GET with %q and a query: %d %s", body, a.status, a.raw)
		}
		a := w.get(t, "/tokens/"+id, edit, func(r *request) { r.method = "DELETE" })
		a.want(t, http.StatusNotFound, "not_found", unknownRoute)
	}
	a := w.get(t, "/tokens/"+id, func(r *request) { r.contentType, r.body = "application/json", `{` })
	a.want(t, http.StatusBadRequest, "bad_request", "request body is not a valid json object")
	a = w.get(t, "/tokens/"+id, func(r *request) { r.body = `{}` })
	a.want(t, http.StatusBadRequest, "bad_request", "content type must be application/json or application/x-www-form-urlencoded")
}

// A connection serves many requests, also after refused ones.
func TestKeepAlive(t *testing.T) {
	w := newWire(t, config{})
	conn := dial(t, w.addr)
	defer conn.Close()
	from := newReader(conn)
	for i, body := range []string{cardJSON(nil), `{`, cardJSON(nil), ``, cardForm(nil), cardJSON(nil)} {
		r := request{method: "POST", path: "/tokens", auth: basic(w.public), contentType: "application/json", body: body}
		if body == "" {
			r.header = []string{"Content-Length: 0"}
		}
		if _, err := conn.Write(r.bytes(w.addr)); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		a := readAnswer(t, from, "POST")
		a.check(t)
		a.documented(t, r.bytes(w.addr))
		if want := body == cardJSON(nil); (a.status == http.StatusOK) != want {
			t.Errorf("request %d: %d %s", i, a.status, a.raw)
		}
	}
}

// A client may wait for leave to send its body. It gets it only if the body is
// wanted, else the final answer at once.
func TestExpectContinue(t *testing.T) {
	w := newWire(t, config{})
	tests := []struct {
		name, auth string
		length     int
		first      int // status of the first answer, and the last
		last       int
	}{
		{"wanted", basic(w.public), len(cardJSON(nil)), 100, 200},
		{"wrong key", basic("nobody"), len(cardJSON(nil)), 401, 401},
		{"too large", basic(w.public), maxBody + 1, 413, 413},
		{"far too large", basic(w.public), 1 << 40, 413, 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn := dial(t, w.addr)
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			from := newReader(conn)
			head := fmt.Sprintf("POST /tokens HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\n"+
				"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n", tt.auth, tt.length)
			if _, err := conn.Write([]byte(head)); err != nil {
				t.Fatal(err)
			}
			a := readAnswer(t, from, "POST")
			if a.status != tt.first {
				t.Fatalf("first %d %s, want %d", a.status, a.raw, tt.first)
			}
			if tt.first == http.StatusContinue {
				if _, err := conn.Write([]byte(cardJSON(nil))); err != nil {
					t.Fatal(err)
				}
				a = readAnswer(t, from, "POST")
			}
			a.check(t)
			a.documented(t, []byte(head+cardJSON(nil)))
			if a.status != tt.last {
				t.Errorf("last %d %s, want %d", a.status, a.raw, tt.last)
			}
		})
	}
}
