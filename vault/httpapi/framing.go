package httpapi

import "bytes"

// framing watches the bytes that one connection receives, and finds requests
// whose end two readers could see in different places: a length given twice or
// in both ways, a header line folded or ended by a bare line feed. net/http
// reads some of these in its own way; a proxy in front may have read them in
// another, and would then take the rest of one client's request for the start
// of the next one's (request smuggling).
//
// It knows no more of HTTP than lines: a head is whatever precedes a blank
// line and names a host or a length. It keeps no byte of what it sees but the
// last. The zero value is ready for a new connection.
type framing struct {
	begun   bool // the first line was seen to begin
	head    bool // inside a head, between its first telling line and the blank one
	lengths int  // lengths that the head gives
	column  int  // bytes of the line so far
	last    byte // of the line, 0 at its start
	bare    bool // the line before ended by a bare line feed
	alive   [len(tellingNames)]bool
}

// tellingNames are the header fields that say where a request goes and ends.
var tellingNames = [...]string{"host:", "content-length:", "transfer-encoding:"}

// sound takes what was received and reports whether it is in order.
func (f *framing) sound(received []byte) bool {
	if !f.begun && len(received) > 0 {
		f.begun, f.head = true, true
		f.newLine()
	}
	for len(received) > 0 {
		if !f.matching() {
			rest := bytes.IndexByte(received, '\n')
			if rest < 0 {
				rest = len(received)
			}
			f.skip(received[:rest])
			if received = received[rest:]; len(received) == 0 {
				return true
			}
		}
		if !f.step(received[0]) {
			return false
		}
		received = received[1:]
	}
	return true
}

// step takes one byte.
func (f *framing) step(c byte) bool {
	switch {
	case c == '\n':
		return f.endLine()
	case f.head && f.column == 0 && (c == ' ' || c == '\t'):
		return false // a folded line
	}
	for i, name := range tellingNames {
		if !f.alive[i] {
			continue
		}
		f.alive[i] = f.column < len(name) && lower(c) == name[f.column]
		if f.alive[i] && f.column == len(name)-1 && !f.telling(name) {
			return false
		}
	}
	f.column++
	f.last = c
	return true
}

// telling notes that a line is one of tellingNames.
func (f *framing) telling(name string) bool {
	f.head = true
	if name != "host:" {
		f.lengths++
	}
	return !f.bare && f.lengths <= 1
}

func (f *framing) endLine() bool {
	f.bare = f.last != '\r'
	if f.head && f.bare {
		return false
	}
	if f.column == 0 || (f.column == 1 && !f.bare) { // blank: the head is over
		f.head, f.lengths = false, 0
	}
	f.newLine()
	return true
}

func (f *framing) newLine() {
	f.column, f.last = 0, 0
	for i := range f.alive {
		f.alive[i] = true
	}
}

// matching reports whether the line may still turn out to be a telling one.
func (f *framing) matching() bool {
	for _, alive := range f.alive {
		if alive {
			return true
		}
	}
	return false
}

// skip takes bytes of a line that no longer matters.
func (f *framing) skip(b []byte) {
	if len(b) > 0 {
		f.column += len(b)
		f.last = b[len(b)-1]
	}
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
