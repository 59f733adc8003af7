package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/panvault/panvault/vault/httpapi"
)

// drainTime is how long accepted requests get to be answered after SIGTERM.
const drainTime = 30 * time.Second

// serving is an app with its listeners open.
type serving struct {
	app       *app
	api       *httpapi.API
	admin     *httpapi.Admin
	listeners []*httpapi.Listener // the admin listener last
	adminAddr string
	apiAddr   string
}

// serve binds the listeners of the configuration.
func (a *app) serve(publicURL string) (*serving, error) {
	s := &serving{app: a, admin: httpapi.NewAdmin(a.svc, a.registry, currentBuild().Version, a.log)}
	config, err := a.cfg.Listen.TLS.load()
	if err != nil {
		return nil, err
	}
	// The URL may need the port that is bound, so the handler comes after it.
	var handlers []*lateHandler
	listen := func(addr string, tlsConfig *tls.Config, plaintext bool) (*httpapi.Listener, *lateHandler, error) {
		h := &lateHandler{}
		l, err := httpapi.Listen(addr, h, tlsConfig, plaintext, a.log)
		if err != nil {
			return nil, nil, err
		}
		s.listeners, handlers = append(s.listeners, l), append(handlers, h)
		return l, h, nil
	}
	public, publicHandler, err := listen(a.cfg.Listen.Public, config, a.cfg.Listen.AllowPlaintext)
	if err != nil {
		return nil, listenError("public", err)
	}
	s.apiAddr = public.Addr()
	if publicURL == "" {
		publicURL = "http://" + s.apiAddr
	}
	if s.api, err = a.newAPI(publicURL, config != nil); err != nil {
		return nil, errors.Join(err, s.drain(0))
	}
	if a.cfg.Listen.Private == a.cfg.Listen.Public {
		publicHandler.set(s.api.Handler(httpapi.Public, httpapi.Private))
	} else {
		_, privateHandler, err := listen(a.cfg.Listen.Private, config, a.cfg.Listen.AllowPlaintext)
		if err != nil {
			return nil, errors.Join(listenError("private", err), s.drain(0))
		}
		publicHandler.set(s.api.Handler(httpapi.Public))
		privateHandler.set(s.api.Handler(httpapi.Private))
	}
	admin, adminHandler, err := listen(a.cfg.Listen.Admin, nil, false)
	if err != nil {
		return nil, errors.Join(listenError("admin", err), s.drain(0))
	}
	adminHandler.set(s.admin.Handler())
	s.adminAddr = admin.Addr()
	return s, nil
}

func (a *app) newAPI(publicURL string, hsts bool) (*httpapi.API, error) {
	return httpapi.New(httpapi.Options{
		Service: a.svc, PublicURL: publicURL, RelativeLocations: a.cfg.HTTP.TokenLocation == "relative",
		ErrorBase: a.cfg.HTTP.ErrorBase, HSTS: hsts, TrustedProxies: a.cfg.trustedProxies(),
		Logger: a.log, Metrics: a.registry,
	})
}

func listenError(name string, err error) error {
	err = fmt.Errorf("listen.%s: %w", name, err)
	if errors.Is(err, syscall.EADDRINUSE) {
		return hint(err, "another address: is a panvault running here already?")
	}
	return err
}

// wait serves until ctx ends or a listener fails, then drains: first /readyz
// turns, then no request is accepted, then the accepted ones are answered.
func (s *serving) wait(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() {
			if err, ok := <-l.Failed(); ok {
				failed <- err
			}
		}()
	}
	for {
		select {
		case <-hup:
			if err := s.app.reloadIssuers(); err != nil {
				s.app.log.Error("issuers were not reloaded; the old ones stay", "error", err)
			} else {
				s.app.log.Info("issuers reloaded")
			}
		case err := <-failed:
			return errors.Join(err, s.drain(drainTime))
		case <-ctx.Done():
			s.app.log.Info("draining")
			return s.drain(drainTime)
		}
	}
}

func (s *serving) drain(limit time.Duration) error {
	s.admin.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Drain(ctx))
	}
	return errors.Join(errs...)
}

// lateHandler is a handler that is set once the listener's address is known.
// Requests before that wait at the balancer: they get 503.
type lateHandler struct{ handler atomic.Pointer[http.Handler] }

func (l *lateHandler) set(h http.Handler) { l.handler.Store(&h) }

// ServeHTTP passes the request on.
func (l *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// load reads the certificate; nil if none is configured. The files are read
// again at most once a minute, so that a renewed certificate is picked up.
func (t tlsConfig) load() (*tls.Config, error) {
	if t.CertFile == "" {
		return nil, nil
	}
	source := &certificate{files: t}
	if _, err := source.get(); err != nil {
		return nil, fmt.Errorf("listen.tls: %w", err)
	}
	return httpapi.TLSConfig(source.get), nil
}

func listenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
