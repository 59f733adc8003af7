package forward

import (
	"bytes"

	"github.com/panvault/panvault/vault/card"
)

// number finds the card number among the digits of a view, whatever stands
// between them, and parts of it, and notes what to replace.
func (f *finder) number(v view, nested int) {
	if f.pan == nil {
		return
	}
	r := f.digitsOf(v)
	find := func(needle []byte, keep bool) {
		for start := 0; ; {
			i := bytes.Index(r.b[start:], needle)
			if i < 0 {
				return
			}
			i += start
			start = i + len(needle)
			f.mask(v, r.at[i:start], keep, nested)
			for n := i; n < start; n++ {
				r.b[n] = '*'
			}
		}
	}
	find(f.pan, true)
	for _, needle := range f.known.written[1:] { // octal and binary
		find(needle, false)
	}
	f.parts(v, r, &f.known.near, false, nested)
	f.parts(v, r, &f.known.far, true, nested)
}

// mask notes to replace digits of the number. The last four of them may stay if
// they are the number's, and no digit follows that could be read with them.
func (f *finder) mask(v view, at []int, last bool, nested int) {
	first, end := at[0], at[len(at)-1]
	from, to := int(v.from[first]), int(v.to[end])
	if nested > 0 {
		f.hits.Encoded++
		f.add(from, to, stars)
		return
	}
	f.hits.Number++
	if _, whole := f.leafAt(from, to); whole && (dense(v.b[first:end+1]) || dotted(v.b[first:end+1])) {
		with := stars
		if last && (end+1 == len(v.b) || !isDigit(v.b[end+1])) {
			with += string(f.pan[len(f.pan)-4:])
		}
		f.add(from, to, with)
		return
	}
	for _, i := range at {
		f.add(int(v.from[i]), int(v.to[i]), "*")
	}
}

// dense reports whether digits are written as one number: with at most three
// bytes between them that are neither letters nor structure.
func dense(b []byte) bool {
	gap := 0
	for _, c := range b {
		if isDigit(c) {
			gap = 0
			continue
		}
		if gap++; gap > 3 || isAlphanumeric(c) || bytes.IndexByte([]byte(`<>"{}[],:;=&`), c) >= 0 {
			return false
		}
	}
	return true
}

// dotted reports whether digits have masks, spaces and hyphens between them only.
func dotted(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && !isDot(c) && c != ' ' {
			return false
		}
	}
	return true
}

// others masks what card.ContainsPAN takes for a card number.
func (f *finder) others(v view) {
	for i := 0; i < len(v.b); {
		if !isDigit(v.b[i]) {
			i++
			continue
		}
		end, digits := runAt(v.b, i)
		if digits >= 13 && f.mayMask(v, i, end) && !inUUID(v.b, i, end) && card.ContainsPAN(v.b[i:end]) {
			from, to := narrow(v.b, i, end)
			if !f.isOurs(v.b[from:to]) {
				f.hits.Other++
			}
			f.add(int(v.from[from]), int(v.to[to-1]), stars+lastDigits(v.b[from:to]))
		}
		i = end
	}
}

// inUUID reports whether digits are part of a UUID. This card's own number is
// found in one all the same, by itself.
func inUUID(b []byte, i, end int) bool {
	const length = 36
	for at := max(0, end-length); at <= i; at++ {
		if card.IsUUIDAt(b, at) {
			return true
		}
	}
	return false
}

// mayMask reports whether digits may be taken for another card's: not those of
// a fraction, nor where the destination keeps them.
func (f *finder) mayMask(v view, i, end int) bool {
	l, ok := f.leafAt(int(v.from[i]), int(v.to[end-1]))
	return !ok || !l.kept && !l.float
}

// isOurs reports whether a run has this card's number, which is counted as such.
func (f *finder) isOurs(run []byte) bool {
	if f.pan == nil {
		return false
	}
	return bytes.Contains(f.digitsOf(view{b: run}).b, f.pan)
}

// runAt returns the end of the digits with single separators that start at i.
func runAt(b []byte, i int) (end, digits int) {
	for end = i; i < len(b); i++ {
		switch {
		case isDigit(b[i]):
			digits++
			end = i + 1
		case i > end || bytes.IndexByte([]byte(" -./_"), b[i]) < 0:
			return end, digits
		}
	}
	return end, digits
}

// narrow leaves groups away at both ends while what is left looks like a number.
// A long run, which would take long, is masked as a whole.
func narrow(b []byte, from, to int) (int, int) {
	if to-from > 256 {
		return from, to
	}
	for {
		next := from
		for next < to && isDigit(b[next]) {
			next++
		}
		next++
		if next >= to || !card.ContainsPAN(b[next:to]) {
			break
		}
		from = next
	}
	for {
		next := to - 1
		for next > from && isDigit(b[next]) {
			next--
		}
		if next <= from || !card.ContainsPAN(b[from:next]) {
			break
		}
		to = next
	}
	return from, to
}

// lastDigits are the last four digits of a run.
func lastDigits(b []byte) string {
	var d [4]byte
	n := 4
	for i := len(b) - 1; i >= 0 && n > 0; i-- {
		if isDigit(b[i]) {
			n--
			d[n] = b[i]
		}
	}
	return string(d[n:])
}
