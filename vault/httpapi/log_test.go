package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/panvault/panvault/vault/httpapi"
)

// withoutIDs cuts the random ids and times out of a log, which may hold any
// digits.
func withoutIDs(log string) string {
	ids := regexp.MustCompile(`"(request|key)":"[^"]*"|"(ms|time)":[^,}]*|[a-z]{4}_(test_)?[0-9a-z]{24}`)
	return ids.ReplaceAllString(log, "")
}

// Markers that must show nowhere but in answers to their sender.
const (
	markerPAN  = "5555444433332226" // not a number that passes the check sum
	goodPAN    = "5454545454545454"
	markerCode = "987"
	markerName = "MARKERNAME"
	markerPath = "markerpath"
)

// Whatever is sent, in whatever place and however broken, neither the log nor
// the metrics hold it.
func TestNothingIsLogged(t *testing.T) {
	w := newWire(t, config{})
	good := map[string]string{
		"number": `"` + goodPAN + `"`, "name": `"` + markerName + `"`, "security_code": `"` + markerCode + `"`,
		"street1": `"` + markerName + `"`, "email": `"` + markerName + `@example.com"`, "expiration_year": `2047`,
	}
	bodies := []string{
		cardJSON(good), cardForm(good), "{" + cardJSON(good), strings.Repeat(cardJSON(good), 600), "[" + cardJSON(good) + "]",
		cardJSON(map[string]string{"number": `"` + markerPAN + `"`, "name": `"` + markerName + `"`}),
		cardJSON(map[string]string{"number": `"4242 ` + markerName + `"`, "expiration_month": `"` + markerName + `"`}),
		cardJSON(map[string]string{"name": `"` + goodPAN + `"`}), goodPAN, `"` + goodPAN + `"`, goodPAN + "=" + markerName,
		`{"` + goodPAN + `":` + markerPAN + `}`, "\xff" + goodPAN,
	}
	targets := []string{
		"/tokens", "/tokens/", "/tokens?number=" + goodPAN, "/tokens?card[name]=" + markerName, "/tokens?x=" + markerName,
		"/" + markerPath, "/tokens/" + goodPAN, "/tokens/" + markerPath, "/tokens/" + markerPath + "%" + goodPAN,
		"/tokens?" + markerName + "%", "//" + goodPAN,
	}
	for _, body := range bodies {
		for _, target := range targets {
			for _, method := range []string{"POST", "GET", markerPath} {
				for _, media := range []string{"application/json", "application/x-www-form-urlencoded", markerName} {
					r := request{method: method, path: target, auth: basic(w.public), contentType: media, body: body, header: []string{
						"User-Agent: " + markerName, "Cookie: " + goodPAN, "X-Forwarded-For: " + markerName, "Referer: " + goodPAN,
						"Omise-Version: " + markerName, "X-Request-Id: " + markerName, "Origin: " + markerName,
					}}
					exchange(t, dial(t, w.addr), r.bytes(w.addr), method)
				}
			}
		}
	}
	w.post(t, cardJSON(good), func(r *request) { r.auth = basic(goodPAN + ":" + markerName) })
	w.post(t, cardJSON(good), func(r *request) { r.auth = basic("pkey_test_" + goodPAN + markerPath) })
	// What net/http itself refuses goes another way.
	for _, raw := range []string{
		"GET /" + goodPAN + " HTTP/9.9\r\n\r\n", markerName + "\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n" + goodPAN + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: " + goodPAN + " " + markerName + "\r\n\r\n",
		"GET /tokens HTTP/1.1\r\nHost: x\r\nExpect: " + markerName + "\r\n\r\n",
		"POST /tokens HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + markerName + "\r\n\r\n",
		"GET /% HTTP/1.1\r\nHost: x\r\nX: " + goodPAN + "\r\n\r\n",
	} {
		a := exchange(t, dial(t, w.addr), []byte(raw), "GET")
		a.check(t)
		a.want(t, http.StatusBadRequest, "bad_request", "request is malformed")
	}
	log, metrics := withoutIDs(w.log.text()), w.metrics(t)
	secrets := []string{goodPAN, goodPAN[:8], goodPAN[8:], markerPAN, markerCode, strings.ToLower(markerName), markerPath, "2047",
		strings.TrimPrefix(w.public, "pkey_test_"), basic(w.public)[6:], "example.com"}
	for _, secret := range secrets {
		for where, text := range map[string]string{"log": log, "metrics": metrics} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) && !(secret == markerCode && where == "metrics") {
				t.Errorf("%q is in the %s", secret, where)
			}
		}
	}
}

