package card

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxTextRunes is the longest free-text field, in runes after cleaning.
const MaxTextRunes = 255

// maxTextBytes bounds the work on one field before it is normalised. No text
// of MaxTextRunes runes needs more, however decomposed it arrives.
const maxTextBytes = 16 * MaxTextRunes

// ParseText cleans one free-text field: white space around it is cut (U+3000
// and its like included) and the rest brought to Unicode NFC. Blank text
// gives "", true. It reports false, and no text, for invalid UTF-8, more than
// MaxTextRunes runes, control characters or line separators, and for text
// that holds what ContainsPAN finds. The result shares no memory with raw.
func ParseText(raw []byte) (string, bool) {
	text, ok := cleanText(raw)
	if !ok || ContainsPAN(text) {
		return "", false
	}
	return string(text), true
}

// parsePhone is ParseText for telephone numbers. An international number
// ("+" or "00" and at most 13 digits) is not taken for a card number: one in
// ten would pass the check sum by chance, and 13-digit cards are extinct.
func parsePhone(raw []byte) (string, bool) {
	text, ok := cleanText(raw)
	if !ok || !isInternational(text) && ContainsPAN(text) {
		return "", false
	}
	return string(text), true
}

// parseCountry reads an ISO 3166-1 alpha-2 code of any case, by shape, and
// lower-cases it. Blank text gives "", true.
func parseCountry(raw []byte) (string, bool) {
	if isBlank(raw) {
		return "", true
	}
	c := trimASCII(raw)
	if len(c) != 2 || !isLetter(c[0]) || !isLetter(c[1]) {
		return "", false
	}
	return string([]byte{c[0] | 0x20, c[1] | 0x20}), true
}

// cleanText does all of ParseText but the search for card numbers. Its result
// may alias raw.
func cleanText(raw []byte) ([]byte, bool) {
	if isBlank(raw) {
		return nil, true
	}
	text := bytes.TrimSpace(raw)
	if len(text) > maxTextBytes || !utf8.Valid(text) {
		return nil, false
	}
	if !norm.NFC.IsNormal(text) {
		text = norm.NFC.Bytes(text)
	}
	if utf8.RuneCount(text) > MaxTextRunes || bytes.ContainsFunc(text, isControl) {
		return nil, false
	}
	return text, true
}

// isControl reports control characters and the Unicode line separators.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// isBlank reports whether b has nothing to see: white space and invisible
// format characters only.
func isBlank(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r)
	})
}

// isInternational reports whether text is written as an international
// telephone number: "+" or "00", then at most 13 ASCII digits among spaces,
// hyphens, dots and parentheses.
func isInternational(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("+"))
	if !ok {
		rest, ok = bytes.CutPrefix(text, []byte("00"))
	}
	n := 0
	for _, c := range rest {
		switch {
		case isDigit(c):
			n++
		case bytes.IndexByte([]byte(" -.()"), c) < 0:
			return false
		}
	}
	return ok && n <= 13
}

// trimASCII cuts ASCII white space around b, and no other.
func trimASCII(b []byte) []byte { return bytes.Trim(b, " \t\r\n\v\f") }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
