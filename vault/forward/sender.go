package forward

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"
)

// Resolver finds the addresses of a host. *net.Resolver is one; the network is
// always "ip".
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Sender sends requests. One is enough for a process; it is safe for concurrent
// use and keeps nothing between two requests: no connection, cookie, session or
// address.
type Sender struct {
	resolver Resolver
	now      func() time.Time
}

// NewSender makes a Sender. A nil resolver is the system's; a nil now is
// time.Now. now serves to measure: deadlines are those of the system's clock.
func NewSender(resolver Resolver, now func() time.Time) *Sender {
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	if now == nil {
		now = time.Now
	}
	return &Sender{resolver, now}
}

// errPins is a chain without any of the pinned keys.
var errPins = errors.New("forward: no certificate of the chain has a pinned key")

// Send sends the request once and waits for its answer, within the
// destination's timeouts and ctx. The request is wiped when it returns.
//
// before, if not nil, is called once the connection is ready, TLS included, and
// before the first byte of the request: the place to record that the request is
// being sent. Its error ends the attempt.
//
// The error is
//   - ErrNotSent if no byte of the request was handed to the connection; it wraps
//     what failed, before's error included;
//   - ErrUnknown if writing had begun and there is no whole answer. A write that
//     failed is among these, even when it reports that no byte was written;
//   - ErrSpent if the request had been sent or wiped before.
//
// Any status from 200 to 999 is an answer, redirects too. Scrub it; its Wipe
// must be called in any case.
func (s *Sender) Send(ctx context.Context, r *Request, before func() error) (*Answer, error) {
	q := r.reach()
	wire, ok := q.take()
	if !ok {
		return nil, &failure{ErrSpent, "it was sent or wiped before", nil}
	}
	defer q.release()
	start := s.now()
	ctx, cancel := context.WithTimeout(ctx, q.endpoint.Timeout)
	defer cancel()
	conn, err := s.connect(ctx, q.endpoint)
	if err != nil {
		return nil, err
	}
	defer conn.end()
	if before != nil {
		if err := before(); err != nil {
			return nil, notSent("the caller ended the attempt", err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, notSent("the time was over before writing", err)
	}
	// A write or read that waits ends with the context.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = conn.Write(wire)
	q.release()
	if err != nil {
		return nil, unknown("writing failed", err)
	}
	a, err := receive(conn, q.endpoint)
	if err != nil {
		return nil, err
	}
	a.reach().total = s.now().Sub(start)
	return a, nil
}
