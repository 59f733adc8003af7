package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// privateLeakCases brings card data to the endpoints of merchants' servers,
// none of which takes any.
func privateLeakCases() []leakCase {
	send := func(name string, status int, method, path string, body func(m marker) string) leakCase {
		return leakCase{name, false, status, func(l *leakTarget, m marker) *http.Request {
			r := post(l, path, jsonType, body(m))
			r.Method = method
			r.SetBasicAuth(l.secret, "")
			return r
		}}
	}
	create := func(name string, status int, format string) leakCase {
		return send("customer: "+name, status, http.MethodPost, "/customers", func(m marker) string { return fmt.Sprintf(format, m.number) })
	}
	inPath := func(name string, path string) leakCase {
		return leakCase{name, true, 0, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/customers", jsonType, "")
			r.Method, r.Body, r.ContentLength = http.MethodGet, io.NopCloser(strings.NewReader("")), 0
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(fmt.Sprintf(path, m.number), "?")
			r.SetBasicAuth(l.secret, "")
			return r
		}}
	}
	// keyed sends a body with an idempotency key, which is hashed with it.
	keyed := func(name string, status int, body func(m marker) string) leakCase {
		return leakCase{"idempotency: " + name, false, status, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/customers", jsonType, body(m))
			r.SetBasicAuth(l.secret, "")
			r.Header.Set("Idempotency-Key", "key of "+m.name)
			return r
		}}
	}
	inKey := func(name string, spell func(m marker) string) leakCase {
		return leakCase{"idempotency: " + name, true, 400, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/customers", jsonType, `{}`)
			r.SetBasicAuth(l.secret, "")
			r.Header.Set("Idempotency-Key", spell(m))
			return r
		}}
	}
	operator := func(name, path string) leakCase {
		return leakCase{"operator: " + name, true, 0, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/", jsonType, "")
			r.Method, r.Body, r.ContentLength = http.MethodGet, io.NopCloser(strings.NewReader("")), 0
			r.URL.Host = l.admin
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(fmt.Sprintf(path, m.number), "?")
			r.SetBasicAuth(l.operator, "")
			return r
		}}
	}
	// reveal sends a body with the key that sees cards.
	reveal := func(name string, status int, format string) leakCase {
		return leakCase{"reveal: " + name, false, status, func(l *leakTarget, m marker) *http.Request {
			r := post(l, "/v1/reveals", jsonType, strings.ReplaceAll(format, "NUMBER", m.number))
			r.SetBasicAuth(l.reveals, "")
			return r
		}}
	}
	return []leakCase{
		reveal("number as the card", 400, `{"card":"NUMBER","fields":["number"],"reason":"x"}`),
		reveal("number as the card, a number", 400, `{"card":NUMBER,"fields":["number"],"reason":"x"}`),
		reveal("number in a card id", 400, `{"card":"card_test_NUMBER","fields":["number"],"reason":"x"}`),
		reveal("number as a field", 400, `{"card":"x","fields":["NUMBER"],"reason":"x"}`),
		reveal("number as the fields", 400, `{"card":"x","fields":NUMBER,"reason":"x"}`),
		reveal("number as the reason", 400, `{"card":"x","fields":["number"],"reason":"for NUMBER"}`),
		reveal("number as the reason, a number", 400, `{"card":"x","fields":["number"],"reason":NUMBER}`),
		reveal("number in an unknown field", 404, `{"card":"x","fields":["number"],"reason":"x","number":"NUMBER"}`),
		inKey("number as the key", func(m marker) string { return m.number }),
		inKey("number in the key", func(m marker) string { return "order-" + string(spellings(m.number)["hyphened"]) }),
		keyed("number in an unknown field", 200, func(m marker) string { return `{"number":"` + m.number + `"}` }),
		keyed("number in the description", 400, func(m marker) string { return `{"description":"` + m.number + `"}` }),
		keyed("number in a broken body", 400, func(m marker) string { return `{"number":"` + m.number }),
		keyed("number as the token", 400, func(m marker) string { return `{"card":` + m.number + `}` }),
		operator("number as the card", "/admin/cards/%s"),
		operator("number as a card id", "/admin/cards/card_test_%s"),
		operator("number as the customer", "/admin/customers/%s"),
		operator("number as the bin", "/admin/cards?bin=%s"),
		operator("number as the last digits", "/admin/cards?last_digits=%s"),
		operator("number as the fingerprint", "/admin/cards?fingerprint=%s"),
		operator("number as the cursor", "/admin/cards?brand=visa&after=card_%s"),
		operator("number in an unknown parameter", "/admin/cards?brand=visa&number=%s"),
		create("number in the description", 400, `{"description":"card %s"}`),
		create("number in the email", 400, `{"email":"%s@example.com"}`),
		create("number in the metadata", 400, `{"metadata":{"a":{"b":["%s"]}}}`),
		create("number as a name of the metadata", 400, `{"metadata":{"%s":1}}`),
		create("number as a number of the metadata", 400, `{"metadata":{"a":%s}}`),
		create("number as the token", 400, `{"card":"%s"}`),
		create("number as the token, a number", 400, `{"card":%s}`),
		create("a card", 400, `{"card":{"number":"%s","security_code":"918"}}`),
		create("number in an unknown field", 200, `{"number":"%s"}`),
		send("customer: default card", 400, http.MethodPatch, "/customers/x", func(m marker) string { return `{"default_card":"` + m.number + `"}` }),
		send("card: name", 404, http.MethodPatch, "/customers/x/cards/y", func(m marker) string { return `{"name":"` + m.number + `","number":"` + m.number + `"}` }),
		send("cards: list in the body", 400, http.MethodGet, "/customers/x/cards", func(m marker) string { return `{"from":"` + m.number + `"}` }),
		send("cards: delete with a body", 404, http.MethodDelete, "/customers/x/cards/y", func(m marker) string { return `{"a":"` + m.number + `"}` }),
		inPath("customers: path", "/customers/%s"),
		inPath("cards: path", "/customers/x/cards/%s"),
		inPath("customers: query", "/customers?from=%s"),
	}
}
