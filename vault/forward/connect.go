package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// maxAddresses is how many addresses of a name are tried. Trying another is
// safe: nothing was written.
const maxAddresses = 4

// link is a connection that is ready for a request.
type link struct {
	net.Conn
	below *recordConn // nil without TLS
}

// end closes the connection and wipes what TLS left of the answer.
func (l *link) end() {
	_ = l.Conn.Close() // nothing depends on how the peer takes it
	if l.below != nil {
		l.below.wipe()
	}
}

// connect resolves the host, once, and opens a connection, TLS included. Every
// error is ErrNotSent.
func (s *Sender) connect(ctx context.Context, e *endpoint) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, e.ConnectTimeout)
	defer cancel()
	addrs, err := s.resolve(ctx, e)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	d := net.Dialer{ControlContext: e.control, FallbackDelay: -1}
	addrs = addrs[:min(len(addrs), maxAddresses)]
	for i, a := range addrs {
		// None may use up the time of those behind it.
		if at, ok := ctx.Deadline(); ok {
			d.Timeout = time.Until(at) / time.Duration(len(addrs)-i)
		}
		if conn, err = d.DialContext(ctx, "tcp", e.origin.dialTo(a)); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, dialFailure(ctx, err)
	}
	if e.tls == nil {
		return &link{Conn: conn}, nil
	}
	below := &recordConn{Conn: conn}
	t := tls.Client(below, e.tls.Clone())
	if err := t.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error is the one to tell
		return nil, notSent(handshakeReason(ctx, err), err)
	}
	return &link{t, below}, nil
}

// resolve returns the host's addresses. One that is refused refuses them all:
// a name that leads both outside and inside is an attack or a mistake.
func (s *Sender) resolve(ctx context.Context, e *endpoint) ([]netip.Addr, error) {
	addrs := []netip.Addr{e.origin.addr}
	if !e.origin.addr.IsValid() {
		found, err := s.resolver.LookupNetIP(ctx, "ip", e.origin.host)
		if err != nil {
			return nil, notSent("the host's name was not resolved", err)
		}
		if len(found) == 0 {
			return nil, notSent("the host's name has no address", nil)
		}
		addrs = addrs[:0]
		for _, a := range found {
			addrs = append(addrs, a.Unmap()) // a resolver's way to write IPv4
		}
	}
	for _, a := range addrs {
		if why, refused := e.refuses(a); refused {
			return nil, notSent("the host has an address that is refused: "+why, nil)
		}
	}
	return addrs, nil
}

// refuses applies the destination's rule to an address.
func (e *endpoint) refuses(a netip.Addr) (string, bool) {
	if why, refused := refusedAddress(a, e.AllowPrivate); refused {
		return why, true
	}
	if e.origin.plain && !a.IsLoopback() && !a.IsPrivate() {
		return "a public address, for plain text", true
	}
	return "", false
}

// errRefused is what control ends a dial with.
var errRefused = errors.New("forward: refused address")

// control sees the address that the system is about to connect to.
func (e *endpoint) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || a.Port() != e.origin.port {
		return errRefused
	}
	if _, refused := e.refuses(a.Addr()); refused {
		return errRefused
	}
	return nil
}

func dialFailure(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errRefused):
		return notSent("the host has an address that is refused", err)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return notSent("connecting took too long", err)
	}
	return notSent("no connection to the host", err)
}

// handshakeReason says in fixed words why there is no TLS.
func handshakeReason(ctx context.Context, err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, errPins):
		return "TLS: no certificate of the chain has a pinned key"
	case errors.As(err, &authority):
		return "TLS: the certificate is of an unknown authority"
	case errors.As(err, &name):
		return "TLS: the certificate is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "TLS: the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "TLS: the certificate is not valid"
	case ctx.Err() != nil:
		return "TLS: the handshake took too long"
	}
	return "TLS: the handshake failed"
}
