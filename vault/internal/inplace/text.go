package inplace

import (
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"
)

// text parses a string and unescapes it where it stands: the result is never
// longer than its source.
func (p *Parser) text() ([]byte, error) {
	b := p.rest[1:]
	w := 0
	for r := 0; r < len(b); {
		switch c := b[r]; {
		case c == '"':
			p.rest = b[r+1:]
			return b[:w:w], nil
		case c < 0x20:
			return nil, ErrMalformed
		case c != '\\':
			b[w] = c
			w, r = w+1, r+1
		default:
			char, n := unescape(b[r:])
			if n == 0 {
				return nil, ErrMalformed
			}
			w += utf8.EncodeRune(b[w:w+utf8.RuneLen(char)], char)
			r += n
		}
	}
	return nil, ErrMalformed
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

// hex4 decodes four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	var code [2]byte
	if len(b) < 4 {
		return 0, false
	}
	_, err := hex.Decode(code[:], b[:4])
	return rune(code[0])<<8 | rune(code[1]), err == nil
}
