package transit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/panvault/panvault/kms"
)

// callError is what a failed call returns: a sentinel, what was tried, and
// what may help. It holds no text from the server.
type callError struct {
	op     string // "wrap", "unwrap", "rotate", "describe", "check" …
	name   string // transit key or role file; "" if there is none
	status int    // HTTP status; 0 if there was no answer
	kind   error  // one of the sentinels of package kms
	cause  error  // context.Canceled or DeadlineExceeded, or nil
	hint   string // what to do, or what was seen
}

// Error gives operation, key, HTTP status, sentinel and hint.
func (e *callError) Error() string {
	var b strings.Builder
	b.WriteString("transit: " + e.op)
	if e.name != "" {
		b.WriteString(" " + e.name)
	}
	if e.status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.status)
	}
	b.WriteString(": " + e.kind.Error())
	if e.hint != "" {
		b.WriteString(" (" + e.hint + ")")
	}
	return b.String()
}

// Unwrap makes errors.Is match the sentinel and the context's error.
func (e *callError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

// limitError passes on a refusal of package kms, which names limits and lengths
// only. An unknown key's name is not repeated.
func limitError(op string, key kms.Key, err error) error {
	if !key.Known() {
		key = "an unknown key"
	}
	return fmt.Errorf("transit: %s %s: %w", op, key, err)
}

// statusError maps an HTTP status to a sentinel. Only 200 is success: every
// call of this package has an answer.
func statusError(op, name string, status int) error {
	e := &callError{op: op, name: name, status: status, kind: kms.ErrUnavailable}
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusForbidden:
		e.kind, e.hint = kms.ErrDenied, "the identity's policy does not allow it; see deploy/vault/policies"
	case http.StatusNotFound:
		e.kind, e.hint = kms.ErrKeyMissing, "check mount, namespace and prefix, or run deploy/vault/bootstrap.sh"
	case http.StatusNotImplemented:
		e.hint = "Vault is not initialised"
	case http.StatusServiceUnavailable:
		e.hint = "Vault is sealed or overloaded"
	case http.StatusPreconditionFailed, http.StatusTooManyRequests, 472, 473, 474:
		e.hint = "Vault is busy or a standby"
	default:
		switch {
		case status >= 300 && status < 400:
			e.hint = "redirected: give the address of the active node or of a load balancer"
		case status >= 400 && status < 500:
			e.kind, e.hint = kms.ErrInvalid, "Vault refused the request"
		}
	}
	return e
}

// answerError is an answer that does not fit the request.
func answerError(op, name string, status int, hint string) error {
	return &callError{op: op, name: name, status: status, kind: kms.ErrUnavailable, hint: "unexpected answer: " + hint}
}

// networkError is a call without an answer. The cause's own text is dropped:
// it embeds the URL.
func networkError(op, name string, err error) error {
	e := &callError{op: op, name: name, kind: kms.ErrUnavailable, hint: "cannot reach Vault"}
	var (
		certErr *tls.CertificateVerificationError
		rootErr x509.UnknownAuthorityError
		hostErr x509.HostnameError
		dnsErr  *net.DNSError
	)
	switch {
	case errors.Is(err, context.Canceled):
		e.cause, e.hint = context.Canceled, "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		e.cause, e.hint = context.DeadlineExceeded, "no answer in time"
	case errors.As(err, &hostErr):
		e.hint = "Vault's certificate is for another name; set the TLS server name"
	case errors.As(err, &rootErr), errors.As(err, &certErr):
		e.hint = "Vault's certificate is not trusted; set the CA file"
	case errors.As(err, &dnsErr):
		e.hint = "Vault's host name does not resolve"
	}
	return e
}
