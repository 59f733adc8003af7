package forward

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"mime"
	"net/textproto"
	"strings"
)

// kind is what the output of a pattern is.
type kind int

const (
	kindNone kind = iota
	kindJSON
	kindForm
	kindXML
	kindPath
	kindHeader
)

// kindOf reads the content type of a request's body.
func kindOf(contentType string) (kind, bool) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || !isUTF8(params) {
		return kindNone, false
	}
	switch media {
	case "application/json":
		return kindJSON, true
	case "application/x-www-form-urlencoded":
		return kindForm, true
	case "application/xml", "text/xml":
		return kindXML, true
	}
	return kindNone, false
}

// isUTF8 reports whether a media type's charset, if it has one, is UTF-8.
func isUTF8(params map[string]string) bool {
	c, ok := params["charset"]
	return !ok || strings.EqualFold(c, "utf-8") || strings.EqualFold(c, "us-ascii")
}

func (e *endpoint) limits(m *mistakes) {
	if !isName(e.Name) {
		m.add("name", "want 1 to 64 of a-z, 0-9 and -")
	}
	switch e.Method {
	case "POST", "PUT", "PATCH", "GET":
	default:
		m.add("method", "want POST, PUT, PATCH or GET")
	}
	if e.Timeout < MinTimeout || e.Timeout > MaxTimeout {
		m.add("timeout", fmt.Sprintf("want %v to %v", MinTimeout, MaxTimeout))
	}
	if e.ConnectTimeout < 0 || e.ConnectTimeout > e.Timeout {
		m.add("connect_timeout", "want more than 0 and at most timeout")
	}
	if e.MaxRequest < 1 || e.MaxRequest > MaxBodyLimit {
		m.add("max_request", fmt.Sprintf("want 1 to %d bytes", MaxBodyLimit))
	}
	if e.MaxResponse < 1 || e.MaxResponse > MaxBodyLimit {
		m.add("max_response", fmt.Sprintf("want 1 to %d bytes", MaxBodyLimit))
	}
}

// address reads the URL.
func (e *endpoint) address(m *mistakes) {
	o, err := parseOrigin(e.URL)
	if err != nil {
		m.add("url", err.Error())
		return
	}
	e.origin = o
	if o.addr.IsValid() {
		if why, refused := refusedAddress(o.addr, e.AllowPrivate); refused {
			m.add("url", why)
		}
	}
	if !o.plain {
		return
	}
	switch {
	case !e.AllowPlaintext:
		m.add("url", "http sends the card number in clear; want https")
	case !o.private():
		m.add("allow_plaintext", "only for loopback and private hosts")
	case !e.AllowPrivate:
		m.add("allow_private", "a plain-text destination needs it")
	}
}

// transport reads the TLS settings.
func (e *endpoint) transport(m *mistakes) {
	if e.origin.plain {
		if len(e.Pins) > 0 || e.ClientCertificate != nil || e.RootCAs != nil || e.ServerName != "" {
			m.add("tls", "a plain-text destination has no TLS settings")
		}
		return
	}
	name := e.origin.host
	if e.ServerName != "" {
		if !isHostName(e.ServerName) {
			m.add("server_name", "not a host name")
		}
		name = e.ServerName
	}
	pins := make(map[[sha256.Size]byte]bool)
	for i, text := range e.Pins {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != sha256.Size {
			m.add(fmt.Sprintf("pins[%d]", i), "not the base64 of a SHA-256")
			continue
		}
		pins[[sha256.Size]byte(raw)] = true
	}
	e.tls = &tls.Config{
		RootCAs:    e.RootCAs,
		ServerName: name,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
	}
	if e.ClientCertificate != nil {
		if len(e.ClientCertificate.Certificate) == 0 || e.ClientCertificate.PrivateKey == nil {
			m.add("client_certificate", "certificate or key is missing")
		}
		e.tls.Certificates = []tls.Certificate{*e.ClientCertificate}
	}
	if len(pins) > 0 {
		e.tls.VerifyConnection = func(s tls.ConnectionState) error { return checkPins(s, pins) }
	}
}

// checkPins runs after the chains are verified, and not for a chain that is not.
func checkPins(s tls.ConnectionState, pins map[[sha256.Size]byte]bool) error {
	for _, chain := range s.VerifiedChains {
		for _, c := range chain {
			if pins[sha256.Sum256(c.RawSubjectPublicKeyInfo)] {
				return nil
			}
		}
	}
	return errPins
}

// answers reads what an answer may give back.
func (e *endpoint) answers(m *mistakes) {
	for i, name := range e.AnswerHeaders {
		setting := fmt.Sprintf("answer_headers[%d]", i)
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !isToken(name):
			m.add(setting, "not a header's name")
		case isHiddenHeader(canonical):
			m.add(setting, canonical+" is never given back")
		default:
			e.answer[canonical] = true
		}
	}
	for i, p := range e.KeepDigits {
		if !isDotPath(p) {
			m.add(fmt.Sprintf("keep_digits[%d]", i), "not a dot path")
		}
		e.keep[p] = true
	}
	e.Outcome.check(m)
	for _, p := range e.Outcome.paths() {
		e.keep[p] = true
	}
}
