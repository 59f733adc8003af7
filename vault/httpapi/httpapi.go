// Package httpapi is HTTP in, vault.Service out: the Omise-compatible wire.
//
// It promises that every answer is JSON with an "object" (but for preflights
// and /openapi.yaml), also where net/http refuses a request before any route is
// looked for, that status and body always agree, that openapi.yaml describes
// every answer, that no route can forget its limits (routes.go is the only
// table), and that request bodies live in buffers that are wiped when the
// request ends.
//
// It must never log a body, a query, a header value or an id it did not make.
package httpapi

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/vault"
)

// Options configures an API. Zero values of the optional ones take the
// defaults.
type Options struct {
	Service   *vault.Service // required
	PublicURL string         // required: scheme and host that token locations start with

	RelativeLocations bool   // token locations without PublicURL, for omise-ruby's reload
	ErrorBase         string // start of an error's location; default https://www.omise.co/api-errors
	HSTS              bool   // send Strict-Transport-Security: the listener speaks TLS

	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For is believed
	Logger         *slog.Logger   // default discards
	Metrics        prometheus.Registerer
	Clock          func() time.Time // default time.Now
	Random         io.Reader        // default crypto/rand.Reader; draws request ids
}

// API serves the wire. It is safe for concurrent use.
type API struct {
	opts    Options
	svc     *vault.Service
	log     *slog.Logger
	metrics *metrics
	buffers bufferPool
}

// New returns an API. It fails if an option is missing or malformed.
func New(opts Options) (*API, error) {
	if opts.Service == nil {
		return nil, errors.New("httpapi: no service")
	}
	if !strings.HasPrefix(opts.PublicURL, "http://") && !strings.HasPrefix(opts.PublicURL, "https://") {
		return nil, errors.New("httpapi: the public URL must start with http:// or https://")
	}
	opts.PublicURL = strings.TrimRight(opts.PublicURL, "/")
	if opts.ErrorBase == "" {
		opts.ErrorBase = defaultErrorBase
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Metrics == nil {
		opts.Metrics = prometheus.NewRegistry()
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	return &API{opts: opts, svc: opts.Service, log: opts.Logger, metrics: newMetrics(opts.Metrics)}, nil
}

// Handler serves the routes of the given tiers and, without a key, the document
// that describes them; everything else is 404.
func (a *API) Handler(tiers ...Tier) http.Handler {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		if !rt.in(tiers) {
			continue
		}
		mux.Handle(rt.pattern, a.endpoint(rt))
		if rt.cors {
			_, path, _ := strings.Cut(rt.pattern, " ")
			mux.Handle("OPTIONS "+path, a.preflight(rt))
		}
	}
	mux.Handle(documentPattern, a.document())
	mux.Handle("/", a.endpoint(unknownRoute(tiers)))
	return a.plain(mux)
}

// plain lets the mux match on exact paths only: one trailing slash is dropped
// (clients send it, and a redirect would turn their POST into a GET), and a
// path that the mux would redirect to its clean form is not found.
func (a *API) plain(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if len(path) > 1 && strings.HasSuffix(path, "/") {
			path = path[:len(path)-1]
		}
		if strings.Contains(path, "//") || strings.Contains(path, "/.") || !strings.HasPrefix(path, "/") || r.Method == http.MethodConnect {
			path = "/-" // no route has this path
		}
		if path != r.URL.Path || r.Method == http.MethodConnect {
			clone := *r
			u := *r.URL
			u.Path, u.RawPath = path, ""
			clone.URL = &u
			if clone.RequestURI == "*" {
				clone.RequestURI = path // the mux answers "*" by itself, without a body
			}
			if r.Method == http.MethodConnect {
				clone.Method = http.MethodGet
			}
			r = &clone
		}
		mux.ServeHTTP(w, r)
	})
}
