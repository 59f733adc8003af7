package transit_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/transit"
)

// The answers here are ones that a real Vault cannot be brought to give.

const livingToken = `{"data":{"ttl":3600,"expire_time":"2030-01-01T00:00:00Z","renewable":true}}`

// serve answers lookup-self, and everything else with handler.
func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/auth/token/lookup-self" {
			_, _ = io.WriteString(w, livingToken)
			return
		}
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, address string) *transit.Client {
	t.Helper()
	return open(t, transit.Config{Address: address, TokenFile: tokenFile(t, "hvs.mine")})
}

func encoded(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// one wraps and unwraps one item and returns the first error of either kind.
func one(t *testing.T, c *transit.Client) (wrapErr, unwrapErr error) {
	t.Helper()
	w, wrapErr := c.Wrap(t.Context(), kms.CardLive, []kms.WrapItem{{Plaintext: random(32), Context: random(8)}})
	if wrapErr == nil {
		wrapErr = w[0].Err
	}
	u, unwrapErr := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{{Wrapped: []byte("vault:v1:" + encoded(60)), Context: random(8)}})
	if unwrapErr == nil {
		unwrapErr = u[0].Err
	}
	return wrapErr, unwrapErr
}

func TestStatus(t *testing.T) {
	for status, want := range map[int]error{
		301: kms.ErrUnavailable, 307: kms.ErrUnavailable, 400: kms.ErrInvalid, 403: kms.ErrDenied, 404: kms.ErrKeyMissing,
		405: kms.ErrInvalid, 412: kms.ErrUnavailable, 413: kms.ErrInvalid, 429: kms.ErrUnavailable, 472: kms.ErrUnavailable,
		473: kms.ErrUnavailable, 500: kms.ErrUnavailable, 501: kms.ErrUnavailable, 502: kms.ErrUnavailable,
		503: kms.ErrUnavailable, 504: kms.ErrUnavailable, 530: kms.ErrUnavailable, 204: kms.ErrUnavailable,
	} {
		var calls atomic.Int32
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				calls.Add(1)
			}
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			if status != 204 {
				_, _ = io.WriteString(w, `{"errors":["echo of vault:v1:SECRETECHO"]}`)
			}
		})
		wrapErr, unwrapErr := one(t, connect(t, s.URL))
		for _, err := range []error{wrapErr, unwrapErr} {
			wantIs(t, fmt.Sprintf("HTTP %d", status), err, want)
			if strings.Contains(fmt.Sprint(err), "SECRETECHO") {
				t.Errorf("HTTP %d: error %q passes on the server's text", status, err)
			}
		}
		if n := calls.Load(); n != 2 {
			t.Errorf("HTTP %d: %d requests for two calls, want no retry", status, n)
		}
	}
}

// TestRedirect: a redirect is not followed, the token would go with it.
func TestRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s went to another host with token %q", r.Method, r.URL.Path, r.Header.Get("X-Vault-Token"))
	}))
	defer other.Close()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	wrapErr, unwrapErr := one(t, connect(t, s.URL))
	wantIs(t, "Wrap", wrapErr, kms.ErrUnavailable)
	wantIs(t, "Unwrap", unwrapErr, kms.ErrUnavailable)
}

// TestAnswersThatDoNotFit: each is an error of the call, never a result.
func TestAnswersThatDoNotFit(t *testing.T) {
	good := "vault:v1:" + encoded(60)
	for name, body := range map[string]string{
		"empty":               ``,
		"not JSON":            `<html>`,
		"null":                `null`,
		"no data":             `{}`,
		"no results":          `{"data":{"batch_results":[]}}`,
		"too many results":    `{"data":{"batch_results":[{"ciphertext":"` + good + `","key_version":1},{"plaintext":"` + encoded(32) + `"}]}}`,
		"empty result":        `{"data":{"batch_results":[{}]}}`,
		"trailing bytes":      `{"data":{"batch_results":[{"plaintext":"` + encoded(32) + `","ciphertext":"` + good + `"}]}}x`,
		"other sizes":         `{"data":{"batch_results":[{"plaintext":"` + encoded(16) + `","ciphertext":"vault:v1:` + encoded(61) + `"}]}}`,
		"other version":       `{"data":{"batch_results":[{"ciphertext":"` + good + `","key_version":2}]}}`,
		"not base64":          `{"data":{"batch_results":[{"plaintext":"!!","ciphertext":"vault:v1:!!"}]}}`,
		"errors besides":      `{"errors":["x"],"data":{"batch_results":[{"plaintext":"` + encoded(32) + `","ciphertext":"` + good + `"}]}}`,
		"more than a full MB": `{"data":{"batch_results":[{"plaintext":"` + encoded(32) + `","ciphertext":"` + good + `"}]}}` + strings.Repeat(" ", 1<<20),
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		wrapErr, unwrapErr := one(t, connect(t, s.URL))
		wantIs(t, name+": Wrap", wrapErr, kms.ErrUnavailable)
		wantIs(t, name+": Unwrap", unwrapErr, kms.ErrUnavailable)
	}
}

