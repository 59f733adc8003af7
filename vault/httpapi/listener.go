package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/panvault/panvault/vault/card"
)

// writeTime is how long an answer may take, and that of a route beyond the time
// of the route.
const writeTime = 45 * time.Second

// limits are how long a client may take.
type limits struct {
	head, read, write, idle time.Duration
}

// Listener is one address that is served, with every time limit set.
type Listener struct {
	server *http.Server
	socket net.Listener
	failed chan error
}

// Listen binds addr and serves handler on it. Without TLS the address must be
// a loopback one, unless plaintext says that something in front ends TLS.
// logger may be nil. Drain it.
func Listen(addr string, handler http.Handler, config *tls.Config, plaintext bool, logger *slog.Logger) (*Listener, error) {
	return listen(addr, handler, config, plaintext, logger, limits{
		head: 5 * time.Second, read: 15 * time.Second, write: writeTime,
		idle: 120 * time.Second, // longer than clients keep connections, so they close first
	})
}

func listen(addr string, handler http.Handler, config *tls.Config, plaintext bool, logger *slog.Logger, limits limits) (*Listener, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if config == nil && !plaintext && !loopback(socket.Addr()) {
		_ = socket.Close()
		return nil, fmt.Errorf("%s is not a loopback address: set a TLS certificate, or allow_plaintext if a proxy in front ends TLS", addr)
	}
	l := &Listener{
		socket: socket, failed: make(chan error, 1),
		server: &http.Server{
			Handler:           wiping(handler),
			ConnContext:       rememberConn,
			ReadHeaderTimeout: limits.head,
			ReadTimeout:       limits.read,
			WriteTimeout:      limits.write,
			IdleTimeout:       limits.idle,
			MaxHeaderBytes:    4 * maxHeaders, // the handler answers 413 above maxHeaders
			ErrorLog:          log.New(logWriter{logger}, "", 0),

			// An OPTIONS for the whole server is answered like any unknown route.
			DisableGeneralOptionsHandler: true,
		},
	}
	serve := acceptor{socket, config, logger}
	go func() {
		if err := l.server.Serve(serve); !errors.Is(err, http.ErrServerClosed) {
			l.failed <- err
		}
		close(l.failed)
	}()
	return l, nil
}

// Addr is the address that was bound, with its port.
func (l *Listener) Addr() string { return l.socket.Addr().String() }

// Failed yields the error that ended serving, and is closed when it has ended.
func (l *Listener) Failed() <-chan error { return l.failed }

// Drain stops accepting and waits, until ctx ends, for the answers of the
// requests that were accepted; then it closes what is left.
func (l *Listener) Drain(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(err, l.server.Close())
	}
	return nil
}

// TLSConfig is TLS 1.2 and 1.3 with forward-secret AEAD suites only; 1.2 stays
// because client libraries are pinned to it (contract 2). certificate is asked
// at each handshake, so a renewed one needs no restart.
func TLSConfig(certificate func() (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
		NextProtos:     []string{"http/1.1"},
	}
}

func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// logWriter passes net/http's own complaints on. They may quote what a client
// sent, so anything like a card number is cut out.
type logWriter struct{ log *slog.Logger }

// Write logs one line.
func (w logWriter) Write(line []byte) (int, error) {
	w.log.Warn("http", "detail", card.RedactPANs(string(line)))
	return len(line), nil
}
