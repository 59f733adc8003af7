package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDevAnswersTheDocumentedRequests sends the documented curl commands and
// wants every field of the documented answer.
func TestDevAnswersTheDocumentedRequests(t *testing.T) {
	t.Parallel()
	s := startDev(t, ":temp:")
	year := strconv.Itoa(time.Now().Year() + 1)
	for _, tt := range []struct {
		name  string
		form  url.Values
		month float64
		want  map[string]any // differs from the answer below
	}{
		{"four required fields and a code", url.Values{
			"card[name]": {"JOHN DOE"}, "card[number]": {"4242424242424242"}, "card[security_code]": {"123"},
			"card[expiration_month]": {"12"}, "card[expiration_year]": {year},
		}, 12, map[string]any{"name": "JOHN DOE", "city": nil, "postal_code": nil}},
		{"with an address", url.Values{
			"card[name]": {"Somchai Prasert"}, "card[number]": {"4242424242424242"}, "card[security_code]": {"123"},
			"card[expiration_month]": {"10"}, "card[expiration_year]": {year},
			"card[city]": {"Bangkok"}, "card[postal_code]": {"10320"},
		}, 10, map[string]any{"name": "Somchai Prasert", "city": "Bangkok", "postal_code": "10320"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := must(t, http.MethodPost, s.URL+"/tokens", s.PublicKey, tt.form)
			if r.status != http.StatusOK {
				t.Fatalf("POST /tokens: %d %s", r.status, r.body)
			}
			var got map[string]any
			r.decode(t, &got)
			card, ok := got["card"].(map[string]any)
			if !ok {
				t.Fatalf("no card in %s", r.body)
			}
			wantShape(t, got["id"], `^tokn_test_[0-9a-z]{24}$`)
			wantShape(t, card["id"], `^card_test_[0-9a-z]{24}$`)
			wantShape(t, card["fingerprint"], `^[A-Za-z0-9+/]{43}=$`)
			wantShape(t, got["created_at"], `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
			want := map[string]any{
				"object": "token", "id": got["id"], "livemode": false, "location": s.URL + "/tokens/" + r.id(),
				"used": false, "charge_status": "unknown", "created_at": got["created_at"],
				"card": map[string]any{
					"object": "card", "id": card["id"], "livemode": false, "location": nil, "deleted": false,
					"street1": nil, "street2": nil, "city": tt.want["city"], "state": nil, "phone_number": nil,
					"postal_code": tt.want["postal_code"], "country": "", "financing": "", "bank": "", "brand": "Visa",
					"fingerprint": card["fingerprint"], "first_digits": nil, "last_digits": "4242", "name": tt.want["name"],
					"expiration_month": tt.month, "expiration_year": float64(time.Now().Year() + 1),
					"security_code_check": true, "tokenization_method": nil, "created_at": got["created_at"],
				},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			back := must(t, http.MethodGet, s.URL+"/tokens/"+r.id(), s.PublicKey, nil)
			if back.status != http.StatusOK || back.body != r.body {
				t.Errorf("GET = %d %s, want the answer of POST", back.status, back.body)
			}
		})
	}
	t.Run("the curl line it prints", func(t *testing.T) {
		human := launch(t, "dev", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
		human.await("the end of its text", func() bool { return strings.Contains(human.out.String(), "Ctrl-C") })
		sendCurl(t, human.out.String())
		human.Stop()
	})
}

func wantShape(t *testing.T, got any, pattern string) {
	t.Helper()
	if text, ok := got.(string); !ok || !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("got %v, want a match of %s", got, pattern)
	}
}

// sendCurl does what the printed curl command would do.
func sendCurl(t *testing.T, text string) {
	t.Helper()
	address := regexp.MustCompile(`curl (http://\S+/tokens) \\`).FindStringSubmatch(text)
	key := regexp.MustCompile(`-u (pkey_test_\w+): \\`).FindStringSubmatch(text)
	if address == nil || key == nil {
		t.Fatalf("no curl command in\n%s", text)
	}
	form := url.Values{}
	for _, m := range regexp.MustCompile(`-d "([^"=]+)=([^"]*)"`).FindAllStringSubmatch(text, -1) {
		form.Set(m[1], m[2])
	}
	if r := must(t, http.MethodPost, address[1], key[1], form); r.status != http.StatusOK {
		t.Errorf("the printed command gets %d %s", r.status, r.body)
	}
}
