package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/panvault/panvault/vault/httpapi"
)

const (
	// farewell is how long, after SIGTERM, requests still come in and are told
	// that their connection ends: a client that has just sent one on a kept
	// connection must get its answer, not a reset.
	farewell = 300 * time.Millisecond
	// drainTime is how long accepted requests get to be answered after that.
	drainTime = 30 * time.Second
)

// serving is an app with its listeners open.
type serving struct {
	app       *app
	admin     *httpapi.Admin
	gates     []*gate // of the API's listeners
	listeners []*httpapi.Listener
	adminAddr string
	apiAddr   string // of the public listener, or of the only one
	private   string // of the private listener, if it is another
	hup       chan os.Signal
}

// serve binds the listeners of the configuration that a tier has.
func (a *app) serve(t tier, publicURL string) (_ *serving, err error) {
	s := &serving{
		app: a, hup: make(chan os.Signal, 1),
		admin: httpapi.NewAdmin(a.svc, a.registry, currentBuild().Version, a.log),
	}
	signal.Notify(s.hup, syscall.SIGHUP)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(0))
		}
	}()
	config, err := a.cfg.Listen.TLS.load()
	if err != nil {
		return nil, err
	}
	sides, err := s.bind(t, config)
	if err != nil {
		return nil, err
	}
	// The URL may need the port that is bound, so the handlers come after it.
	if publicURL == "" {
		publicURL = "http://" + s.apiAddr
	}
	api, err := a.newAPI(publicURL, config != nil)
	if err != nil {
		return nil, err
	}
	for i, g := range s.gates {
		g.open(api.Handler(sides[i]...))
	}
	admin, err := httpapi.Listen(a.cfg.Listen.Admin, s.admin.Handler(), nil, false, a.log)
	if err != nil {
		return nil, listenError("admin", err)
	}
	s.listeners = append(s.listeners, admin)
	s.adminAddr = admin.Addr()
	return s, nil
}

// bind opens the API's listeners, each with the side of the API that it shows.
func (s *serving) bind(t tier, config *tls.Config) (sides [][]httpapi.Tier, err error) {
	l := s.app.cfg.Listen
	if t == tierAll && l.Private == l.Public {
		return [][]httpapi.Tier{{httpapi.Public, httpapi.Private}}, s.listen("public", l.Public, config)
	}
	if t.public() {
		if err := s.listen("public", l.Public, config); err != nil {
			return nil, err
		}
		sides = append(sides, []httpapi.Tier{httpapi.Public})
	}
	if t.private() {
		if err := s.listen("private", l.Private, config); err != nil {
			return nil, err
		}
		sides = append(sides, []httpapi.Tier{httpapi.Private})
	}
	return sides, nil
}

// listen opens one listener, whose gate is still shut.
func (s *serving) listen(name, addr string, config *tls.Config) error {
	g := &gate{}
	l, err := httpapi.Listen(addr, g, config, s.app.cfg.Listen.AllowPlaintext, s.app.log)
	if err != nil {
		return listenError(name, err)
	}
	if s.apiAddr == "" {
		s.apiAddr = l.Addr()
	} else {
		s.private = l.Addr()
	}
	s.listeners, s.gates = append(s.listeners, l), append(s.gates, g)
	return nil
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

// wait serves until ctx ends or a listener fails, then drains.
func (s *serving) wait(ctx context.Context) error {
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
		case <-s.hup:
			if err := s.app.reloadIssuers(); err != nil {
				s.app.log.Error("issuers were not reloaded; the old ones stay", "error", err)
			} else {
				s.app.log.Info("issuers reloaded")
			}
		case err := <-failed:
			return errors.Join(err, s.drain())
		case <-ctx.Done():
			s.app.log.Info("draining")
			return s.drain()
		}
	}
}

// drain ends serving without losing an answer: first /readyz turns and every
// answer ends its connection, then no connection is accepted, then what was
// accepted is answered.
func (s *serving) drain() error {
	s.admin.Drain()
	for _, g := range s.gates {
		g.closing.Store(true)
	}
	time.Sleep(farewell)
	return s.stop(drainTime)
}

func (s *serving) stop(limit time.Duration) error {
	signal.Stop(s.hup)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Drain(ctx))
	}
	return errors.Join(errs...)
}

func listenTCP(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
