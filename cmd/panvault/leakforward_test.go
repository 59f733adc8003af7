package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// startProcessor runs the sandbox processor as a process of its own, so that
// the numbers it gets are not in the memory that is searched, and returns its
// destinations as configuration.
func (l *leakTarget) startProcessor(t *testing.T, binary string) string {
	t.Helper()
	cmd := exec.Command(binary, "sandbox-processor", "--listen", "127.0.0.1:0", "--json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var ready struct{ URL string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	l.processor = ready.URL
	destinations := sandboxDestinations(ready.URL)
	for i := range destinations {
		destinations[i].Timeout = time.Second
	}
	text, err := yaml.Marshal(map[string]any{"destinations": destinations})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// behaviours are amounts that let the processor give a number back, or no whole
// answer (deploy/sandbox-processor.md).
var behaviours = []int{10000, 900004, 900006, 900007, 900008, 900009, 900010, 900011, 900012, 900013, 900014, 900015, 900016, 900017, 900019, 900021, 900027}

// useCards forwards, charges and pays with one marker card for each behaviour
// and way, and returns the markers.
func (l *leakTarget) useCards(t *testing.T, r *rand.Rand, round int) []marker {
	t.Helper()
	var markers []marker
	fresh := func(what string, amount int) marker {
		m := newMarker(r, fmt.Sprintf("%s of %d, round %d", what, amount, round))
		markers = append(markers, m)
		return m
	}
	private := func(what, path, body string) string {
		req := post(l, path, jsonType, body)
		req.SetBasicAuth(l.secret, "")
		return l.send(t, what, req, 0)
	}
	token := func(m marker) string {
		return field(t, l.send(t, m.path, post(l, "/tokens", formType, m.form(nil)), 200), "id")
	}
	for _, amount := range behaviours {
		m := fresh("forward of a token", amount)
		private(m.path, "/v1/forwards", fmt.Sprintf(`{"destination":"sandbox","token":%q,"fields":{"amount":%d,"currency":"thb"}}`, token(m), amount))

		m = fresh("forward of a card", amount)
		customer := private(m.path, "/customers", fmt.Sprintf(`{"card":%q}`, token(m)))
		private(m.path, "/v1/forwards", fmt.Sprintf(`{"destination":"sandbox","card":%q,"idempotency_key":%q,"fields":{"amount":%d,"currency":"thb"}}`,
			field(t, customer, "default_card"), m.path, amount))

		m = fresh("charge of a token", amount)
		private(m.path, "/charges", fmt.Sprintf(`{"amount":%d,"currency":"thb","card":%q}`, amount, token(m)))

		m = fresh("payment with a raw card", amount)
		l.pay(t, m.path, amount, fmt.Sprintf(`{"number":%q,"exp_month":"12","exp_year":"40","name":%q,"cvv":"918"}`, m.number, m.name))
		m = fresh("payment with a token", amount)
		l.pay(t, m.path, amount, fmt.Sprintf("%q", token(m)))
	}
	for what, body := range map[string]string{
		"forward: number in a field":         `{"destination":"sandbox","card":"card_test_x","fields":{"amount":1,"note":"%s"}}`,
		"forward: number as a field's name":  `{"destination":"sandbox","card":"card_test_x","fields":{"%s":1}}`,
		"forward: number as the card":        `{"destination":"sandbox","card":"%s","fields":{}}`,
		"forward: number as the destination": `{"destination":"%s","card":"card_test_x","fields":{}}`,
		"forward: dry run":                   `{"destination":"sandbox","dry_run":true,"fields":{"amount":1,"currency":"%s"}}`,
	} {
		m := fresh(what, 0)
		private(m.path, "/v1/forwards", fmt.Sprintf(body, m.number))
	}
	for what, body := range map[string]string{
		"charge: number as the card":        `{"amount":10000,"currency":"thb","card":"%s"}`,
		"charge: number in the description": `{"amount":10000,"currency":"thb","card":"tokn_test_x","description":"%s"}`,
		"charge: number as the amount":      `{"amount":%s,"currency":"thb","card":"tokn_test_x"}`,
	} {
		m := fresh(what, 0)
		private(m.path, "/charges", fmt.Sprintf(body, m.number))
	}
	m := fresh("payment: number as the reference", 0)
	l.pay(t, m.number, 1000, `"tokn_test_x"`)
	return markers
}

// pay posts to the PaymentOptions front, which keeps what is approved.
func (l *leakTarget) pay(t *testing.T, reference string, amount int, card string) {
	t.Helper()
	req := post(l, "/api/v1/server-to-server-interface/payment", jsonType, fmt.Sprintf(
		`{"amount":%d,"currency":"JPY","merchant_txn_ref":%q,"payment_method":{"type":"scheme","store_payment_method":true,"card":%s}}`, amount, reference, card))
	req.Header.Set("Authorization", l.secret)
	req.Header.Set("X-Api-Key", l.public)
	l.send(t, reference, req, 0)
}

// processorCount is how many requests went out: a test that sends nothing finds
// nothing.
func (l *leakTarget) processorCount(t *testing.T) int {
	t.Helper()
	resp, err := http.Get(l.processor + "/statistics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var counts struct{ Received int }
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&counts); err != nil {
		t.Fatal(err)
	}
	return counts.Received
}
