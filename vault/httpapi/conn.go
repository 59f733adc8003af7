package httpapi

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/panvault/panvault/vault/card"
)

// acceptor makes every connection a conn.
type acceptor struct {
	net.Listener
	config *tls.Config // nil for plain HTTP
	log    *slog.Logger
}

// Accept waits for the next connection. The TLS handshake is part of its first
// read, within the same time limit as a request's head.
func (a acceptor) Accept() (net.Conn, error) {
	c, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if a.config != nil {
		c = tls.Server(c, a.config)
	}
	return &conn{Conn: c, in: portions{from: c}, log: a.log}, nil
}

// conn is a client's connection. It reads in portions, and it turns the answers
// that net/http writes before any handler runs, which are plain text, into the
// wire's JSON.
type conn struct {
	net.Conn
	in     portions
	log    *slog.Logger
	secret atomic.Bool // what is written is wiped where it stands
}

// Read reads from the connection; net/http makes one call at a time.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	if err != nil {
		c.noteHandshake(err)
	}
	return n, err
}

// Write writes to the connection.
func (c *conn) Write(b []byte) (int, error) {
	p, ok := refusal(b)
	if !ok {
		if c.secret.Load() {
			defer clear(b) // net/http's own buffer: writeSecret gives it nothing else
		}
		return c.Conn.Write(b)
	}
	id := uuid.NewString()
	if _, err := c.Conn.Write(refusalBytes(p, id)); err != nil {
		return 0, err
	}
	ip, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	c.log.Info("request", "request", id, "route", "malformed", "status", p.status, "code", p.code, "ip", ip)
	return len(b), nil
}

// CloseWrite ends the answer, so that a client that is still sending can read it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// noteHandshake logs why a TLS handshake failed: operators need to know.
func (c *conn) noteHandshake(err error) {
	t, ok := c.Conn.(*tls.Conn)
	if !ok || t.ConnectionState().HandshakeComplete || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return
	}
	c.log.Info("tls handshake failed", "detail", card.RedactPANs(err.Error()))
}

// refusal recognises an answer that net/http writes by itself: the only ones
// of exactly these headers. What it cannot read is 400, oversized headers are
// 413 (contract 4.1).
func refusal(answer []byte) (problem, bool) {
	const (
		proto   = "HTTP/1.1 "
		headers = "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	)
	if len(answer) < len(proto)+3 || answer[len(proto)] < '4' {
		return problem{}, false
	}
	status, rest, _ := bytes.Cut(answer, []byte("\r\n"))
	status, ok := bytes.CutPrefix(status, []byte(proto))
	expectation := bytes.HasPrefix(status, []byte("417 ")) // of an Expect header; no handler says it
	switch {
	case !ok || !expectation && !bytes.HasPrefix(rest, []byte(headers)):
		return problem{}, false
	case bytes.HasPrefix(status, []byte("431 ")):
		return problemOf(errHeadersTooLarge, version{}), true
	default:
		return problemOf(errMalformedRequest, version{}), true
	}
}

func refusalBytes(p problem, id string) []byte {
	body, err := json.Marshal(p.body(defaultErrorBase))
	if err != nil {
		body = []byte(internalBody)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", p.status, http.StatusText(p.status))
	h := http.Header{}
	setCommon(h, id)
	h.Set("Connection", "close")
	h.Set("Content-Length", fmt.Sprint(len(body)))
	_ = h.Write(&out) // a Buffer does not fail
	out.WriteString("\r\n")
	out.Write(body)
	return out.Bytes()
}
