package forward

import "bytes"

// Limits of what is decoded, so that a text made for it cannot take long. An
// answer that would take more is withheld.
const (
	decodedShare = 256     // times the length of the text
	decodedLeast = 1 << 20 // bytes
)

// alphabet is how characters stand for bits; -1 for those that do not.
type alphabet struct {
	bits  int
	least int // characters that a part of the number takes
	skips int // places in a byte that a character may start at
	value [256]int8
}

type alphabets struct{ base64, base32, hex alphabet }

func newAlphabets() *alphabets {
	a := &alphabets{
		base64: alphabet{bits: 6, least: 10, skips: 4},
		base32: alphabet{bits: 5, least: 12, skips: 8},
		hex:    alphabet{bits: 4, least: 2 * partDigits, skips: 2},
	}
	for i := range 256 {
		c := byte(i)
		a.base64.value[c] = sextet(c)
		a.base32.value[c] = quintet(c)
		a.hex.value[c] = -1
		if isHex(c) {
			a.hex.value[c] = int8(unhex(c))
		}
	}
	return a
}

// sextet is the value of a character of both base64 alphabets, -1 for others.
func sextet(c byte) int8 {
	switch {
	case 'A' <= c && c <= 'Z':
		return int8(c - 'A')
	case 'a' <= c && c <= 'z':
		return int8(c-'a') + 26
	case isDigit(c):
		return int8(c-'0') + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}

// quintet is the same for base32 (RFC 4648), in upper and lower case.
func quintet(c byte) int8 {
	switch c = lower(c); {
	case 'a' <= c && c <= 'z':
		return int8(c - 'a')
	case '2' <= c && c <= '7':
		return int8(c-'2') + 26
	}
	return -1
}

// encoded looks into base64, base32 and hexadecimal.
func (f *finder) encoded(v view, nested int) {
	if nested >= maxNested || f.pan == nil {
		return
	}
	f.runs(v, &f.chars.base64, func(at []int32) { f.decode(v, at, &f.chars.base64, nested) })
	f.runs(v, &f.chars.base32, func(at []int32) { f.decode(v, at, &f.chars.base32, nested) })
	f.runs(v, &f.chars.hex, func(at []int32) {
		f.integer(v, at)
		f.decode(v, at, &f.chars.hex, nested)
	})
}

// runs calls decode with the places of the characters of each run of an
// alphabet. White space does not end a run: encoders wrap lines.
func (f *finder) runs(v view, a *alphabet, decode func(at []int32)) {
	var at []int32
	for i, c := range v.b {
		switch {
		case a.value[c] >= 0:
			at = append(at, int32(i))
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		default:
			if len(at) >= a.least {
				decode(at)
			}
			at = at[:0]
		}
	}
	if len(at) >= a.least {
		decode(at)
	}
}

// integer finds the number's value in hexadecimal.
func (f *finder) integer(v view, at []int32) {
	needle := f.known.written[0]
	text := make([]byte, len(at))
	f.scratch = append(f.scratch, text)
	for n, i := range at {
		text[n] = lower(v.b[i])
	}
	for start := 0; ; {
		i := bytes.Index(text[start:], needle)
		if i < 0 {
			return
		}
		start += i + len(needle)
		f.hits.Encoded++
		f.add(int(v.from[at[start-len(needle)]]), int(v.to[at[start-1]]), stars)
	}
}

// decode decodes a run from each place in a byte where its first character may
// stand, since characters in front of it may belong to something else.
func (f *finder) decode(v view, at []int32, a *alphabet, nested int) {
	text := make([]byte, 0, len(at)*a.bits/8)
	f.scratch = append(f.scratch, text[:cap(text)])
	for skip := range a.skips {
		if f.left -= len(text); f.left < 0 || skip >= len(at) {
			return
		}
		chars := at[skip:]
		text = text[:0]
		bits, have := uint(0), 0
		for _, i := range chars {
			bits = bits<<a.bits | uint(a.value[v.b[i]])
			if have += a.bits; have >= 8 {
				have -= 8
				text = append(text, byte(bits>>have))
			}
		}
		f.decoded(text, func(k int) (from, to int32) {
			return v.from[chars[8*k/a.bits]], v.to[chars[(8*k+7)/a.bits]]
		}, nested)
	}
}

// decoded searches what came out, where it reads like a text, which chance does
// not make for long. The number alone is found between other bytes too.
func (f *finder) decoded(text []byte, place func(k int) (from, to int32), nested int) {
	if i := bytes.Index(text, f.known.value); i >= 0 && len(f.known.value) > 5 {
		from, _ := place(i)
		_, to := place(i + len(f.known.value) - 1)
		f.hits.Encoded++
		f.add(int(from), int(to), stars)
	}
	cut := func(from, to int) view {
		v := newView(to - from)
		for k := from; k < to; k++ {
			a, b := place(k)
			v.add(text[k], a, b)
		}
		return f.hold(v)
	}
	start, digits, all := 0, 0, 0
	for k := 0; k <= len(text); k++ {
		if k < len(text) && readable(text[k]) {
			if isDigit(text[k]) {
				digits++
			}
			continue
		}
		if k-start >= 12 {
			f.search(cut(start, k), nested+1)
		} else if digits >= partDigits {
			f.number(cut(start, k), nested+1)
		}
		all += digits
		start, digits = k+1, 0
	}
	if all >= len(f.pan) && digitsHave(text, f.pan) {
		f.number(cut(0, len(text)), nested+1)
	}
}

// readable reports whether a byte is one of an ASCII text, or the other half of
// a character of it in UTF-16.
func readable(c byte) bool {
	return c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' || c == 0
}

// digitsHave reports whether pan stands among the digits of a text.
func digitsHave(text, pan []byte) bool {
	var last [19]byte
	n := 0
	for _, c := range text {
		if !isDigit(c) {
			continue
		}
		copy(last[:], last[1:len(pan)])
		last[len(pan)-1] = c
		if n++; n >= len(pan) && bytes.Equal(last[:len(pan)], pan) {
			return true
		}
	}
	return false
}