// TestItemErrors: what is known is named; what is not known is no result, and
// tampering only where every item failed on the caller's account.
func TestItemErrors(t *testing.T) {
	for _, tt := range []struct {
		status int
		text   string
		want   error
	}{
		{400, "cipher: message authentication failed", kms.ErrTampered},
		{200, "cipher: message authentication failed", kms.ErrTampered},
		{200, "invalid ciphertext: version is too new", kms.ErrTampered},
		{400, "ciphertext or signature version is disallowed by policy (too old)", kms.ErrVersionRetired},
		{400, "words of the future", kms.ErrTampered},
		{200, "words of the future", kms.ErrUnavailable},
		{500, "internal trouble", kms.ErrUnavailable},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			fmt.Fprintf(w, `{"data":{"batch_results":[{"plaintext":"%s","error":%q}]}}`, encoded(32), tt.text)
		})
		c := connect(t, s.URL)
		res, err := c.Unwrap(t.Context(), kms.CardLive, []kms.UnwrapItem{{Wrapped: []byte("vault:v1:" + encoded(60)), Context: random(8)}})
		if err != nil || !errors.Is(res[0].Err, tt.want) || res[0].Plaintext != nil {
			t.Errorf("HTTP %d %q: %v, %v, want item error %v and no plaintext", tt.status, tt.text, err, res, tt.want)
		}
	}
}

func TestSlowServer(t *testing.T) {
	stop := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	defer close(stop)
	c := open(t, transit.Config{Address: s.URL, TokenFile: tokenFile(t, "x"), Timeout: 50 * time.Millisecond})
	wrapErr, unwrapErr := one(t, c)
	for _, err := range []error{wrapErr, unwrapErr, c.Check(t.Context())} {
		wantIs(t, "own timeout", err, kms.ErrUnavailable)
		wantIs(t, "own timeout", err, context.DeadlineExceeded)
	}
}

// TestHeaders: the configured namespace goes everywhere but to sys/health, the
// environment's settings nowhere, and the token to no other host.
func TestHeaders(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.environment")
	t.Setenv("VAULT_NAMESPACE", "environment")
	t.Setenv("VAULT_HEADERS", `{"X-From":"environment"}`)
	t.Setenv("VAULT_ADDR", "http://127.0.0.1:1")
	for _, namespace := range []string{"", "team/cards"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, want, health := "hvs.mine", namespace, strings.HasSuffix(r.URL.Path, "/sys/health")
			if health {
				token, want = "", ""
				if r.URL.RawQuery != "perfstandbyok=true&standbyok=true" {
					t.Errorf("sys/health?%s", r.URL.RawQuery)
				}
			}
			if got := r.Header.Get("X-Vault-Namespace"); got != want {
				t.Errorf("%s: namespace %q, want %q", r.URL.Path, got, want)
			}
			if got := r.Header.Get("X-Vault-Token"); got != token {
				t.Errorf("%s: token %q, want %q", r.URL.Path, got, token)
			}
			if r.Header.Get("X-From") != "" || r.Header.Get("X-Vault-Request") != "true" {
				t.Errorf("%s: headers %v", r.URL.Path, r.Header)
			}
			if health {
				_, _ = io.WriteString(w, `{"initialized":true,"sealed":false}`)
				return
			}
			_, _ = io.WriteString(w, livingToken)
		}))
		defer s.Close()
		c := open(t, transit.Config{Address: s.URL, TokenFile: tokenFile(t, "hvs.mine"), Namespace: namespace})
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("Check: %v", err)
		}
	}
}

func TestHealthAnswers(t *testing.T) {
	for body, want := range map[string]error{
		`{"initialized":true,"sealed":false}`:  nil,
		`{"initialized":true,"sealed":true}`:   kms.ErrUnavailable,
		`{"initialized":false,"sealed":false}`: kms.ErrUnavailable,
		`{}`:                                   kms.ErrUnavailable,
		`<html>captive portal</html>`:          kms.ErrUnavailable,
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		wantIs(t, body, connect(t, s.URL).Check(t.Context()), want)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, livingToken) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writeFile(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	cfg := transit.Config{Address: s.URL, TokenFile: tokenFile(t, "x")}
	for _, tt := range []struct {
		tls  transit.TLS
		want string // part of the error; "" for none
	}{
		{transit.TLS{CAFile: ca}, ""},
		{transit.TLS{CAFile: ca, ServerName: "example.com"}, ""},
		{transit.TLS{}, "set the CA file"},
		{transit.TLS{CAFile: ca, ServerName: "vault.other"}, "set the TLS server name"},
	} {
		cfg.TLS = tt.tls
		c, err := transit.New(t.Context(), cfg, nil)
		if err == nil {
			_ = c.Close()
		}
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, kms.ErrUnavailable) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: New() = %v, want %q", tt.tls, err, tt.want)
		}
	}
}

func TestUnknownAttributesAreUnsafe(t *testing.T) {
	for body, want := range map[string]int{
		`{"data":{"type":"aes256-gcm96","latest_version":1,"keys":{"1":1}}}`:                                                                                                               4,
		`{"data":{"type":"aes256-gcm96","latest_version":1,"keys":{"1":1},"derived":true,"exportable":false,"allow_plaintext_backup":false,"deletion_allowed":false}}`:                     0,
		`{"data":{"type":"aes256-gcm96","latest_version":1,"keys":{"1":1},"derived":true,"exportable":false,"allow_plaintext_backup":false,"deletion_allowed":false,"soft_deleted":true}}`: 1,
		`{"data":{"type":"aes256-gcm96","latest_version":1,"keys":{"2":1},"derived":true,"exportable":false,"allow_plaintext_backup":false,"deletion_allowed":false}}`:                     -1,
		`{"data":{"type":"aes256-gcm96","latest_version":0,"keys":{}}}`:                                                                                                                    -1,
		`{"data":null}`: -1,
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		d, err := connect(t, s.URL).Describe(t.Context(), kms.Work)
		if want < 0 {
			wantIs(t, body, err, kms.ErrUnavailable)
		} else if err != nil || len(d.Unsafe) != want {
			t.Errorf("%s: unsafe %q, %v, want %d reasons", body, d.Unsafe, err, want)
		}
	}
}
