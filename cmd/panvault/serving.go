package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/panvault/panvault/vault/httpapi"
)

// Accepted requests get leastDrain to be answered once no more are accepted, or
// as long as a destination may take, and forwardDrain.
const (
	leastDrain   = 30 * time.Second
	forwardDrain = 5 * time.Second
)

// drainTime is longer than any answer that a tier may wait for: a payment whose
// answer is thrown away is an unknown one.
func (cfg config) drainTime(t tier) time.Duration {
	longest := cfg.longestTimeout()
	if !t.private() || longest == 0 {
		return leastDrain
	}
	return max(leastDrain, longest+forwardDrain)
}

// serving is an app with its listeners bound. Until open, each of them answers
// that the service is unavailable.
type serving struct {
	app       *app
	tier      tier
	admin     *httpapi.Admin
	listeners []*httpapi.Listener
	gates     []*gate        // of the listeners
	handlers  []http.Handler // behind the gates
	adminAddr string
	apiAddr   string // of the public listener, or of the only one
	private   string // of the private listener, if it is another
	hup       chan os.Signal
}

// serve binds the listeners of the configuration that a tier has. Open them.
func (a *app) serve(t tier, publicURL string) (_ *serving, err error) {
	s := &serving{
		app: a, tier: t, hup: make(chan os.Signal, 1),
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
	if s.adminAddr, err = s.listen("admin", a.cfg.Listen.Admin, nil, false); err != nil {
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
	for _, side := range sides {
		s.handlers = append(s.handlers, api.Handler(side...))
	}
	s.handlers = append(s.handlers, s.admin.Handler(api.Handler(httpapi.Operators)))
	return s, nil
}

// open lets requests in.
func (s *serving) open() {
	for i, g := range s.gates {
		g.open(s.handlers[i])
	}
}

// bind opens the API's listeners, each with the side of the API that it shows.
func (s *serving) bind(t tier, config *tls.Config) (sides [][]httpapi.Tier, err error) {
	l := s.app.cfg.Listen
	if t == tierAll && l.Private == l.Public {
		s.apiAddr, err = s.listen("public", l.Public, config, l.AllowPlaintext)
		return [][]httpapi.Tier{{httpapi.Public, httpapi.Private}}, err
	}
	if t.public() {
		if s.apiAddr, err = s.listen("public", l.Public, config, l.AllowPlaintext); err != nil {
			return nil, err
		}
		sides = append(sides, []httpapi.Tier{httpapi.Public})
	}
	if t.private() {
		addr, err := s.listen("private", l.Private, config, l.AllowPlaintext)
		if err != nil {
			return nil, err
		}
		if t.public() {
			s.private = addr
		} else {
			s.apiAddr = addr
		}
		sides = append(sides, []httpapi.Tier{httpapi.Private})
	}
	return sides, nil
}

// listen binds one listener, whose gate is still shut, and returns its address.
func (s *serving) listen(name, addr string, config *tls.Config, plaintext bool) (string, error) {
	g := &gate{shut: httpapi.Unavailable(s.app.cfg.HTTP.ErrorBase)}
	l, err := httpapi.Listen(addr, g, config, plaintext, s.app.log)
	if err != nil {
		return "", listenError(name, err)
	}
	s.listeners, s.gates = append(s.listeners, l), append(s.gates, g)
	return l.Addr(), nil
}

func (a *app) newAPI(publicURL string, hsts bool) (*httpapi.API, error) {
	return httpapi.New(httpapi.Options{
		Service: a.svc, PublicURL: publicURL, RelativeLocations: a.cfg.HTTP.TokenLocation == "relative",
		ErrorBase: a.cfg.HTTP.ErrorBase, HSTS: hsts, TrustedProxies: a.cfg.trustedProxies(),
		Logger: a.log, Metrics: a.registry,
	})
}

// bindError is a listener that cannot be had.
type bindError struct {
	name string // public, private, admin
	error
}

// Error names the setting.
func (e bindError) Error() string { return "listen." + e.name + ": " + e.error.Error() }

// Unwrap returns the error without the setting.
func (e bindError) Unwrap() error { return e.error }

func listenError(name string, err error) error {
	err = bindError{name, err}
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

// drain ends serving without losing an answer. For listen.drain_delay /readyz
// says draining, and requests still come in and are told that their connection
// ends: a client that has just sent one on a kept connection must get its
// answer, not a reset. Then no connection is accepted, and what was accepted is
// answered.
func (s *serving) drain() error {
	s.admin.Drain()
	for _, g := range s.gates {
		g.closing.Store(true)
	}
	time.Sleep(s.app.cfg.Listen.DrainDelay)
	return s.stop(s.app.cfg.drainTime(s.tier))
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
