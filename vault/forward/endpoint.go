package forward

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/textproto"
	"time"
)

// Endpoint is a Destination that was found valid, with its templates parsed.
// It is immutable and safe for concurrent use. It prints as its name.
type Endpoint struct {
	// A function, since no printing can look into one.
	reach func() *endpoint
}

type endpoint struct {
	Destination
	origin  origin
	tls     *tls.Config // nil for plain HTTP
	kind    kind
	path    *pattern
	body    *pattern // nil without a body
	headers []header
	answer  map[string]bool // canonical names
	keep    map[string]bool
}

// header is a Header whose value is fixed or a pattern.
type header struct {
	name  string
	value []byte
	text  *pattern
}

// New makes an Endpoint. It copies what it keeps, but for RootCAs and the
// client certificate. The error is that of Validate.
func New(d Destination) (*Endpoint, error) {
	e, err := compile(d)
	if err != nil {
		return nil, err
	}
	return &Endpoint{reach: func() *endpoint { return e }}, nil
}

// Name returns the destination's name.
func (e Endpoint) Name() string { return e.reach().Name }

// Timeout returns how long a Send may take, 1s to 2m.
func (e Endpoint) Timeout() time.Duration { return e.reach().Timeout }

// String returns the name.
func (e Endpoint) String() string {
	if e.reach == nil {
		return "[destination]"
	}
	return e.reach().Destination.String()
}

// GoString is String: %#v redacts too.
func (e Endpoint) GoString() string { return e.String() }

// Format writes String for every verb and flag.
func (e Endpoint) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// MarshalText returns String; encoding/json uses it too.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// LogValue returns String for structured logs.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// compile checks all settings and collects every mistake.
func compile(d Destination) (*endpoint, error) {
	d = d.withDefaults()
	e := &endpoint{Destination: d, answer: map[string]bool{}, keep: map[string]bool{}}
	var m mistakes
	e.limits(&m)
	e.address(&m)
	e.transport(&m)
	e.templates(&m)
	e.answers(&m)
	if err := m.err(d.Name); err != nil {
		return nil, err
	}
	return e, nil
}

func (e *endpoint) templates(m *mistakes) {
	var err error
	if len(e.Path) > maxPathLength {
		m.add("path", fmt.Sprintf("longer than %d bytes", maxPathLength))
	} else if e.path, err = newPattern(e.Path, kindPath); err != nil {
		m.add("path", err.Error())
	} else if err := e.path.try(func(out []byte) error { return checkPath(out) }, maxPathLength); err != nil {
		m.add("path", err.Error())
	}
	e.bodyTemplate(m)
	if len(e.Headers) > maxHeaders {
		m.add("headers", fmt.Sprintf("more than %d", maxHeaders))
	}
	seen := make(map[string]bool)
	for i, h := range e.Headers {
		setting := fmt.Sprintf("headers[%d]", i)
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		switch {
		case !isToken(h.Name):
			m.add(setting, "its name is not a header's name")
			continue
		case isReservedHeader(name):
			m.add(setting, name+" is set by the vault")
		case seen[name]:
			m.add(setting, name+" is there twice")
		}
		seen[name] = true
		e.header(m, setting, name, h)
	}
}

func (e *endpoint) header(m *mistakes, setting, name string, h Header) {
	if len(h.Value) > maxHeaderSize || !isHeaderValue(h.Value) {
		m.add(setting, fmt.Sprintf("the value of %s is not at most %d bytes of visible ASCII", name, maxHeaderSize))
		return
	}
	if h.Secret || !bytes.Contains(h.Value, []byte("{{")) {
		e.headers = append(e.headers, header{name: name, value: bytes.Clone(h.Value)})
		return
	}
	p, err := newPattern(string(h.Value), kindHeader)
	if err == nil {
		err = p.try(checkHeaderValue, maxHeaderSize)
	}
	if err != nil {
		m.add(setting, err.Error())
		return
	}
	e.headers = append(e.headers, header{name: name, text: p})
}

func (e *endpoint) bodyTemplate(m *mistakes) {
	if e.Method == "GET" {
		if e.Body != "" || e.ContentType != "" {
			m.add("body", "a GET has no body and no content type")
		}
		return
	}
	var ok bool
	if e.kind, ok = kindOf(e.ContentType); !ok || !isHeaderValue([]byte(e.ContentType)) {
		m.add("content_type", "want application/json, application/x-www-form-urlencoded, application/xml or text/xml, in UTF-8")
		return
	}
	if len(e.Body) > MaxTemplate {
		m.add("body", fmt.Sprintf("longer than %d bytes", MaxTemplate))
		return
	}
	var err error
	if e.body, err = newPattern(e.Body, e.kind); err != nil {
		m.add("body", err.Error())
		return
	}
	if err := e.body.try(func(out []byte) error { return wellFormed(e.kind, out) }, e.MaxRequest); err != nil {
		m.add("body", err.Error())
	}
}
