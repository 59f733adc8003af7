package forward

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
)

// writings are what the second search looks for, by the text to look in.
type writings struct {
	digits needles // all digits of the text
	parts  needles // the text itself
	joined needles // letters, digits and masks
	words  needles // letters and digits without the marks of codes, lower case
	base64 needles // without white space
	base32 needles // the same in lower case
}

// writingsOf makes all writings of the number, and of its parts but those that
// the finder lets stand.
func writingsOf(pan []byte, first bool, step func([]byte) []byte) *writings {
	w := &writings{}
	w.digits.add(step(bytes.Clone(pan)))
	var value uint64
	for _, c := range pan {
		value = value*10 + uint64(c-'0')
	}
	w.words.add(step(strconv.AppendUint(nil, value, 16)))
	for _, base := range [...]int{8, 2} {
		w.digits.add(step(strconv.AppendUint(nil, value, base)))
	}
	w.nested(pan, maxNested, step)
	last := pan[len(pan)-4:]
	repeated := step(bytes.Repeat(last, 4))
	for i := 0; i+partDigits <= len(pan); i++ {
		part := pan[i : i+partDigits]
		if others(part) == 0 || first && i+partDigits <= shown(pan) {
			continue
		}
		w.parts.add(part)
		w.encode(part, step)
		if others(part) > 1 && !bytes.Contains(repeated, part) {
			w.joined.add(part)
		}
		if i+farDigits > len(pan) {
			continue
		}
		if far := pan[i : i+farDigits]; !bytes.Contains(repeated, far) {
			w.joined.add(far)
			if others(far) >= 4 {
				w.digits.add(far)
			}
		}
	}
	return w
}

// encode adds what a part is in base64, base32, hexadecimal, and as a list of
// codes.
func (w *writings) encode(part []byte, step func([]byte) []byte) {
	for pad := range 3 {
		w.base64.add(inner64(part, pad, step))
	}
	w.spread(part, step)
	for _, verb := range [...]string{"%d", "%04x", "%06x", "%08x", "%o", "%03o", "%08b", "%b"} {
		list := make([]byte, 0, 8*len(part))
		for _, c := range part {
			list = fmt.Appendf(list, verb, c)
		}
		w.words.add(step(list))
	}
}

// spread adds what a text is in base32, at each place where it can start in a
// group, and in hexadecimal.
func (w *writings) spread(text []byte, step func([]byte) []byte) {
	for pad := range 5 {
		plain := step(append(make([]byte, pad, pad+len(text)), text...))
		code := step(make([]byte, base32.StdEncoding.EncodedLen(len(plain))))
		base32.StdEncoding.Encode(code, plain)
		w.base32.add(step(bytes.ToLower(code[(8*pad+4)/5 : 8*len(plain)/5])))
	}
	code := step(make([]byte, hex.EncodedLen(len(text))))
	hex.Encode(code, text)
	w.words.add(code)
}

// nested adds what the number is in base64, and what that is, and so on; and the
// first of these in base32 and hexadecimal.
func (w *writings) nested(plain []byte, levels int, step func([]byte) []byte) {
	if levels == 0 {
		return
	}
	for pad := range 3 {
		code := inner64(plain, pad, step)
		w.base64.add(code)
		if levels == maxNested {
			w.spread(code, step)
		}
		w.nested(code, levels-1, step)
	}
}

// inner64 is the base64 of a text behind pad bytes, without the characters that
// share bits with what stands beside it.
func inner64(plain []byte, pad int, step func([]byte) []byte) []byte {
	plain = step(append(make([]byte, pad, pad+len(plain)), plain...))
	code := step(make([]byte, base64.RawStdEncoding.EncodedLen(len(plain))))
	base64.RawStdEncoding.Encode(code, plain)
	return code[(8*pad+5)/6 : 8*len(plain)/6]
}

// needles are texts to look for at once: by their first bytes, hashed.
type needles struct {
	list map[uint64][][]byte
	bits [256]uint64
}

const needleHead = partDigits // bytes that are hashed

// add takes a text of at least needleHead bytes.
func (n *needles) add(text []byte) {
	if n.list == nil {
		n.list = make(map[uint64][][]byte)
	}
	var h uint64
	for _, c := range text[:needleHead] {
		h = h<<8 | uint64(c)
	}
	h = mix(h)
	n.bits[h>>6&255] |= 1 << (h & 63)
	n.list[h] = append(n.list[h], text)
}

// mix spreads seven bytes over all bits.
func mix(h uint64) uint64 {
	h *= 0x9e3779b97f4a7c15
	return h>>32 ^ h>>49
}

// in reports whether one of them stands in a text.
func (n *needles) in(text []byte) bool {
	var window uint64
	for i, c := range text {
		window = (window<<8 | uint64(c)) & (1<<(8*needleHead) - 1)
		h := mix(window)
		if n.bits[h>>6&255]&(1<<(h&63)) == 0 || i+1 < needleHead {
			continue
		}
		for _, needle := range n.list[h] {
			if bytes.HasPrefix(text[i+1-needleHead:], needle) {
				return true
			}
		}
	}
	return false
}
