package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// scripted is a connection that delivers a text in given portions.
type scripted struct {
	net.Conn
	portions [][]byte
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.portions) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.portions[0])
	if s.portions[0] = s.portions[0][n:]; len(s.portions[0]) == 0 {
		s.portions = s.portions[1:]
	}
	return n, nil
}

// TestPortions: whatever the portions, the bytes come out unchanged
// and in order, a read never crosses the end of a head or of a body, and a
// spent buffer holds nothing.
func TestPortions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		type message struct{ head, body string }
		var messages []message
		for range rapid.IntRange(1, 4).Draw(t, "messages") {
			body := strings.Repeat("4242424242424242\r\n\r\n", rapid.IntRange(0, 300).Draw(t, "body"))
			const end = "\r\n"
			head := "POST /tokens HTTP/1.1" + end + "Host: x" + end
			if body != "" {
				head += rapid.SampledFrom([]string{"Content-Length: ", "content-length:", "CONTENT-LENGTH:  "}).Draw(t, "field") + fmt.Sprint(len(body)) + end
			}
			head += "X-Pad: " + strings.Repeat("p", rapid.IntRange(0, 200).Draw(t, "pad")) + end + end
			messages = append(messages, message{head, body})
			stream = append(stream, head+body...)
		}
		var sent [][]byte
		for rest := bytes.Clone(stream); len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "portion")
			sent, rest = append(sent, rest[:n]), rest[n:]
		}
		c := &portions{from: &scripted{portions: sent}}
		buffer := make([]byte, 4096) // as net/http's
		read := func(n int) string {
			var out []byte
			for len(out) < n {
				got, err := c.Read(buffer)
				if err != nil {
					t.Fatalf("read after %d of %d bytes: %v", len(out), n, err)
				}
				out = append(out, buffer[:got]...)
			}
			if len(out) > n {
				t.Fatalf("a read crossed a boundary: %d bytes, want %d", len(out), n)
			}
			return string(out)
		}
		for i, m := range messages {
			if got := read(len(m.head)); got != m.head {
				t.Fatalf("head %d is %q, want %q", i, got, m.head)
			}
			if got := read(len(m.body)); got != m.body {
				t.Fatalf("body %d is %d bytes of something else", i, len(got))
			}
			if c.spent(); c.ended != nil {
				t.Fatalf("message %d was read whole and ends the connection", i)
			}
			if !bytes.Equal(buffer, make([]byte, len(buffer))) {
				t.Fatal("a spent buffer holds bytes")
			}
		}
		if _, err := c.Read(buffer); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last message: %v, want EOF", err)
		}
	})
}

// TestPortionsUnread: a body that was not read to its end ends the connection,
// and what was held of it is wiped.
func TestPortionsUnread(t *testing.T) {
	for name, head := range map[string]string{
		"length":  "POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\n",
		"chunked": "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		c := &portions{from: &scripted{portions: [][]byte{[]byte(head + "4242424242424242")}}}
		buffer := make([]byte, 4096)
		if n, err := c.Read(buffer); err != nil || n != len(head) {
			t.Fatalf("%s: head of %d bytes, %v", name, n, err)
		}
		held := c.held
		if len(held) != 16 {
			t.Fatalf("%s: %d bytes held, want 16", name, len(held))
		}
		c.spent()
		if !bytes.Equal(held, make([]byte, 16)) {
			t.Errorf("%s: held bytes stay", name)
		}
		if _, err := c.Read(buffer); !errors.Is(err, io.EOF) {
			t.Errorf("%s: read after the end: %v", name, err)
		}
	}
}

// drain reads a connection as net/http does, request after request, and
// returns what ended it; nil for its end.
func drain(sent ...[]byte) error {
	c := &portions{from: &scripted{portions: sent}}
	buffer := make([]byte, 4096)
	for {
		_, err := c.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.whole() && c.head.column == 0 && len(c.head.line) == 0 {
			c.spent()
		}
	}
}
