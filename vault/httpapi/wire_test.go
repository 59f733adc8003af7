package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/httpapi"
	"github.com/panvault/panvault/vault/vaulttest"
)

// publicURL is what token locations start with; it differs from the address
// that is served, as it does behind a proxy.
const publicURL = "https://vault.example"

// wire is the real service on a real socket, with one merchant.
type wire struct {
	*vaulttest.Vault
	addr     string
	listener *httpapi.Listener
	api      *httpapi.API
	handler  http.Handler
	clock    *clock
	log      *logBuffer
	registry *prometheus.Registry
	tags     []string // of the document: what is served

	merchant       string
	public, secret string // API keys in test mode
}

// config changes what newWire builds; nil fields change nothing.
type config struct {
	vault    func(*vault.Options)
	api      func(*httpapi.Options)
	tiers    []httpapi.Tier // default both
	tls      *tls.Config
	merchant vault.MerchantSettings
}

func newWire(t testing.TB, c config) *wire {
	t.Helper()
	w := &wire{clock: newClock(), log: &logBuffer{}, registry: prometheus.NewRegistry()}
	logger := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Vault = vaulttest.New(t, func(o *vault.Options) {
		o.Clock, o.Logger, o.Metrics = w.clock.now, logger, w.registry
		if c.vault != nil {
			c.vault(o)
		}
	})
	opts := httpapi.Options{
		Service: w.Service, PublicURL: publicURL, Logger: logger, Metrics: w.registry, Clock: w.clock.now,
	}
	if c.api != nil {
		c.api(&opts)
	}
	var err error
	if w.api, err = httpapi.New(opts); err != nil {
		t.Fatal(err)
	}
	if c.tiers == nil {
		c.tiers = []httpapi.Tier{httpapi.Public, httpapi.Private}
	}
	w.tags = tagsOf(c.tiers)
	w.handler = w.api.Handler(c.tiers...)
	if w.listener, err = httpapi.Listen("127.0.0.1:0", w.handler, c.tls, false, logger); err != nil {
		t.Fatal(err)
	}
	w.addr = w.listener.Addr()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := w.listener.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	w.merchant = w.Merchant(t, c.merchant)
	w.public = w.key(t, policy.Public, false)
	w.secret = w.key(t, policy.Secret, false)
	return w
}

// key makes another key of the wire's merchant.
func (w *wire) key(t testing.TB, kind policy.Kind, live bool) string {
	t.Helper()
	return w.Key(t, w.merchant, kind, live).Reveal()
}

// post sends a JSON body to POST /tokens with the public key.
func (w *wire) post(t testing.TB, body string, edits ...func(*request)) answer {
	t.Helper()
	r := request{method: "POST", path: "/tokens", auth: basic(w.public + ":"), contentType: "application/json", body: body}
	for _, edit := range edits {
		edit(&r)
	}
	return w.do(t, r)
}

// get reads a path with the public key.
func (w *wire) get(t testing.TB, path string, edits ...func(*request)) answer {
	t.Helper()
	r := request{method: "GET", path: path, auth: basic(w.public + ":")}
	for _, edit := range edits {
		edit(&r)
	}
	return w.do(t, r)
}

// token makes a token and returns its id.
func (w *wire) token(t testing.TB, edits ...func(*request)) string {
	t.Helper()
	a := w.post(t, cardJSON(nil), edits...)
	if a.status != http.StatusOK {
		t.Fatalf("POST /tokens: %d %s", a.status, a.raw)
	}
	return a.text("id")
}

// version asks for a version of the API.
func version(date string) func(*request) { return header("Omise-Version", date) }

// header adds a request header.
func header(name, value string) func(*request) {
	return func(r *request) { r.header = append(r.header, name+": "+value) }
}

// as authenticates with another key.
func as(key string) func(*request) {
	return func(r *request) { r.auth = basic(key + ":") }
}

// clock stands still until it is told.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// logBuffer keeps everything that is logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write keeps one line.
func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
