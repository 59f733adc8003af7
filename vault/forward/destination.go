package forward

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Defaults of a Destination's settings.
const (
	DefaultTimeout        = 30 * time.Second
	DefaultConnectTimeout = 5 * time.Second
	DefaultMaxRequest     = 64 << 10 // bytes
	DefaultMaxResponse    = 1 << 20  // bytes
)

// Limits of a Destination's settings.
const (
	MinTimeout    = time.Second
	MaxTimeout    = 2 * time.Minute
	MaxTemplate   = 64 << 10 // bytes of a body template
	MaxBodyLimit  = 16 << 20 // bytes; of MaxRequest and MaxResponse
	maxHeaders    = 32
	maxPathLength = 2048 // bytes, of the template and of what it renders
	maxHeaderSize = 8 << 10
)

// Destination is the configuration of one endpoint of a processor. Validate
// says what is wrong with it; New makes an Endpoint of it. Zero durations and
// sizes stand for the defaults. It holds secrets (Headers, ClientCertificate)
// and prints as its name.
type Destination struct {
	Name   string // [a-z0-9-]{1,64}
	URL    string // https://host or https://host:port, nothing more
	Method string // POST, PUT, PATCH or GET; GET has no Body

	// Path is a template of the request's path. It starts with "/"; a value
	// stays within its segment. The number and the code cannot stand in it.
	Path string
	// ContentType is that of Body: application/json,
	// application/x-www-form-urlencoded, application/xml or text/xml, and is
	// sent as it is written here.
	ContentType string
	Body        string // a template, at most MaxTemplate bytes
	Headers     []Header

	RootCAs           *x509.CertPool // nil for the system's
	Pins              []string       // base64 SHA-256 of a public key (SPKI); one of the verified chain must match
	ClientCertificate *tls.Certificate
	ServerName        string // the name in the certificate, if it is not the host's

	AllowPlaintext bool // http://, for an address or name that is private by its spelling
	AllowPrivate   bool // addresses that are not public, but never metadata services

	Timeout        time.Duration // of all of a Send, 1s to 2m
	ConnectTimeout time.Duration // of resolving, connecting and the TLS handshake; at most Timeout
	MaxRequest     int           // bytes of a body, 1 to 16 MiB
	MaxResponse    int           // bytes of an answer's body, 1 to 16 MiB

	AnswerHeaders []string // names of the headers that are given back
	// ShowFirstDigits leaves "424242******4242" in answers as it is. Else at
	// most the last four digits are left.
	ShowFirstDigits bool
	// KeepDigits are dot paths of a JSON answer, such as "transaction.id",
	// whose values may be digits that only look like some card's number. This
	// card's number is removed there as well. The paths of Outcome are always
	// among them.
	KeepDigits []string
	Outcome    OutcomeRules
}

// Header is one header of the requests to a destination.
type Header struct {
	Name string
	// Value is at most 8 KiB of visible ASCII and spaces. It is a template as
	// Path is, unless it is Secret.
	Value  []byte
	Secret bool
}

// Validate reports every mistake at once, each with its setting's name, and
// never a header's value. The error is ErrInvalid. Templates are executed
// with made-up data.
func (d Destination) Validate() error {
	_, err := compile(d)
	return err
}

// withDefaults fills in what is zero.
func (d Destination) withDefaults() Destination {
	if d.Timeout == 0 {
		d.Timeout = DefaultTimeout
	}
	if d.ConnectTimeout == 0 {
		d.ConnectTimeout = min(DefaultConnectTimeout, d.Timeout)
	}
	if d.MaxRequest == 0 {
		d.MaxRequest = DefaultMaxRequest
	}
	if d.MaxResponse == 0 {
		d.MaxResponse = DefaultMaxResponse
	}
	return d
}

const headerMask = "[header]"

// String returns the name.
func (d Destination) String() string { return "[destination " + d.Name + "]" }

// GoString is String: %#v redacts too.
func (d Destination) GoString() string { return d.String() }

// Format writes String for every verb and flag.
func (d Destination) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, d.String()) }

// MarshalText returns String; encoding/json uses it too.
func (d Destination) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// LogValue returns String for structured logs.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String returns a fixed text.
func (Header) String() string { return headerMask }

// GoString is String: %#v redacts too.
func (Header) GoString() string { return headerMask }

// Format writes String for every verb and flag.
func (Header) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, headerMask) }

// MarshalText returns String; encoding/json uses it too.
func (Header) MarshalText() ([]byte, error) { return []byte(headerMask), nil }

// LogValue returns String for structured logs.
func (Header) LogValue() slog.Value { return slog.StringValue(headerMask) }
