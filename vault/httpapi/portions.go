package httpapi

import (
	"bytes"
	"io"
	"net"
	"sync"
)

// portions delivers a connection's bytes, unchanged and in order, so that no
// read crosses the end of a head or of a body, and none of the next request
// comes before this one is done.
//
// That is for wiping. net/http reads a connection through a buffer of its own,
// where a body stays until something overwrites it, and which outlives the
// connection. With portions everything in that buffer is spent when a handler
// ends, and can be cleared.
type portions struct {
	from net.Conn

	mu     sync.Mutex
	buffer []byte // net/http's own, seen at the first read
	held   []byte // read from the peer, not delivered yet
	head   head
	body   int64 // bytes of the body still to deliver; -1 for a chunked one
	ended  error // deliver nothing more
}

// Read delivers the rest of the head, or of the body.
func (c *portions) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.buffer == nil {
		c.buffer = p
	}
	if c.ended != nil {
		return 0, c.ended
	}
	if c.body > 0 && int64(len(p)) > c.body {
		p = p[:c.body]
	}
	n := copy(p, c.held)
	clear(c.held[:n])
	c.held = c.held[n:]
	var err error
	if n == 0 {
		c.mu.Unlock() // it may block
		n, err = c.from.Read(p)
		c.mu.Lock()
	}
	n = c.account(p[:n])
	if c.ended != nil {
		return 0, c.ended
	}
	return n, err
}

// account notes what p is and returns how much of it to deliver; what is past
// the end of a head is held back. The caller holds mu.
func (c *portions) account(p []byte) int {
	if c.body != 0 {
		if c.body > 0 {
			c.body -= int64(len(p))
		}
		return len(p)
	}
	end, done, err := c.head.scan(p)
	if err != nil {
		clear(p)
		c.ended = err
		return 0
	}
	if !done {
		return len(p)
	}
	c.body, c.head = c.head.body, head{}
	if end < len(p) {
		c.held = append(bytes.Clone(p[end:]), c.held...)
		clear(p[end:])
	}
	return end
}

// whole reports whether the request's body has been delivered to its end; that
// of a chunked one is not known here.
func (c *portions) whole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body == 0
}

// spent clears what a request left, once its handler is done with it. If its
// body was not delivered to the end the connection cannot go on.
func (c *portions) spent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.buffer)
	if c.body != 0 {
		c.ended = io.EOF
		clear(c.held)
		c.held = nil
	}
}
