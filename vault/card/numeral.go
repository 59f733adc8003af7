package card

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// runeClass says what a character means inside a written card number.
type runeClass int

const (
	classOther     runeClass = iota // ends the number
	classDigit                      // a decimal digit of any script
	classInvisible                  // format characters and combining marks: as if not there
	classSeparator                  // space or hyphen
	classLoose                      // dot, slash, underscore: separates, but seldom in card numbers
)

// classify returns the class of a rune, and for a digit its ASCII form.
func classify(r rune) (runeClass, byte) {
	if r < utf8.RuneSelf {
		return classifyASCII(byte(r))
	}
	switch {
	case unicode.Is(unicode.Nd, r):
		return classDigit, decimalOf(r)
	case unicode.Is(unicode.No, r):
		return compatibilityDigit(r)
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		return classInvisible, 0
	case unicode.In(r, unicode.Zs, unicode.Pd) || r == '\u2212': // minus sign
		return classSeparator, 0
	case r == '\u00b7': // middle dot
		return classLoose, 0
	}
	return classOther, 0
}

func classifyASCII(c byte) (runeClass, byte) {
	switch {
	case isDigit(c):
		return classDigit, c
	case c == ' ' || c == '-':
		return classSeparator, 0
	case c == '.' || c == '/' || c == '_':
		return classLoose, 0
	}
	return classOther, 0
}

// decimalOf returns the ASCII form of a decimal digit. Unicode keeps each
// script's ten digits together and in order, so the place in its range tells
// the value.
func decimalOf(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + byte((r-rune(t.Lo))%10)
		}
	}
	return '0'
}

// compatibilityDigit recognises what Unicode calls a presentation of one
// digit: superscripts, subscripts, circled digits.
func compatibilityDigit(r rune) (runeClass, byte) {
	if d := norm.NFKC.PropertiesString(string(r)).Decomposition(); len(d) == 1 && isDigit(d[0]) {
		return classDigit, d[0]
	}
	return classOther, 0
}
