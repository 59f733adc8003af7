package wiretest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	token = `{"object":"token","id":"tokn_test_0k7x2m9q4r8t1v5w3y6z0abc","livemode":false,` +
		`"location":"https://vault.example.com/tokens/tokn_test_0k7x2m9q4r8t1v5w3y6z0abc","used":true,` +
		`"charge_status":"unknown","card":null,"created_at":"2026-05-17T12:00:00Z"}`
	notFound = `{"object":"error","location":"https://www.omise.co/api-errors#not-found","code":"not_found","message":"token x was not found"}`
	card     = `{"card":{"name":"J DOE","number":"4242424242424242","expiration_month":10,"expiration_year":2030}}`
	cardForm = `card[name]=J+DOE&card%5Bnumber%5D=4242424242424242&card[expiration_month]=10&card[expiration_year]=30`
)

// read is GET /tokens/{id} as it is documented.
func read() Exchange {
	return Exchange{
		Method: "GET", Target: "/tokens/tokn_test_0k7x2m9q4r8t1v5w3y6z0abc", Status: 200, Body: []byte(token),
		Header: http.Header{
			"Content-Type": {"application/json; charset=utf-8"}, "Cache-Control": {"no-cache, no-store"},
			"X-Content-Type-Options": {"nosniff"}, "X-Request-Id": {"0f8c1a52-6d3b-4e7a-9c41-2b5d8e6f7a10"},
			"Omise-Version": {"2019-05-29"}, "Content-Length": {"300"}, "Date": {"Sun, 17 May 2026 12:00:00 GMT"},
		},
	}
}

// made is POST /tokens as it is documented.
func made() Exchange {
	e := read()
	e.Method, e.Target, e.RequestBody = "POST", "/tokens", []byte(card)
	e.RequestHeader = http.Header{"Content-Type": {"application/json; charset=utf8"}}
	e.Header.Set("Access-Control-Allow-Origin", "*")
	return e
}

// failed is an error as it is documented.
func failed(status int, body string) Exchange {
	e := read()
	e.Status, e.Body = status, []byte(body)
	e.Header.Del("Omise-Version")
	return e
}

// replace changes the answer's body.
func (e Exchange) replace(old, new string) Exchange {
	e.Body = []byte(strings.Replace(string(e.Body), old, new, 1))
	return e
}

// set changes a header of the answer; "" deletes it.
func (e Exchange) set(name, value string) Exchange {
	if e.Header.Set(name, value); value == "" {
		e.Header.Del(name)
	}
	return e
}

// to changes the target.
func (e Exchange) to(method, target string) Exchange {
	e.Method, e.Target = method, target
	return e
}

// sending changes the request's body.
func (e Exchange) sending(media, body string) Exchange {
	e.RequestHeader, e.RequestBody = http.Header{"Content-Type": {media}}, []byte(body)
	return e
}

func (e Exchange) served(tags ...string) Exchange {
	e.Tags = tags
	return e
}

