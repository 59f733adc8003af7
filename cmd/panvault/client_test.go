package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/vault/httpapi/wiretest"
)

// testCard is a card of which number and name occur nowhere else.
type testCard struct{ number, name, code string }

// drawCard draws a Visa number that passes Luhn.
func drawCard() testCard {
	c := testCard{number: fmt.Sprintf("424242%09d", rand.IntN(1e9)), name: "ZQX ", code: "739"}
	sum := 0
	for i, d := range []byte(c.number) { // the 16th digit is still to come
		n := int(d - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	c.number += fmt.Sprint((10 - sum%10) % 10)
	for range 12 {
		c.name += string(rune('A' + rand.IntN(26)))
	}
	return c
}

func (c testCard) form() url.Values {
	return url.Values{
		"card[name]": {c.name}, "card[number]": {c.number}, "card[security_code]": {c.code},
		"card[expiration_month]": {"12"}, "card[expiration_year]": {fmt.Sprint(time.Now().Year() + 3)},
	}
}

// reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   string
	whole  wiretest.Exchange // with its request
}

// documented fails the test unless the API's document allows the reply, from an
// address that serves these tags of it, or all.
func (r reply) documented(t testing.TB, tags ...string) {
	t.Helper()
	r.whole.Tags = tags
	if err := wiretest.Check(r.whole); err != nil {
		t.Errorf("not as documented: %v\n%s", err, r.body)
	}
}

func (r reply) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		t.Fatalf("answer %q: %v", r.body, err)
	}
}

// id is the answer's id.
func (r reply) id() string {
	var body struct{ ID string }
	_ = json.Unmarshal([]byte(r.body), &body)
	return body.ID
}

// request sends one request with a key as curl's -u KEY: does.
func request(ctx context.Context, client *http.Client, method, target, key string, form url.Values) (reply, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return reply{}, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		req.SetBasicAuth(key, "")
	}
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text), wiretest.Exchange{
		Method: method, Target: target, RequestHeader: req.Header, RequestBody: []byte(form.Encode()),
		Status: res.StatusCode, Header: res.Header, Body: text,
	}}, err
}

// must is request, of a client of its own, for what has to be answered, and as
// documented for these tags.
func must(t testing.TB, method, target, key string, form url.Values, tags ...string) reply {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := request(t.Context(), &http.Client{Transport: transport, Timeout: patience}, method, target, key, form)
	if err != nil {
		t.Fatal(err)
	}
	r.documented(t, tags...)
	return r
}

// create makes a token and returns its id.
func (s *server) create(card testCard) string {
	s.t.Helper()
	r := must(s.t, http.MethodPost, s.URL+"/tokens", s.PublicKey, card.form())
	if r.status != http.StatusOK {
		s.t.Fatalf("POST /tokens: %d %s", r.status, r.body)
	}
	return r.id()
}

// checkToken reads a token and compares what shows that the row is whole.
func (s *server) checkToken(id string, card testCard) {
	s.t.Helper()
	r := must(s.t, http.MethodGet, s.URL+"/tokens/"+id, s.PublicKey, nil)
	var got struct {
		ID   string
		Card struct {
			Name        string
			LastDigits  string `json:"last_digits"`
			Fingerprint string
		}
	}
	r.decode(s.t, &got)
	if r.status != http.StatusOK || got.ID != id || got.Card.Name != card.name || got.Card.LastDigits != card.number[12:] || len(got.Card.Fingerprint) != 44 {
		s.t.Errorf("GET /tokens/%s: %d %s, want the card that was sent", id, r.status, r.body)
	}
}
