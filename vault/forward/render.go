package forward

import (
	"bytes"
	"encoding/hex"
	"io"

	"github.com/panvault/panvault/vault/card"
)

// What stands in place of the secrets in Masked.
const (
	stars     = "************" // followed by the last four digits
	codeStars = "***"
)

// Render makes the request for one attempt. The templates see random place
// holders, made of 32 bytes from random (crypto/rand.Reader), instead of the
// number and the code; their digits are copied once, into the request's own
// buffer, which Send and Wipe clear.
//
// The error is ErrTemplate, with a reason that names at most a field which the
// template asked for; or one of random's.
func (e Endpoint) Render(v Values, random io.Reader) (*Request, error) {
	d := e.reach()
	left := maxFieldValues + 1 // and the object itself
	if v.Fields != nil && !checkFields(v.Fields, 0, &left) {
		return nil, unrendered("the fields are not JSON within the limits")
	}
	number, err := newMarker(random)
	if err != nil {
		return nil, err
	}
	code, err := newMarker(random)
	if err != nil {
		return nil, err
	}
	w := wordsOf(v, number, code)
	head, err := d.head(w)
	if err != nil {
		return nil, err
	}
	var text []byte
	if d.body != nil {
		out, err := d.body.execute(w, d.MaxRequest)
		if err != nil {
			return nil, err
		}
		if countMarkers(out.text, number, code) != out.markers {
			return nil, unrendered("a secret does not stand in the result as a whole")
		}
		if v.Number.IsZero() && bytes.Contains(out.text, []byte(number)) {
			return nil, unrendered("there is no card number")
		}
		text = out.text
	}
	return d.assemble(head, text, number, code, v)
}

// newMarker draws a place holder that no merchant's value can hold but by
// chance. It has no character that any content type escapes.
func newMarker(random io.Reader) (marker, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	return marker("pv" + hex.EncodeToString(b[:])), nil
}

func countMarkers(text []byte, number, code marker) int {
	return bytes.Count(text, []byte(number)) + bytes.Count(text, []byte(code))
}

// assemble fills in the secrets and checks the result.
func (e *endpoint) assemble(head, text []byte, number, code marker, v Values) (*Request, error) {
	fill := filling{number: []byte(number), code: []byte(code)}
	masked := fill.with(text, []byte(stars+v.Number.Last4()), []byte(codeStars))
	if e.kind == kindXML || e.kind == kindForm {
		if err := wellFormed(e.kind, masked); err != nil {
			return nil, err
		}
	}
	size := fill.size(text, v.Number.Len(), codeLength(v.Code))
	if size > e.MaxRequest {
		return nil, unrendered("the result is too long")
	}
	head = e.finishHead(head, size)
	wire := make([]byte, 0, len(head)+size)
	wire = append(wire, head...)
	clear(head) // it holds the secret headers
	useBoth(v, func(pan, code []byte) { wire = fill.append(wire, text, pan, code) })
	body := wire[len(wire)-size:]
	if e.kind == kindJSON {
		if err := wellFormed(e.kind, body); err != nil {
			clear(wire)
			return nil, err
		}
	}
	return newRequest(e, wire, masked), nil
}

func codeLength(c card.SecurityCode) int {
	n := 0
	c.Use(func(digits []byte) { n = len(digits) })
	return n
}

// useBoth calls fn with the digits of the number and the code, nil for one that
// is empty.
func useBoth(v Values, fn func(pan, code []byte)) {
	withDigits(v.Number.Use, func(pan []byte) {
		withDigits(v.Code.Use, func(code []byte) { fn(pan, code) })
	})
}

func withDigits(use func(func([]byte)), fn func([]byte)) {
	called := false
	use(func(d []byte) { called = true; fn(d) })
	if !called {
		fn(nil)
	}
}

// filling replaces the place holders of the number and the code.
type filling struct{ number, code []byte }

// size is the length of text once they are replaced.
func (f filling) size(text []byte, number, code int) int {
	return len(text) + bytes.Count(text, f.number)*(number-len(f.number)) + bytes.Count(text, f.code)*(code-len(f.code))
}

func (f filling) with(text, number, code []byte) []byte {
	return f.append(make([]byte, 0, f.size(text, len(number), len(code))), text, number, code)
}

// append writes text to dst, which has room for it.
func (f filling) append(dst, text, number, code []byte) []byte {
	for len(text) > 0 {
		at, old, with := len(text), []byte(nil), []byte(nil)
		if i := bytes.Index(text, f.number); i >= 0 {
			at, old, with = i, f.number, number
		}
		if i := bytes.Index(text[:at], f.code); i >= 0 {
			at, old, with = i, f.code, code
		}
		dst = append(dst, text[:at]...)
		dst = append(dst, with...)
		text = text[at+len(old):]
	}
	return dst
}
