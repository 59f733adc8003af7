package forward

import (
	"bytes"
	"encoding/hex"
	"unicode/utf8"
)

// withoutSpace leaves white space away, and the URL alphabet of base64.
func withoutSpace(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, c := range b {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '-':
			out = append(out, '+')
		case '_':
			out = append(out, '/')
		default:
			out = append(out, c)
		}
	}
	return out
}

// withoutMarks leaves letters and digits, in lower case, and an asterisk for
// each two or more dots.
func withoutMarks(b []byte) []byte {
	out := make([]byte, 0, len(b))
	dots := 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == '*' || r == '.' || isDotRune(r) {
			if dots++; dots > 1 {
				out = append(out, '*')
			}
		} else {
			dots = 0
		}
		if isAlphanumeric(b[0]) {
			out = append(out, lower(b[0]))
		}
		b = b[size:]
	}
	return out
}

// withoutPrefixes leaves away what stands in front of codes: "0x", "0o", "0b",
// "x" and "u", "chr" and "char".
func withoutPrefixes(b []byte) []byte {
	short := bytes.ReplaceAll(b, []byte("chr"), nil)
	b = bytes.ReplaceAll(short, []byte("char"), nil)
	clear(short)
	out := b[:0] // not longer: nothing is overwritten before it is read
	for i, c := range b {
		switch {
		case c == 'x' || c == 'u':
		case c == '0' && i+2 < len(b) && (b[i+1] == 'x' || b[i+1] == 'o' || b[i+1] == 'b') && isHex(b[i+2]):
		case (c == 'o' || c == 'b') && i > 0 && b[i-1] == '0' && i+1 < len(b) && isDigit(b[i+1]):
		default:
			out = append(out, c)
		}
	}
	return out
}

// unequal decodes quoted-printable.
func unequal(b []byte) []byte {
	parts := bytes.Split(b, []byte("="))
	out := append(make([]byte, 0, len(b)), parts[0]...)
	for _, p := range parts[1:] {
		var c [1]byte
		if len(p) < 2 {
			out = append(out, p...)
		} else if _, err := hex.Decode(c[:], p[:2]); err == nil {
			out = append(append(out, c[0]), p[2:]...)
		} else {
			out = append(append(out, '='), p...)
		}
	}
	return out
}

// headed reports whether the first five digits of the number, or more, stand
// before two masks.
func headed(b, pan []byte) bool {
	for {
		i := bytes.Index(b, pan[:5])
		if i < 0 {
			return false
		}
		b = b[i+5:]
		rest := b
		for n := 5; n < len(pan) && len(rest) > 0 && rest[0] == pan[n]; n++ {
			rest = rest[1:]
		}
		rest = bytes.TrimPrefix(rest, []byte(" "))
		first, size := utf8.DecodeRune(rest)
		second, _ := utf8.DecodeRune(rest[size:])
		if stands(first) && stands(second) || first == '…' {
			return true
		}
	}
}

// stands reports whether a character stands for a digit where it stands twice.
func stands(r rune) bool { return isDotRune(r) || r < utf8.RuneSelf && isDot(byte(r)) }
