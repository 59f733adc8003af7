package httpapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

type connKey struct{}

// rememberConn is an http.Server's ConnContext: it lets a handler find its
// connection.
func rememberConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// takeTime lets a handler take longer than the listener's limits, which are for
// the request to come and for short answers. It is for a request that is here:
// until then these limits end a slow sender. A read that is out of time would
// also end the request's context.
func takeTime(ctx context.Context, limit time.Duration) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		_ = c.SetDeadline(time.Now().Add(limit + writeTime)) // a closed connection needs none
	}
}

// wiping runs a handler and wipes what its request left in the connection. A
// body that the handler did not want is read and thrown away first, so that a
// client which is still sending gets to read its answer.
func wiping(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if r.ContentLength < 0 || r.ContentLength > maxUnwanted {
			w.Header().Set("Connection", "close")
		}
		defer c.in.spent()
		control := http.NewResponseController(w)
		// Else net/http throws an unread body away itself, through a buffer
		// that nobody wipes. HTTP/1 connections of net/http always allow it.
		_ = control.EnableFullDuplex()
		next.ServeHTTP(w, r)
		if !c.in.whole() {
			_ = control.Flush() // the peer may wait for the answer before it sends on
			discard(r.Body)
		}
	})
}

// maxUnwanted is how much of a body nobody wants is read, in bytes.
const maxUnwanted = 256 << 10

// discard reads and wipes what is left of a body. An error ends it: a peer that
// is gone needs no answer.
func discard(body io.Reader) {
	rest := make([]byte, 8<<10)
	defer clear(rest)
	for n := 0; n < maxUnwanted; {
		read, err := body.Read(rest)
		if n += read; err != nil {
			return
		}
	}
}
