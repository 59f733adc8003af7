package main

import (
	"database/sql"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/vault/httpapi"
)

func wantShut(t *testing.T, what string, r reply) {
	t.Helper()
	want := map[string]any{
		"object": "error", "location": "https://docs.example/errors#service-unavailable",
		"code": "service_unavailable", "message": "service is unavailable",
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%s: body %q, want %v", what, r.body, want)
	}
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") != "1" || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%s: %d %v", what, r.status, r.header)
	}
}

// TestGate: shut, it answers as the wire does; open, it passes on; and both
// ways it can say that the connection ends.
func TestGate(t *testing.T) {
	t.Parallel()
	g := &gate{shut: httpapi.Unavailable("https://docs.example/errors")}
	ask := func() reply {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/tokens", nil))
		return reply{status: w.Code, header: w.Result().Header, body: w.Body.String()}
	}
	wantShut(t, "shut", ask())
	g.closing.Store(true)
	r := ask()
	wantShut(t, "shut and closing", r)
	if r.header.Get("Connection") != "close" {
		t.Errorf("closing: %v", r.header)
	}
	g.open(http.NotFoundHandler())
	if r := ask(); r.status != http.StatusNotFound || r.header.Get("Connection") != "close" {
		t.Errorf("open and closing: %d %v", r.status, r.header)
	}
}

// TestNothingIsServedBeforeTheRecord holds the database, so that the start
// cannot be recorded: every listener is bound and none of them serves.
func TestNothingIsServedBeforeTheRecord(t *testing.T) {
	t.Parallel()
	api, admin := freeAddress(t), freeAddress(t)
	in := install(t, "listen.public", api, "listen.private", api, "listen.admin", admin, "http.error_base", "https://docs.example/errors")
	data := filepath.Join(in.dir, "data")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "panvault.db")+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hold, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, "serve", "--config", in.config)
	s.await("the last listener", func() bool {
		conn, err := net.Dial("tcp", admin)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	wantShut(t, "tokens", must(t, http.MethodPost, "http://"+api+"/tokens", in.publicKey, drawCard().form()))
	wantShut(t, "a token", must(t, http.MethodGet, "http://"+api+"/tokens/tokn_test_x", in.publicKey, nil))
	wantShut(t, "readiness", must(t, http.MethodGet, "http://"+admin+"/readyz", "", nil))
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.await("the open gates", func() bool {
		return must(t, http.MethodGet, "http://"+admin+"/readyz", "", nil).status == http.StatusOK
	})
	if r := must(t, http.MethodPost, "http://"+api+"/tokens", in.publicKey, drawCard().form()); r.status != http.StatusOK {
		t.Errorf("open: POST /tokens: %d %s", r.status, r.body)
	}
	s.Stop()
}

// freeAddress is a loopback address that was free just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
