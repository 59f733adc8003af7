package httpapi_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
	"github.com/panvault/panvault/vault/httpapi/wiretest"
)

type readiness struct {
	Status       string
	Dependencies []struct{ Name, Status, Note string }
}

func (r readiness) names() map[string]string {
	out := make(map[string]string)
	for _, d := range r.Dependencies {
		out[d.Name] = d.Status
	}
	return out
}

func newAdmin(w *wire) *httpapi.Admin {
	return httpapi.NewAdmin(w.Service, w.registry, "1.2.3", slog.New(slog.DiscardHandler))
}

// askAdmin reads a path, whose answer must be as documented.
func askAdmin(t testing.TB, a *httpapi.Admin, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	a.Handler(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	if err := wiretest.Check(wiretest.Exchange{
		Method: "GET", Target: path, Status: rec.Code, Header: rec.Header(), Body: rec.Body.Bytes(), Tags: []string{"admin"},
	}); err != nil {
		t.Errorf("not as documented: %v", err)
	}
	return rec
}

func ask(t testing.TB, a *httpapi.Admin, path string) (int, readiness) {
	t.Helper()
	rec := askAdmin(t, a, path)
	var out readiness
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, rec.Body)
	}
	if got := rec.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("%s: Content-Type %q", path, got)
	}
	return rec.Code, out
}

func TestHealth(t *testing.T) {
	w := newWire(t, config{})
	a := newAdmin(w)
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	a.Drain()
	if code, out := ask(t, a, "/healthz"); code != http.StatusOK || out.Status != "ok" { // whatever it depends on
		t.Errorf("%d %+v", code, out)
	}
}

func TestReadiness(t *testing.T) {
	down := &outage{}
	w := newWire(t, config{vault: func(o *vault.Options) { down.KMS, o.KMS, o.PoolSize = o.KMS, down, 2 }})
	a := newAdmin(w)
	check := func(wantCode int, want readiness) {
		t.Helper()
		code, got := ask(t, a, "/readyz")
		if diff := cmp.Diff(want.names(), got.names()); code != wantCode || got.Status != want.Status || diff != "" {
			t.Errorf("%d %s, want %d %s; dependencies (-want +got):\n%s", code, got.Status, wantCode, want.Status, diff)
		}
	}
	with := func(status string, failed ...string) readiness {
		out := readiness{Status: status}
		for _, name := range []string{"store", "kms", "data_keys_test", "data_keys_live"} {
			state := "ok"
			for _, f := range failed {
				if f == name {
					state = "failed"
				}
			}
			out.Dependencies = append(out.Dependencies, struct{ Name, Status, Note string }{name, state, ""})
		}
		return out
	}
	if !eventually(func() bool { code, _ := ask(t, a, "/readyz"); return code == http.StatusOK }) {
		t.Fatal("never ready")
	}
	check(http.StatusOK, with("ready"))

	down.fail(kms.ErrUnavailable)
	check(http.StatusOK, with("degraded", "kms"))          // prepared keys carry it on
	for w.post(t, cardJSON(nil)).status == http.StatusOK { // use up the keys of test mode
	}
	check(http.StatusServiceUnavailable, with("not ready", "kms", "data_keys_test"))
	_, got := ask(t, a, "/readyz")
	for _, d := range got.Dependencies {
		if (d.Status == "failed") != (d.Note != "") {
			t.Errorf("%s is %s and says %q", d.Name, d.Status, d.Note)
		}
	}
	down.mend()
	if !eventually(func() bool { code, _ := ask(t, a, "/readyz"); return code == http.StatusOK }) {
		t.Error("not ready again")
	}
	a.Drain()
	check(http.StatusServiceUnavailable, with("draining"))
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	check(http.StatusServiceUnavailable, with("draining", "store"))
}

func TestMetricsEndpoint(t *testing.T) {
	w := newWire(t, config{})
	w.token(t)
	text := w.metrics(t)
	for _, want := range []string{
		`panvault_http_requests_total{route="POST /tokens",status="200"} 1`,
		`panvault_http_request_seconds_count{route="POST /tokens"} 1`,
		`panvault_http_inflight 0`, `panvault_tokens_created_total{brand="Visa",mode="test"} 1`,
		`panvault_tampered_total{what="card"} 0`, `panvault_data_keys_ready{mode="live"}`, `panvault_data_keys_ready{mode="test"}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// The admin endpoints are no part of the wire, nor the wire of them.
func TestAdminIsApart(t *testing.T) {
	w := newWire(t, config{})
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/debug/pprof/"} {
		w.get(t, path).want(t, http.StatusNotFound, "not_found", unknownRoute)
	}
	admin := newAdmin(w).Handler(w.api.Handler(httpapi.Operators))
	for _, path := range []string{"/tokens", "/customers", "/debug/pprof/", "/", "/metrics", "/admin/cards"} {
		for key, want := range map[string]int{"": http.StatusUnauthorized, w.secret: http.StatusNotFound} {
			r := httptest.NewRequest("POST", path, nil)
			r.SetBasicAuth(key, "")
			rec := httptest.NewRecorder()
			admin.ServeHTTP(rec, r)
			if rec.Code != want {
				t.Errorf("POST %s on the admin listener with key %q: %d, want %d", path, key, rec.Code, want)
			}
		}
	}
}
