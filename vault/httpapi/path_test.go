package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

const unknownRoute = "the requested object was not found"

func TestTrailingSlash(t *testing.T) {
	w := newWire(t, config{})
	for _, path := range []string{"/tokens", "/tokens/", "/tokens%2f", "http://vault.example/tokens", "http://vault.example/tokens/"} {
		a := w.post(t, cardJSON(nil), func(r *request) { r.path = path })
		if a.status != http.StatusOK {
			t.Errorf("POST %s: %d %s", path, a.status, a.raw)
		}
	}
	id := w.token(t)
	for _, path := range []string{"/tokens/" + id, "/tokens/" + id + "/", "/tokens/" + id + "?", "/tokens/" + id + "/?x=1"} {
		if a := w.get(t, path); a.status != http.StatusOK || a.text("id") != id {
			t.Errorf("GET %s: %d %s", path, a.status, a.raw)
		}
	}
}

// Nothing redirects: a redirect would turn a POST into a GET (checked for every
// answer by answer.check). What is not exactly a route is not found.
func TestOddPaths(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	paths := []string{
		"/", "//", "///", "//tokens", "///tokens", "/tokens//", "/tokens///", "/./tokens", "/tokens/.", "/tokens/./",
		"/tokens/..", "/tokens/../tokens", "/../tokens", "/%2e%2e/tokens", "/tokens/%2e%2e", "/%2e/tokens", "/.", "/..",
		"/TOKENS", "/Tokens", "/token", "/tokens/" + id + "/x", "/tokens//" + id, "/v1/tokens", "/tokens;x=1", "/-", "/tokens.json",
		"/api-errors", "/.well-known/security.txt", "/favicon.ico", "*", "/%00", "/\xff",
		"//vault.example/tokens", "/tokens%3f", "/" + strings.Repeat("a/", 500),
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			for _, method := range []string{"POST", "GET", "DELETE", "PATCH", "OPTIONS"} {
				a := w.post(t, cardJSON(nil), func(r *request) { r.method, r.path = method, path })
				a.want(t, http.StatusNotFound, "not_found", unknownRoute)
				a = w.post(t, cardJSON(nil), func(r *request) { r.method, r.path, r.auth = method, path, "" })
				a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			}
		})
	}
}

func TestWrongMethods(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	for path, methods := range map[string][]string{
		"/tokens":        {"GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "BREW"},
		"/tokens/":       {"GET", "PUT", "PATCH", "DELETE"},
		"/tokens/" + id:  {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"},
		"vault.example:": {"CONNECT"},
	} {
		for _, method := range methods {
			t.Run(method+" "+path, func(t *testing.T) {
				edit := func(r *request) { r.method, r.path = method, path }
				a := w.post(t, `{}`, edit)
				a.want(t, http.StatusNotFound, "not_found", unknownRoute)
				a = w.post(t, `{}`, edit, header("X-HTTP-Method-Override", "POST"))
				a.want(t, http.StatusNotFound, "not_found", unknownRoute)
			})
		}
	}
}

func TestHead(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	for path, want := range map[string]int{"/tokens/" + id: 200, "/tokens/absent": 404, "/tokens": 404, "/": 404} {
		a := w.get(t, path, func(r *request) { r.method = "HEAD" })
		if a.status != want {
			t.Errorf("HEAD %s: %d, want %d", path, a.status, want)
		}
	}
}

// Ids of another shape are not found, and shown again only as far as that can
// do no harm.
func TestEchoedIDs(t *testing.T) {
	w := newWire(t, config{})
	long := strings.Repeat("a", 100)
	tests := []struct{ id, want string }{
		{"tokn_test_1", "token tokn_test_1 was not found"},
		{"card_test_1", "token card_test_1 was not found"},
		{"x", "token x was not found"},
		{"tokn_test_1-2", "token tokn_test_1-2 was not found"},
		{"%3Cscript%3Ealert(1)%3C%2Fscript%3E", "token scriptalert1script was not found"},
		{"a%0d%0aSet-Cookie:x", "token aSet-Cookiex was not found"},
		{"a%2Fb", "token ab was not found"},
		{"%E0%B8%81", "token was not found"},
		{"%22", "token was not found"},
		{long, "token " + long[:64] + " was not found"},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			w.get(t, "/tokens/"+tt.id).want(t, http.StatusNotFound, "not_found", tt.want)
		})
	}
}

func TestPANInPath(t *testing.T) {
	w := newWire(t, config{})
	paths := []string{
		"/tokens/4242424242424242", "/tokens/tokn_test_4242424242424242", "/tokens/4242-4242-4242-4242",
		"/tokens/4242%204242%204242%204242", "/tokens/%34242424242424242", "/4242424242424242", "/4242/4242/4242/4242",
		"/tokens/4242!4242!4242!4242", "/tokens/4242%E2%80%8B424242424242",
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			a := w.get(t, path)
			want := unknownRoute // the id is not even looked up
			if strings.Contains(path, "!") {
				want = "token [redacted] was not found"
			}
			a.want(t, http.StatusNotFound, "not_found", want)
			digits := strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return -1
			}, a.text("message"))
			if strings.Contains(digits, "4242424242") {
				t.Errorf("the number is echoed: %s", a.raw)
			}
		})
	}
	if strings.Contains(w.log.text(), "42424242") {
		t.Error("the number is in the log")
	}
}
