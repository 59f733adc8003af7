package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
)

// marker is what one request carries. Each value occurs in one request only,
// so a finding names its path.
type marker struct {
	path   string // what the request tries
	head   bool   // the number stands in the URL or a header, of which net/http keeps strings
	number string // passes Luhn
	code   string // long, so that it can be searched for; three digits elsewhere
	name   string
}

// newMarker draws a marker. The brand is Visa.
func newMarker(r *rand.Rand, path string) marker {
	digits := []byte("4" + fmt.Sprintf("%014d", r.Int64N(1e14)))
	for check := byte('0'); check <= '9'; check++ {
		if number := string(append(digits, check)); luhnValid(number) {
			return marker{path, false, number, fmt.Sprintf("%012d", r.Int64N(1e12)), "ZZQ" + letters(r, 13)}
		}
	}
	panic("no check digit")
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A' + byte(r.IntN(26))
	}
	return string(b)
}

func luhnValid(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// spellings are the forms in which a secret text may hide in bytes.
func spellings(s string) map[string][]byte {
	var spaced, hyphened, escaped, wide []byte
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			spaced, hyphened = append(spaced, ' '), append(hyphened, '-')
		}
		spaced, hyphened = append(spaced, s[i]), append(hyphened, s[i])
		escaped = fmt.Appendf(escaped, "%%%02X", s[i])
		wide = append(wide, s[i], 0)
	}
	return map[string][]byte{
		"plain": []byte(s), "spaced": spaced, "hyphened": hyphened, "percent-encoded": escaped, "utf-16": wide,
		"base64": []byte(base64.StdEncoding.EncodeToString([]byte(s))[:len(s)/3*4]),
		"hex":    []byte(hex.EncodeToString([]byte(s))),
	}
}

// form is the request body of a well-formed card.
func (m marker) form(change map[string]string) string {
	v := url.Values{
		"card[name]": {m.name}, "card[number]": {m.number}, "card[security_code]": {"918"},
		"card[expiration_month]": {"12"}, "card[expiration_year]": {"2040"},
		"card[city]": {"Bangkok"}, "card[email]": {"zq@example.com"},
	}
	for k, x := range change {
		v.Set(k, x)
	}
	return v.Encode()
}

func (m marker) json(number string) string {
	return fmt.Sprintf(`{"card":{"name":%q,"number":%s,"security_code":"918","expiration_month":12,"expiration_year":2040}}`, m.name, number)
}

// leakCase is one way to bring a card to the server.
type leakCase struct {
	name   string
	head   bool // the number is in the URL or a header
	status int  // of the answer; 0 for any
	req    func(l *leakTarget, m marker) *http.Request
}

