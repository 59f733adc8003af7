package forward

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// leaks reports whether a scrubbed text still has the number or a part of it. It
// shares nothing with the finder: it decodes the whole text, one kind of escape
// after the other, and looks for the number among all digits that are left; and
// rather than decode base64, hexadecimal and lists of codes it looks for what
// the number and its parts are in these. With first, the first digits may stay.
func leaks(text, pan []byte, first bool) bool {
	if len(pan) == 0 {
		return false
	}
	// Every step makes a buffer of its own, each to be wiped.
	var made [][]byte
	defer func() {
		for _, b := range made {
			clear(b)
		}
	}()
	step := func(b []byte) []byte { made = append(made, b); return b }
	w := writingsOf(pan, first, step)
	seen := func(b []byte) bool {
		digits, values := step(onlyDigits(b)), step(onlyDigits(step(withoutNames(b))))
		joined := step(withoutMarks(b))
		return w.digits.in(digits) || w.digits.in(values) || w.parts.in(b) || w.joined.in(joined) ||
			w.words.in(joined) || w.words.in(step(withoutPrefixes(joined))) || w.base32.in(step(bytes.ToLower(step(withoutSpace(b))))) ||
			w.base64.in(step(withoutSpace(b))) || w.parts.in(step(unequal(b))) || !first && headed(b, pan)
	}
	b := step(bytes.Clone(text))
	for range 2 * maxRounds {
		if seen(b) {
			return true
		}
		next := step(unpercent(b))
		next = step(unbackslash(next))
		next = step(unreference(next))
		next = step(latinDigits(next))
		if bytes.Equal(next, b) {
			return false
		}
		b = next
	}
	return false
}

// onlyDigits leaves the digits, and an asterisk for each two or more.
func onlyDigits(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i, c := range b {
		if '0' <= c && c <= '9' || c == '*' && i > 0 && b[i-1] == '*' {
			out = append(out, c)
		}
	}
	return out
}

// withoutNames leaves tags away, and quoted texts with a colon behind.
func withoutNames(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		var end int
		switch b[i] {
		case '<':
			end = bytes.IndexByte(b[i:], '>')
		case '"':
			end = closing(b[i+1:])
			if end >= 0 {
				rest := bytes.TrimLeft(b[i+1+end+1:], " \t\r\n")
				if len(rest) == 0 || rest[0] != ':' {
					out = append(out, b[i:i+2+end]...)
				}
				end++
			}
		default:
			out = append(out, b[i])
			continue
		}
		if end < 0 {
			return append(out, b[i:]...)
		}
		i += end
	}
	return out
}

// closing finds the quote that ends a JSON string.
func closing(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func unpercent(b []byte) []byte {
	parts := bytes.Split(b, []byte("%"))
	out := append(make([]byte, 0, len(b)), parts[0]...)
	for _, p := range parts[1:] {
		var c [1]byte
		if len(p) >= 2 {
			if _, err := hex.Decode(c[:], p[:2]); err == nil {
				out = append(append(out, c[0]), p[2:]...)
				continue
			}
		}
		out = append(append(out, '%'), p...)
	}
	return out
}

func unbackslash(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		if v, err := strconv.ParseUint(string(b[i:min(i+3, len(b))]), 8, 8); err == nil && i+3 <= len(b) {
			out = append(out, byte(v))
			i += 2
			continue
		}
		width := 0
		switch b[i] {
		case 'u':
			width = 4
		case 'x':
			width = 2
		case 'n', 'r', 't', 'b', 'f':
			out = append(out, ' ')
			continue
		}
		if width == 0 || i+width >= len(b) {
			out = append(out, b[i])
			continue
		}
		v, err := strconv.ParseUint(string(b[i+1:i+1+width]), 16, 32)
		if err != nil {
			out = append(out, b[i])
			continue
		}
		out = append(out, string(rune(v))...)
		i += width
	}
	return out
}

func unreference(b []byte) []byte {
	parts := bytes.Split(b, []byte("&#"))
	out := append(make([]byte, 0, len(b)), parts[0]...)
	for _, p := range parts[1:] {
		base, digits := 10, p
		if len(p) > 0 && (p[0] == 'x' || p[0] == 'X') {
			base, digits = 16, p[1:]
		}
		n := 0
		for n < len(digits) && n < 12 && (isDigit(digits[n]) || base == 16 && isHex(digits[n])) {
			n++
		}
		v, err := strconv.ParseUint(string(digits[:n]), base, 21)
		if err != nil {
			out = append(append(out, "&#"...), p...)
			continue
		}
		out = append(out, string(rune(v))...)
		out = append(out, bytes.TrimPrefix(digits[n:], []byte(";"))...)
	}
	for _, e := range [...][2]string{{"&quot;", `"`}, {"&nbsp;", " "}, {"&lt;", "<"}, {"&gt;", ">"}, {"&bull;", "•"}, {"&middot;", "·"}, {"&amp;", "&"}} {
		next := bytes.ReplaceAll(out, []byte(e[0]), []byte(e[1]))
		clear(out)
		out = next
	}
	return out
}

// latinDigits brings digits of all scripts to ASCII.
func latinDigits(b []byte) []byte {
	b = norm.NFKC.Bytes(b)
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if b = b[size:]; r == utf8.RuneError {
			continue
		}
		if r > unicode.MaxASCII && unicode.Is(unicode.Nd, r) {
			value := 0
			for unicode.Is(unicode.Nd, r-rune(value)-1) {
				value++
			}
			r = '0' + rune(value%10)
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
