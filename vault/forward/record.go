package forward

import "net"

// recordConn is the connection below TLS. crypto/tls decrypts each record where
// it read it, in a buffer of its own that nobody else sees; here its memory
// comes by, and can be wiped once the connection is closed. What crypto/tls
// writes it has encrypted in place before.
type recordConn struct {
	net.Conn
	buffers [][]byte
}

// Read reads from the connection; crypto/tls makes one call at a time.
func (c *recordConn) Read(p []byte) (int, error) {
	c.note(p[:cap(p)])
	return c.Conn.Read(p)
}

// note keeps the largest part seen of each array, told apart by its last byte.
func (c *recordConn) note(p []byte) {
	if len(p) == 0 {
		return
	}
	for i, b := range c.buffers {
		if &b[len(b)-1] == &p[len(p)-1] {
			if len(p) > len(b) {
				c.buffers[i] = p
			}
			return
		}
	}
	c.buffers = append(c.buffers, p)
}

// wipe clears the buffers. Nothing may read the connection any more.
func (c *recordConn) wipe() {
	for _, b := range c.buffers {
		clear(b)
	}
}