func post(l *leakTarget, path, contentType, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, "http://"+l.api+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.SetBasicAuth(l.public, "")
	return req
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// leakCases covers every endpoint and error path that exists.
func leakCases() []leakCase {
	form := func(name string, status int, change func(m marker) map[string]string) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			return post(l, "/tokens", formType, m.form(change(m)))
		}}
	}
	set := func(k, v string) func(marker) map[string]string {
		return func(marker) map[string]string { return map[string]string{k: v} }
	}
	body := func(name string, status int, contentType string, text func(m marker) string) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			return post(l, "/tokens", contentType, text(m))
		}}
	}
	edit := func(name string, status int, change func(r *http.Request, m marker)) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/tokens", formType, m.form(nil))
			change(r, m)
			return r
		}}
	}
	inHead := func(name string, status int, change func(r *http.Request, m marker)) leakCase {
		c := edit(name, status, change)
		c.head = true
		return c
	}
	return []leakCase{
		form("form", 200, func(marker) map[string]string { return nil }),
		body("json", 200, jsonType, func(m marker) string { return m.json(`"` + m.number + `"`) }),
		body("json number", 200, jsonType, func(m marker) string { return m.json(m.number) }),
		body("json escapes", 200, jsonType, func(m marker) string {
			var b strings.Builder
			for _, c := range m.number {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
			return m.json(`"` + b.String() + `"`)
		}),
		form("spaces, refused", 400, func(m marker) map[string]string {
			return map[string]string{"card[number]": m.number[:4] + " " + m.number[4:]}
		}),
		edit("spaces, accepted", 200, func(r *http.Request, m marker) {
			text := m.form(map[string]string{"card[number]": m.number[:4] + " " + m.number[4:8] + "-" + m.number[8:]})
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			r.Header.Set("Omise-Version", "2019-05-29")
		}),
		form("wrong check digit", 402, func(m marker) map[string]string {
			return map[string]string{"card[number]": m.number[:15] + string('0'+(m.number[15]-'0'+1)%10)}
		}),
		form("letters in the number", 400, func(m marker) map[string]string { return map[string]string{"card[number]": m.number + "x"} }),
		form("unknown brand", 402, set("card[number]", "9999999999999995")),
		form("expired", 402, set("card[expiration_year]", "2020")),
		form("no month", 400, set("card[expiration_month]", "")),
		form("number as the year", 0, func(m marker) map[string]string { return map[string]string{"card[expiration_year]": m.number} }),
		form("long security code", 402, func(m marker) map[string]string { return map[string]string{"card[security_code]": m.code} }),
		form("number in the name", 400, func(m marker) map[string]string { return map[string]string{"card[name]": m.name + " " + m.number} }),
		form("number in the street", 400, func(m marker) map[string]string { return map[string]string{"card[street1]": m.number} }),
		form("number in the email", 400, func(m marker) map[string]string { return map[string]string{"card[email]": m.number + "@example.com"} }),
		form("number in an unknown field", 200, func(m marker) map[string]string { return map[string]string{"description": m.number} }),
		body("broken json", 400, jsonType, func(m marker) string { return m.json(m.number + `"`) }),
		body("json with a tail", 400, jsonType, func(m marker) string { return m.json(m.number) + m.number }),
		body("json duplicate", 400, jsonType, func(m marker) string { return `{"card":{"number":` + m.number + `,"number":"` + m.number + `"}}` }),
		body("json array", 400, jsonType, func(m marker) string { return `[` + m.number + `]` }),
		body("json card as number", 400, jsonType, func(m marker) string { return `{"card":` + m.number + `}` }),
		body("json wrong type", 400, jsonType, func(m marker) string { return m.json(`["` + m.number + `"]`) }),
		body("invalid utf-8", 400, formType, func(m marker) string { return m.form(nil) + "&x=%ff" + m.number }),
		body("duplicate form name", 400, formType, func(m marker) string { return m.form(nil) + "&card[number]=" + m.number }),
		body("bad escape", 400, formType, func(m marker) string { return "card[number]=" + m.number + "%zz" }),
		body("text", 400, "text/plain", func(m marker) string { return m.number + " " + m.code }),
		body("no content type", 400, "", func(m marker) string { return m.form(nil) }),
		body("too large", 413, formType, func(m marker) string { return m.form(nil) + "&pad=" + strings.Repeat(m.number, 5000) }),
		inHead("query", 400, func(r *http.Request, m marker) { r.URL.RawQuery = "card[number]=" + m.number }),
		inHead("encoded query", 400, func(r *http.Request, m marker) {
			r.URL.RawQuery = "x=" + string(spellings(m.number)["percent-encoded"])
		}),
		inHead("path", 404, func(r *http.Request, m marker) { r.URL.Path = "/tokens/" + m.number }),
		inHead("unknown path", 404, func(r *http.Request, m marker) { r.URL.Path = "/" + m.number + "/x" }),
		inHead("get path", 404, func(r *http.Request, m marker) {
			r.Method, r.URL.Path, r.Body, r.ContentLength = http.MethodGet, "/tokens/tokn_test_"+m.number, nil, 0
		}),
		edit("get with a body", 404, func(r *http.Request, m marker) { r.Method, r.URL.Path = http.MethodGet, "/tokens/nothing" }),
		edit("delete", 404, func(r *http.Request, m marker) { r.Method = http.MethodDelete }),
		inHead("method", 0, func(r *http.Request, m marker) { r.Method = "X" + m.number }),
		edit("wrong key", 401, func(r *http.Request, m marker) { r.SetBasicAuth("pkey_test_0000000000000000000", "") }),
		inHead("secret key", 401, func(r *http.Request, m marker) { r.SetBasicAuth("skey_test_"+m.number+"000", "") }),
		inHead("number as the key", 401, func(r *http.Request, m marker) { r.SetBasicAuth(m.number, m.number) }),
		inHead("garbled key", 401, func(r *http.Request, m marker) { r.Header.Set("Authorization", "Basic "+m.number+"!") }),
		inHead("number in headers", 200, func(r *http.Request, m marker) {
			r.Header.Set("User-Agent", "client/"+m.number)
			r.Header.Set("Cookie", "pan="+m.number)
			r.Header.Set("Referer", "http://shop.example/?pan="+m.number)
			r.Header.Set("X-Request-Id", m.number)
			r.Header.Set("X-Forwarded-For", m.number)
			r.Header.Set("Omise-Version", m.number)
			r.Header.Set("Idempotency-Key", m.number)
		}),
		inHead("large headers", 413, func(r *http.Request, m marker) { r.Header.Set("X-Pad", strings.Repeat(m.number, 600)) }),
		inHead("preflight", 204, func(r *http.Request, m marker) { r.Method = http.MethodOptions; r.Header.Set("Origin", m.number) }),
		edit("chunked", 200, func(r *http.Request, m marker) { r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} }),
	}
}
