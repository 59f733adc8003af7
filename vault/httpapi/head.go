package httpapi

import (
	"bytes"
	"errors"
	"strconv"
)

// head reads the head of one request as it arrives, to know where it ends and
// how long the body after it is. It refuses a head whose end two readers could
// see in different places: a length given twice or in both ways, a line folded
// or ended by a bare line feed. net/http reads some of these in its own way; a
// proxy in front may have read them in another, and would then take the rest of
// one client's request for the start of the next one's (request smuggling).
//
// Everything else is for net/http to judge. The zero value is ready.
type head struct {
	line    []byte // start of the line being read, in lower case
	column  int    // bytes of the line so far
	last    byte   // of the line
	lengths int    // lengths that the head gives
	body    int64  // bytes of the body; -1 if chunked
}

// maxHeadLine is how much of a line is kept: more than the longest field that
// matters, with its value.
const maxHeadLine = 64

var errFraming = errors.New("httpapi: a request is framed ambiguously")

// scan reads on. When the head ends in p it returns the offset after its end.
func (h *head) scan(p []byte) (end int, done bool, err error) {
	for i, b := range p {
		switch {
		case b == '\n' && h.last != '\r':
			return 0, false, errFraming
		case b == '\n' && h.column == 1:
			return i + 1, true, nil
		case b == '\n':
			if err := h.field(); err != nil {
				return 0, false, err
			}
			h.line, h.column, h.last = h.line[:0], 0, 0
			continue
		case h.column == 0 && (b == ' ' || b == '\t'):
			return 0, false, errFraming
		}
		if len(h.line) < maxHeadLine {
			h.line = append(h.line, lower(b))
		}
		h.column++
		h.last = b
	}
	return 0, false, nil
}

// field looks at a finished line.
func (h *head) field() error {
	name, text, _ := bytes.Cut(h.line, []byte(":"))
	switch string(name) {
	case "content-length":
		// A length that does not parse is refused by net/http.
		if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil && n > 0 {
			h.body = n
		}
	case "transfer-encoding":
		h.body = -1
	default:
		return nil
	}
	if h.lengths++; h.lengths > 1 {
		return errFraming
	}
	return nil
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
