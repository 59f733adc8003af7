package main

import (
	"net/http"
	"sync/atomic"
)

// gate is what a listener serves: shut until it is opened, then the handler,
// and while the process ends, answers that tell clients to close their
// connection. It is safe for concurrent use.
type gate struct {
	shut    http.Handler // answers 503, so that clients and balancers come again
	handler atomic.Pointer[http.Handler]
	closing atomic.Bool
}

func (g *gate) open(h http.Handler) { g.handler.Store(&h) }

// ServeHTTP passes the request on.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.closing.Load() {
		w.Header().Set("Connection", "close")
	}
	if h := g.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	g.shut.ServeHTTP(w, r)
}
