package forward

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// Request is one rendered request, for one Send. It holds the card number until
// Send or Wipe, so call Wipe in any case. It prints as a fixed text, and its
// only fields are functions, since nothing can look into one. Its methods are
// safe for concurrent use.
type Request struct {
	reach func() *request
}

type request struct {
	endpoint *endpoint
	masked   []byte

	mu    sync.Mutex
	wire  []byte // nil once spent
	taken bool   // by Send
}

func newRequest(e *endpoint, wire, masked []byte) *Request {
	r := &request{endpoint: e, wire: wire, masked: masked}
	return &Request{reach: func() *request { return r }}
}

// take hands the wire's bytes to the one Send that gets them.
func (r *request) take() ([]byte, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wire == nil || r.taken {
		return nil, false
	}
	r.taken = true
	return r.wire, true
}

// release clears what take gave.
func (r *request) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.wire)
	r.wire = nil
}

// Wipe clears the request, which cannot be sent any more. While a Send is
// writing it, that Send clears it. Wiping again does nothing.
func (r Request) Wipe() {
	q := r.reach()
	q.mu.Lock()
	taken := q.taken
	q.taken = true
	q.mu.Unlock()
	if !taken {
		q.release()
	}
}

// Masked returns a copy of the body with "************4242" for the number and
// "***" for the code, for people to look at; empty for a GET. It holds the
// cardholder's name and the merchant's fields in clear. It works after Wipe.
func (r Request) Masked() []byte { return bytes.Clone(r.reach().masked) }

// Destination returns the name of the destination.
func (r Request) Destination() string { return r.reach().endpoint.Name }

const requestMask = "[forward request]"

// String returns a fixed text.
func (Request) String() string { return requestMask }

// GoString is String: %#v redacts too.
func (Request) GoString() string { return requestMask }

// Format writes String for every verb and flag.
func (Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, requestMask) }

// MarshalText returns String; encoding/json uses it too.
func (Request) MarshalText() ([]byte, error) { return []byte(requestMask), nil }

// LogValue returns String for structured logs.
func (Request) LogValue() slog.Value { return slog.StringValue(requestMask) }