func TestCheckPasses(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for name, e := range map[string]Exchange{
		"read": read(), "made": made(), "not found": failed(404, notFound),
		"whole URL":      read().to("GET", "http://127.0.0.1:1/tokens/tokn_test_0k7x2m9q4r8t1v5w3y6z0abc/"),
		"unknown route":  failed(404, notFound).to("BREW", "/tokens"),
		"no request":     failed(404, notFound).to("", ""),
		"not served":     failed(404, notFound).to("POST", "/tokens").served("customers"),
		"form":           made().sending(form, cardForm),
		"relative":       read().replace("https://vault.example.com", ""),
		"created":        read().replace(`"used"`, `"created":"2026-05-17T12:00:00Z","used"`),
		"over TLS":       read().set("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
		"answer to HEAD": {Method: "HEAD", Target: "/tokens/x", Status: 200, Header: read().Header},
	} {
		if err := Check(e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckFails(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name string
		e    Exchange
		want string // part of the error
	}{
		{"extra key", read().replace(`{`, `{"pan":"x",`), "additional properties 'pan' not allowed"},
		{"missing key", read().replace(`"livemode":false,`, ``), "missing property 'livemode'"},
		{"wrong type", read().replace(`"livemode":false`, `"livemode":"false"`), "at '/livemode': got string, want boolean"},
		{"null", read().replace(`"charge_status":"unknown"`, `"charge_status":null`), "at '/charge_status': got null, want string"},
		{"other word", read().replace(`"unknown"`, `"paid"`), "at '/charge_status': value must be one of"},
		{"other pattern", read().replace(`tokn_test_0k`, `tokn_test_0K`), "at '/id': 'tokn_test_0K"},
		{"other prefix", read().replace(`"id":"tokn_`, `"id":"card_`), "at '/id': 'card_"},
		{"offset in a time", read().replace(`12:00:00Z`, `12:00:00+00:00`), "at '/created_at'"},
		{"used with a card", read().replace(`"card":null`, `"card":{}`), "at '/card'"},
		{"unused without a card", read().replace(`"used":true`, `"used":false`), "at '/card': got null, want object"},
		{"two values", read().replace(`}`, `}{}`), "body: "},
		{"no JSON", read().replace(`}`, ``), "body: "},
		{"empty body", Exchange{Method: "GET", Target: "/tokens/x", Status: 200, Header: read().Header}, "body: "},

		{"undocumented status", failed(418, notFound), "GET /tokens/tokn_test_0k7x2m9q4r8t1v5w3y6z0abc: 418: the status is not documented"},
		{"402 of a read", failed(402, notFound), "the status is not documented"},
		{"404 of a new token", failed(404, notFound).to("POST", "/tokens"), "the status is not documented"},
		{"created", func() Exchange { e := made(); e.Status = 201; return e }(), "the status is not documented"},
		{"success of an unknown route", read().to("GET", "/nowhere"), "the status is not documented"},
		{"success of what is not served", made().served("customers"), "the status is not documented"},
		{"success of no request", read().to("", ""), "the status is not documented"},
		{"success of another path", read().to("GET", "/tokens//x"), "the status is not documented"},

		{"error, extra key", failed(404, notFound).replace(`{`, `{"status":404,`), "additional properties 'status' not allowed"},
		{"error, missing key", failed(404, notFound).replace(`"object":"error",`, ``), "missing property 'object'"},
		{"error, no message", failed(404, notFound).replace(`token x was not found`, ``), "at '/message'"},
		{"error of another status", failed(404, notFound).replace(`"not_found"`, `"bad_request"`), "at '/code'"},
		{"success with an error", read().replace(token, notFound), "body: "},
		{"error with a success", failed(404, token), "body: "},

		{"missing header", read().set("X-Request-Id", ""), "header X-Request-Id is missing"},
		{"wrong header", read().set("Cache-Control", "public"), "header Cache-Control: "},
		{"another header", read().set("Set-Cookie", "a=b"), "header Set-Cookie is not documented"},
		{"a header of other statuses", failed(404, notFound).set("Omise-Version", "2019-05-29"), "header Omise-Version is not documented"},
		{"no Retry-After", failed(503, strings.ReplaceAll(notFound, "not_found", "service_unavailable")), "header Retry-After is missing"},
		{"Retry-After in words", failed(503, notFound).set("Retry-After", "soon"), "header Retry-After: "},
		{"other content type", read().set("Content-Type", "text/html; charset=utf-8"), "content type"},
		{"no charset", read().set("Content-Type", "application/json"), "content type"},
		{"body of a preflight", func() Exchange { e := made(); e.Method, e.Status = "OPTIONS", 204; return e }(), "none is documented"},
		{"body of HEAD", read().to("HEAD", "/tokens/x"), "the answer to HEAD has a body"},

		{"taken without a card", made().sending("application/json", `{}`), "the request body was taken"},
		{"taken without a body", made().sending("", ""), "the request has no body"},
		{"taken number", made().sending("application/json", strings.Replace(card, "4242424242424242", "4242", 1)), "at '/card/number'"},
		{"taken month", made().sending("application/json", strings.Replace(card, "10", "13", 1)), "at '/card/expiration_month'"},
		{"taken form", made().sending(form, strings.Replace(cardForm, "=30", "=x", 1)), "at '/card/expiration_year'"},
		{"taken form, flat", made().sending(form, `number=4242424242424242`), "missing property 'card'"},
		{"taken text", made().sending("text/plain", card), `of type "text/plain" was taken`},
		{"taken limit", read().to("GET", "/customers?limit=0"), "query parameter limit was taken"},
		{"taken order", read().to("GET", "/customers?order=newest"), "query parameter order was taken"},
	}
	for _, tt := range tests {
		if err := Check(tt.e); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// Every example of an answer is valid, and stops being so when any of its keys
// is left out, gets a value of another type, or has one more beside it.
func TestNoSchemaIsLoose(t *testing.T) {
	doc, err := load()
	if err != nil {
		t.Fatal(err)
	}
	tree := documentTree(t)
	free := []string{"metadata", "retention_report", "/body", "/headers"} // may hold anything
	examples := 0
	for _, op := range doc.operations {
		for status, r := range op.responses {
			example := tree.example(op, status)
			if example == nil {
				continue
			}
			examples++
			name := fmt.Sprintf("%s /%s: %d", op.method, strings.Join(op.path, "/"), status)
			schema := r.content[mediaJSON]
			if err := schema.Validate(example); err != nil {
				t.Errorf("%s: the example is not valid: %v", name, err)
				continue
			}
			for change, changed := range changes(example, "") {
				if slices.ContainsFunc(free, func(f string) bool { return strings.Contains(change, f) }) {
					continue
				}
				if schema.Validate(changed) == nil {
					t.Errorf("%s: valid with %s", name, change)
				}
			}
		}
	}
	if examples < 60 {
		t.Errorf("%d examples of answers, want at least 60", examples)
	}
}

// changes are the ways to spoil a value, by what they change.
func changes(value any, at string) map[string]any {
	out := make(map[string]any)
	switch v := value.(type) {
	case map[string]any:
		kind := fmt.Sprintf("%s(%v)", at, v["object"])
		optional := []string{"note"}
		if v["object"] == "reveal" { // holds what was asked for
			optional = []string{"number", "name", "expiration_month", "expiration_year"}
		}
		more := maps.Clone(v)
		more["surplus"] = "x"
		out["one more key in "+kind] = more
		for key, field := range v {
			less := maps.Clone(v)
			delete(less, key)
			if !slices.Contains(optional, key) {
				out["no "+at+"/"+key] = less
			}
			for change, changed := range changes(field, at+"/"+key) {
				other := maps.Clone(v)
				other[key] = changed
				out[change] = other
			}
		}
	case []any:
		for i, item := range v {
			for change, changed := range changes(item, fmt.Sprintf("%s/%d", at, i)) {
				other := slices.Clone(v)
				other[i] = changed
				out[change] = other
			}
		}
	default:
		out["an object as "+at] = map[string]any{"x": "y"}
		out["an array as "+at] = []any{"x"}
	}
	return out
}
