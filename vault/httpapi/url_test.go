package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Card data in a URL ends up in histories and in the logs of proxies, so it is
// refused, and nothing of it is in our log.
func TestCardInQuery(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	// The values mark what must not be logged; each alone is refused.
	queries := []string{
		"card[name]=MARKERNAME", "card[number]=5555444433332222", "card[expiration_month]=77", "card[expiration_year]=7777",
		"card[security_code]=987", "card[street1]=MARKERNAME", "card[street2]=MARKERNAME", "card[city]=MARKERNAME",
		"card[state]=MARKERNAME", "card[postal_code]=MARKERNAME", "card[country]=MARKERNAME", "card[phone_number]=MARKERNAME",
		"card[email]=MARKERNAME", "card[other]=MARKERNAME",
		"number=1", "security_code=987", "cvc=987", "cvv=987", "pan=1", "card_number=1", "expiration_month=1", "NUMBER=1", "Card[Number]=1",
		"a[number]=1", "a[b][number]=1", "a[][security_code]=987", "card[][number]=1", "card[][cvv]=987",
		"card%5Bnumber%5D=1", "card%5bsecurity_code%5d=987", "%63ard[%6eumber]=1",
		"x=4242424242424242", "4242424242424242", "4242424242424242=x", "x[4242424242424242]=1", "x[]=4242424242424242",
		"x=%34242424242424242", "x=4242%204242%204242%204242", "x=4242+4242+4242+4242", "x=4242-4242-4242-4242",
		"x=" + url.QueryEscape(cardJSON(nil)), "limit=1&from=4242424242424242",
	}
	for _, query := range queries {
		t.Run(query, func(t *testing.T) {
			for _, method := range []string{"POST", "GET", "DELETE"} {
				for _, path := range []string{"/tokens", "/tokens/", "/tokens/" + id, "/nowhere"} {
					a := w.post(t, cardJSON(nil), func(r *request) { r.method, r.path = method, path+"?"+query })
					a.want(t, http.StatusBadRequest, "bad_request", "card data must not be sent in the url")
				}
			}
		})
	}
	// Broken as well as secret: still refused, still not logged.
	for _, query := range []string{"card[number]=MARKERNAME%", "x=MARKERNAME&x=MARKERNAME", "a[b][c][number]=MARKERNAME"} {
		a := w.post(t, cardJSON(nil), func(r *request) { r.path = "/tokens?" + query })
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	for _, marker := range []string{"MARKERNAME", "5555444433332222", "42424242", "987", "7777", "security_code", "?"} {
		if strings.Contains(withoutIDs(w.log.text()), marker) {
			t.Errorf("%q is in the log", marker)
		}
	}
}

// A query without card data joins the parameters of the body.
func TestQueryParameters(t *testing.T) {
	w := newWire(t, config{})
	for _, query := range []string{"", "?", "?limit=1", "?a[]=1&a[]=2", "?card=tokn_test_1", "?x=123456789012", "?description=MARKER"} {
		a := w.post(t, cardJSON(nil), func(r *request) { r.path = "/tokens" + query })
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	a := w.post(t, "", func(r *request) { r.path = "/tokens?card=tokn_test_1" })
	a.want(t, http.StatusBadRequest, "bad_request", "request contains no card parameters")
	a = w.get(t, "/tokens/x?a=%")
	a.want(t, http.StatusBadRequest, "bad_request", "request parameters are not a valid form")
	a = w.get(t, "/tokens/x?a=1&a=2")
	a.want(t, http.StatusBadRequest, "bad_request", "a parameter is given twice")
}
