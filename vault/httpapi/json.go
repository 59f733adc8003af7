package httpapi

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of what is parsed, in both encodings.
const (
	maxDepth  = 8
	maxValues = 1000
)

// parseJSON parses a request body (RFC 8259) in place: the values alias body,
// and unescaping overwrites it, so that a card number has one copy that the
// buffer's owner can wipe. encoding/json would leave strings that nobody can.
// It is strict: one object, valid UTF-8, no duplicate names, at most maxDepth
// levels and maxValues values. Numbers stay literals: float64 would destroy a
// card number of 17 digits.
func parseJSON(body []byte) (value, error) {
	if !utf8.Valid(body) {
		return value{}, errMalformedJSON
	}
	p := jsonParser{rest: body}
	p.space()
	if len(p.rest) == 0 || p.rest[0] != '{' {
		return value{}, errMalformedJSON
	}
	v, err := p.value(1)
	if err != nil {
		return value{}, err
	}
	p.space()
	if len(p.rest) > 0 {
		return value{}, errMalformedJSON
	}
	return v, nil
}

type jsonParser struct {
	rest   []byte
	values int
}

func (p *jsonParser) space() {
	i := 0
	for i < len(p.rest) && (p.rest[i] == ' ' || p.rest[i] == '\t' || p.rest[i] == '\n' || p.rest[i] == '\r') {
		i++
	}
	p.rest = p.rest[i:]
}

// take consumes c after white space and reports whether it was there.
func (p *jsonParser) take(c byte) bool {
	p.space()
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *jsonParser) value(depth int) (value, error) {
	if p.values++; p.values > maxValues {
		return value{}, errTooMany
	}
	if depth > maxDepth {
		return value{}, errTooDeep
	}
	p.space()
	if len(p.rest) == 0 {
		return value{}, errMalformedJSON
	}
	switch c := p.rest[0]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		b, err := p.text()
		return value{kind: text, bytes: b}, err
	case c == '-' || (c >= '0' && c <= '9'):
		return p.number()
	}
	return p.literal()
}

func (p *jsonParser) literal() (value, error) {
	for _, l := range [...]struct {
		text string
		kind kind
	}{{"null", null}, {"true", boolean}, {"false", boolean}} {
		if rest, ok := bytes.CutPrefix(p.rest, []byte(l.text)); ok {
			v := value{kind: l.kind, bytes: p.rest[:len(l.text)]}
			p.rest = rest
			return v, nil
		}
	}
	return value{}, errMalformedJSON
}

func (p *jsonParser) object(depth int) (value, error) {
	out := value{kind: object}
	p.rest = p.rest[1:]
	if p.take('}') {
		return out, nil
	}
	for {
		p.space()
		if len(p.rest) == 0 || p.rest[0] != '"' {
			return value{}, errMalformedJSON
		}
		name, err := p.text()
		if err != nil {
			return value{}, err
		}
		if !p.take(':') {
			return value{}, errMalformedJSON
		}
		if out.get(string(name)).kind != absent {
			return value{}, errDuplicate
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		out.fields = append(out.fields, field{name, v})
		switch {
		case p.take(','):
		case p.take('}'):
			return out, nil
		default:
			return value{}, errMalformedJSON
		}
	}
}

func (p *jsonParser) array(depth int) (value, error) {
	out := value{kind: array}
	p.rest = p.rest[1:]
	if p.take(']') {
		return out, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return value{}, err
		}
		out.items = append(out.items, v)
		switch {
		case p.take(','):
		case p.take(']'):
			return out, nil
		default:
			return value{}, errMalformedJSON
		}
	}
}

// number checks the grammar of RFC 8259 §6 and keeps the literal.
func (p *jsonParser) number() (value, error) {
	b, i := p.rest, 0
	digits := func() bool {
		start := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > start
	}
	if b[i] == '-' {
		i++
	}
	zero := i < len(b) && b[i] == '0'
	start := i
	if !digits() || (zero && i > start+1) {
		return value{}, errMalformedJSON
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return value{}, errMalformedJSON
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return value{}, errMalformedJSON
		}
	}
	p.rest = b[i:]
	return value{kind: number, bytes: b[:i:i]}, nil
}

// text parses a string and unescapes it where it stands: the result is never
// longer than its source.
func (p *jsonParser) text() ([]byte, error) {
	b := p.rest[1:]
	w := 0
	for r := 0; r < len(b); {
		switch c := b[r]; {
		case c == '"':
			p.rest = b[r+1:]
			return b[:w:w], nil
		case c < 0x20:
			return nil, errMalformedJSON
		case c != '\\':
			b[w] = c
			w, r = w+1, r+1
		default:
			char, n := unescape(b[r:])
			if n == 0 {
				return nil, errMalformedJSON
			}
			w += utf8.EncodeRune(b[w:w+utf8.RuneLen(char)], char)
			r += n
		}
	}
	return nil, errMalformedJSON
}

// unescape decodes one escape sequence; n is its length, 0 if it is none. Half
// a surrogate pair is no character.
func unescape(b []byte) (char rune, n int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/':
		return rune(b[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return 0, 0
	}
	char, ok := hex4(b[2:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(char) {
		return char, 6
	}
	if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
		return 0, 0
	}
	low, ok := hex4(b[8:])
	if char = utf16.DecodeRune(char, low); !ok || char == utf8.RuneError {
		return 0, 0
	}
	return char, 12
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var out rune
	for _, c := range b[:4] {
		d, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		out = out<<4 | rune(d)
	}
	return out, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
