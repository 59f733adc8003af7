package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/panvault/panvault/vault/httpapi"
)

// Which dialect and which fields a version gets.
func TestVersions(t *testing.T) {
	w := newWire(t, config{})
	tests := []struct {
		version string
		doc     bool // the documented dialect
		created bool // objects have a copy of created_at
	}{
		{"2014-07-27", false, true},
		{"2015-11-17", false, true},
		{"2017-11-02", false, true},
		{"2019-05-29", false, false},
		{"2013-01-01", false, true},  // before the first: the first
		{"2016-06-06", false, true},  // between: the one before
		{"2019-05-28", false, true},  //
		{"2019-05-30", true, false},  // after the last
		{"2019-09-29", true, false},  // in omise-node's own tests
		{"2099-12-31", true, false},  //
		{"", true, false},            // none
		{"latest", true, false},      // no date: as none
		{"2019-5-29", true, false},   //
		{"2019-02-30", true, false},  //
		{"2017-11-02x", true, false}, //
		{"0000-00-00", true, false},  //
		{"' OR 1=1", true, false},    //
	}
	late := cardJSON(map[string]string{"expiration_year": `2020`})
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			wantStatus, wantCode := http.StatusBadRequest, "invalid_card"
			if tt.doc {
				wantStatus, wantCode = http.StatusPaymentRequired, "invalid_expiration_date"
			}
			w.post(t, late, version(tt.version)).want(t, wantStatus, wantCode, past)

			made := w.post(t, cardJSON(nil), version(tt.version))
			read := w.get(t, "/tokens/"+made.text("id"), version(tt.version))
			for _, a := range []answer{made, read} {
				checkToken(t, a, tt.created)
			}
			if made.raw != read.raw {
				t.Errorf("created and read differ:\n%s%s", made.raw, read.raw)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	w := newWire(t, config{})
	for _, path := range []string{"/tokens", "/tokens/"} {
		for _, auth := range []string{"", basic(w.public), "garbage"} {
			a := w.do(t, request{method: "OPTIONS", path: path, auth: auth, header: []string{
				"Origin: https://shop.example", "Access-Control-Request-Method: POST",
				"Access-Control-Request-Headers: authorization, content-type, omise-version",
			}})
			if a.status != http.StatusNoContent {
				t.Errorf("%s: %d", path, a.status)
			}
			want := map[string]string{
				"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST",
				"Access-Control-Allow-Headers":     "authorization, content-type, omise-version",
				"Access-Control-Allow-Credentials": "",
			}
			for name, value := range want {
				if got := a.header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
		}
	}
}

// A page can read every answer of POST /tokens, errors too, and of nothing else.
func TestCrossOrigin(t *testing.T) {
	w := newWire(t, config{})
	origin := header("Origin", "https://shop.example")
	readable := []answer{
		w.post(t, cardJSON(nil), origin), w.post(t, cardJSON(nil)), w.post(t, `{`, origin), w.post(t, `{"card":{}}`, origin),
		w.post(t, cardJSON(nil), origin, as(w.secret)), w.post(t, padded(maxBody+1), origin),
		w.post(t, cardJSON(nil), origin, func(r *request) { r.path = "/tokens/" }),
	}
	for _, a := range readable {
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("status %d: Access-Control-Allow-Origin %q, want *", a.status, got)
		}
	}
	hidden := []answer{
		w.get(t, "/tokens/"+readable[0].text("id"), origin), w.get(t, "/tokens", origin), w.get(t, "/", origin),
		w.get(t, "/customers", origin, as(w.secret)),
		w.do(t, request{method: "OPTIONS", path: "/tokens/x", header: []string{"Origin: https://shop.example"}}),
		w.do(t, request{method: "OPTIONS", path: "/customers", header: []string{"Origin: https://shop.example"}}),
	}
	for _, a := range hidden {
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("status %d: Access-Control-Allow-Origin %q, want none", a.status, got)
		}
	}
}

func TestTransportSecurityHeader(t *testing.T) {
	for _, hsts := range []bool{false, true} {
		w := newWire(t, config{api: func(o *httpapi.Options) { o.HSTS = hsts }})
		want := ""
		if hsts {
			want = "max-age=31536000; includeSubDomains"
		}
		for _, a := range []answer{w.post(t, cardJSON(nil)), w.post(t, `{`), w.get(t, "/"), w.do(t, request{method: "OPTIONS", path: "/tokens"})} {
			if got := a.header.Get("Strict-Transport-Security"); got != want {
				t.Errorf("HSTS %t, status %d: %q, want %q", hsts, a.status, got, want)
			}
		}
	}
}

// Clients ask for compression; an answer that reflects input never has it.
func TestNeverCompressed(t *testing.T) {
	w := newWire(t, config{})
	big := cardJSON(map[string]string{"city": `"` + longText + `"`, "street1": `"` + longText + `"`})
	for _, body := range []string{big, `{`} {
		w.post(t, body, header("Accept-Encoding", "gzip, deflate, br, zstd")).check(t) // Content-Encoding is checked there
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	w := newWire(t, config{})
	seen := make(map[string]bool)
	for range 50 {
		id := w.get(t, "/", header("X-Request-Id", "chosen-by-the-client")).header.Get("X-Request-Id")
		if seen[id] {
			t.Fatalf("request id %s is given twice", id)
		}
		seen[id] = true
	}
}
