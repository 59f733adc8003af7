// Package inplace parses JSON where it stands: values are slices of the text's
// own buffer, so that a card number has one copy, which the buffer's owner can
// wipe. encoding/json would leave strings that nobody can.
//
// It promises to be strict (RFC 8259, one object, valid UTF-8, no duplicate
// names) and to be bounded in depth, values and memory. It must never copy or
// keep a value, and its errors never quote the text.
package inplace

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// The errors of Parse. None quotes the text.
var (
	ErrMalformed = errors.New("inplace: text is not one valid JSON object")
	ErrDuplicate = errors.New("inplace: an object has a name twice")
	ErrTooMany   = errors.New("inplace: text has too many values")
	ErrTooDeep   = errors.New("inplace: values are nested too deeply")
)

// Parser parses texts within its limits, which must be positive. The fields of
// objects are memory of the parser, which the next Parse uses again. It is not
// safe for concurrent use.
type Parser struct {
	Depth  int // levels, the object itself being the first
	Values int // values of all levels

	rest   []byte
	values int
	open   []Field // of the objects that are being read, one after the other
	fields []Field // of the objects that are read
}

// usualFields is how many fields a text usually has at most.
const usualFields = 12

// Parse parses one object and what it holds, in time linear in body but for
// objects of very many fields. The values alias body, and unescaping overwrites
// it; they are valid until the next Parse, or until body is wiped. Numbers stay
// literals: float64 would destroy a card number of 17 digits. The error is
// ErrMalformed, ErrDuplicate, ErrTooMany or ErrTooDeep; body may have been
// overwritten then as well.
func (p *Parser) Parse(body []byte) (Value, error) {
	p.rest, p.values, p.open, p.fields = body, 0, p.open[:0], p.fields[:0]
	defer func() { p.rest = nil }()
	if p.open == nil {
		p.open, p.fields = make([]Field, 0, usualFields), make([]Field, 0, usualFields)
	}
	if !utf8.Valid(body) {
		return Value{}, ErrMalformed
	}
	p.space()
	if len(p.rest) == 0 || p.rest[0] != '{' {
		return Value{}, ErrMalformed
	}
	v, err := p.value(1)
	if err != nil {
		return Value{}, err
	}
	p.space()
	if len(p.rest) > 0 {
		return Value{}, ErrMalformed
	}
	return v, nil
}

func (p *Parser) space() {
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '\t' || p.rest[i] == '\n' || p.rest[i] == '\r') {
		i++
	}
	p.rest = p.rest[i:]
}

// take consumes c after white space and reports whether it was there.
func (p *Parser) take(c byte) bool {
	p.space()
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *Parser) value(depth int) (Value, error) {
	if p.values++; p.values > p.Values {
		return Value{}, ErrTooMany
	}
	if depth > p.Depth {
		return Value{}, ErrTooDeep
	}
	p.space()
	if len(p.rest) == 0 {
		return Value{}, ErrMalformed
	}
	switch c := p.rest[0]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		b, err := p.text()
		return Value{Kind: Text, Bytes: b}, err
	case c == '-' || (c >= '0' && c <= '9'):
		return p.number()
	}
	return p.literal()
}

func (p *Parser) literal() (Value, error) {
	for _, l := range [...]struct {
		text string
		kind Kind
	}{{"null", Null}, {"true", Boolean}, {"false", Boolean}} {
		if rest, ok := bytes.CutPrefix(p.rest, []byte(l.text)); ok {
			v := Value{Kind: l.kind, Bytes: p.rest[:len(l.text)]}
			p.rest = rest
			return v, nil
		}
	}
	return Value{}, ErrMalformed
}

func (p *Parser) object(depth int) (Value, error) {
	p.rest = p.rest[1:]
	if p.take('}') {
		return Value{Kind: Object}, nil
	}
	first := len(p.open)
	for {
		p.space()
		if len(p.rest) == 0 || p.rest[0] != '"' {
			return Value{}, ErrMalformed
		}
		name, err := p.text()
		if err != nil {
			return Value{}, err
		}
		if !p.take(':') {
			return Value{}, ErrMalformed
		}
		for i := first; i < len(p.open); i++ {
			if bytes.Equal(p.open[i].Name, name) {
				return Value{}, ErrDuplicate
			}
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		p.open = append(p.open, Field{name, v})
		switch {
		case p.take(','):
		case p.take('}'):
			return Value{Kind: Object, Fields: p.close(first)}, nil
		default:
			return Value{}, ErrMalformed
		}
	}
}

// close moves the fields of the object that ends to their place. They are full:
// whoever appends to them gets memory of its own.
func (p *Parser) close(first int) []Field {
	at := len(p.fields)
	p.fields = append(p.fields, p.open[first:]...)
	p.open = p.open[:first]
	return p.fields[at:len(p.fields):len(p.fields)]
}

func (p *Parser) array(depth int) (Value, error) {
	out := Value{Kind: Array}
	p.rest = p.rest[1:]
	if p.take(']') {
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		out.Items = append(out.Items, v)
		switch {
		case p.take(','):
		case p.take(']'):
			return out, nil
		default:
			return Value{}, ErrMalformed
		}
	}
}