// metrics is what /metrics answers.
func (w *wire) metrics(t testing.TB) string {
	t.Helper()
	rec := askAdmin(t, httpapi.NewAdmin(w.Service, w.registry, "test", nil), "/metrics")
	if rec.Code != http.StatusOK {
		t.Fatalf("/metrics: %d", rec.Code)
	}
	return rec.Body.String()
}

// One line a request: these keys, these values, and nothing that the client chose.
func TestLogLine(t *testing.T) {
	w := newWire(t, config{})
	w.log.mu.Lock()
	w.log.buf.Reset()
	w.log.mu.Unlock()
	answers := []answer{
		w.post(t, cardJSON(nil)), w.post(t, `{`), w.get(t, "/tokens/x"), w.get(t, "/nothing"),
		w.post(t, cardJSON(nil), as("nobody")), w.get(t, "/nothing", func(r *request) { r.method = "BREW" }),
		w.do(t, request{method: "OPTIONS", path: "/tokens"}),
	}
	want := []struct {
		method, route, code string
		status              int
	}{
		{"POST", "POST /tokens", "", 200}, {"POST", "POST /tokens", "bad_request", 400},
		{"GET", "GET /tokens/{id}", "not_found", 404}, {"GET", "unknown", "not_found", 404},
		{"POST", "POST /tokens", "authentication_failure", 401}, {"other", "unknown", "not_found", 404},
		{"OPTIONS", "OPTIONS", "", 204},
	}
	lines := slices.Collect(bytes.Lines([]byte(w.log.text())))
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), w.log.text())
	}
	known := []string{"time", "level", "msg", "request", "method", "route", "status", "ms", "ip", "key", "code"}
	for i, line := range lines {
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		for key := range got {
			if !slices.Contains(known, key) {
				t.Errorf("line %d has %s: %v", i, key, got[key])
			}
		}
		id, _ := got["request"].(string)
		if _, err := uuid.Parse(id); err != nil || id != answers[i].header.Get("X-Request-Id") {
			t.Errorf("line %d: request %q, the answer says %q", i, id, answers[i].header.Get("X-Request-Id"))
		}
		code, _ := got["code"].(string)
		if got["method"] != want[i].method || got["route"] != want[i].route || code != want[i].code || got["status"] != float64(want[i].status) {
			t.Errorf("line %d is %s, want %v", i, line, want[i])
		}
		if got["ip"] != "127.0.0.1" {
			t.Errorf("line %d: ip %v", i, got["ip"])
		}
	}
}

// Labels are route patterns: a client cannot make new ones.
func TestMetricLabels(t *testing.T) {
	w := newWire(t, config{})
	for i := range 20 {
		w.get(t, fmt.Sprintf("/tokens/id%d", i))
		w.get(t, fmt.Sprintf("/path%d", i), func(r *request) { r.method = fmt.Sprintf("METHOD%d", i) })
	}
	w.post(t, cardJSON(nil))
	var routes []string
	for _, m := range regexp.MustCompile(`panvault_http_requests_total\{route="([^"]*)",status="(\d+)"\} (\d+)`).FindAllStringSubmatch(w.metrics(t), -1) {
		routes = append(routes, m[1]+" "+m[2]+" "+m[3])
	}
	slices.Sort(routes)
	want := []string{"GET /tokens/{id} 404 20", "POST /tokens 200 1", "unknown 404 20"}
	if !slices.Equal(routes, want) {
		t.Errorf("routes %q, want %q", routes, want)
	}
	if !strings.Contains(w.metrics(t), "panvault_http_inflight 0\n") {
		t.Error("requests are in flight after all were answered")
	}
}
