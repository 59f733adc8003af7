package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/panvault/panvault/vault"
)

// Admin serves the admin listener: health, readiness and metrics without a key,
// so it must listen where only operators reach it, and the operators' side of
// the API. It is safe for concurrent use.
type Admin struct {
	svc      *vault.Service
	gatherer prometheus.Gatherer
	version  string
	log      *slog.Logger
	draining atomic.Bool
}

// NewAdmin returns the admin endpoints of one process.
func NewAdmin(svc *vault.Service, gatherer prometheus.Gatherer, version string, log *slog.Logger) *Admin {
	return &Admin{svc: svc, gatherer: gatherer, version: version, log: log}
}

// Drain makes /readyz answer 503 from now on, so that a balancer sends no more.
func (a *Admin) Drain() { a.draining.Store(true) }

// Handler serves /healthz, /readyz and /metrics; api serves all other paths.
func (a *Admin) Handler(api http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc("GET /healthz", a.healthz)
	mux.HandleFunc("GET /readyz", a.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.gatherer, promhttp.HandlerOpts{
		ErrorHandling: promhttp.HTTPErrorOnError, DisableCompression: true,
	}))
	return mux
}

// healthz says that the process answers, and nothing of what it depends on.
func (a *Admin) healthz(w http.ResponseWriter, _ *http.Request) {
	a.write(w, http.StatusOK, map[string]string{"status": "ok", "version": a.version})
}

type readiness struct {
	Status       string       `json:"status"` // ready, degraded, not ready, draining
	Dependencies []dependency `json:"dependencies"`
}

type dependency struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok or failed
	Note   string `json:"note,omitempty"`
}

func (a *Admin) readyz(w http.ResponseWriter, r *http.Request) {
	out, status := readiness{Status: "ready"}, http.StatusOK
	for _, state := range a.svc.Ready(r.Context()) {
		d := dependency{state.Name, "ok", state.Note}
		switch {
		case state.OK:
		case state.Soft && status == http.StatusOK:
			d.Status, out.Status = "failed", "degraded"
		case state.Soft:
			d.Status = "failed"
		default:
			d.Status, out.Status, status = "failed", "not ready", http.StatusServiceUnavailable
		}
		out.Dependencies = append(out.Dependencies, d)
	}
	if a.draining.Load() {
		out.Status, status = "draining", http.StatusServiceUnavailable
	}
	a.write(w, status, out)
}

func (a *Admin) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		a.log.Debug("admin answer was not read", "error", err)
	}
}
