package forward

import (
	"bytes"

	"github.com/panvault/panvault/vault/card"
)

// number finds the card number among the digits of a view, whatever stands
// between them, and notes what to replace.
func (f *finder) number(v view, nested int) {
	if f.pan == nil {
		return
	}
	digits, at := f.digitsOf(v)
	for start := 0; ; {
		i := bytes.Index(digits[start:], f.pan)
		if i < 0 {
			return
		}
		i += start
		f.maskNumber(v, at[i:i+len(f.pan)], nested)
		start = i + len(f.pan)
	}
}

// digitsOf is the digits of a view and where they stand in it. Two asterisks
// stand for digits that are not there, so that no number goes on behind them.
func (f *finder) digitsOf(v view) ([]byte, []int) {
	digits := make([]byte, 0, len(v.b))
	var at []int
	for i, c := range v.b {
		switch {
		case isDigit(c):
			digits = append(digits, c)
			at = append(at, i)
		case c == '*' && i > 0 && v.b[i-1] == '*' && len(digits) > 0 && digits[len(digits)-1] != '*':
			digits = append(digits, '*')
			at = append(at, i)
		}
	}
	f.scratch = append(f.scratch, digits)
	return digits, at
}

func (f *finder) maskNumber(v view, at []int, nested int) {
	first, last := at[0], at[len(at)-1]
	from, to := int(v.from[first]), int(v.to[last])
	_, whole := f.leafAt(from, to)
	if nested > 0 {
		f.hits.Encoded++
		f.add(from, to, stars)
		return
	}
	f.hits.Number++
	if whole && dense(v.b[first:last+1]) {
		f.add(from, to, stars+string(f.pan[len(f.pan)-4:]))
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
	digits, _ := f.digitsOf(view{b: run})
	return bytes.Contains(digits, f.pan)
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

// firstDigits finds numbers that were masked in their middle and leaves their
// last four digits.
func (f *finder) firstDigits(v view) {
	if f.first {
		return
	}
	for i := 0; i < len(v.b); i++ {
		if !isMask(v.b[i]) {
			continue
		}
		start, masks := i, 0
		for i < len(v.b) && (isMask(v.b[i]) || v.b[i] == ' ' || v.b[i] == '-') {
			if isMask(v.b[i]) {
				masks++
			}
			i++
		}
		from, before := start, 0
		for j := start - 1; j >= 0 && (isDigit(v.b[j]) || v.b[j] == ' ' || v.b[j] == '-'); j-- {
			if isDigit(v.b[j]) {
				from = j
				before++
			}
		}
		to := i
		for to < len(v.b) && to < i+4 && isDigit(v.b[to]) {
			to++
		}
		if masks >= 4 && before >= 5 && before <= 12 && to == i+4 {
			f.hits.FirstDigits++
			f.add(int(v.from[from]), int(v.to[to-1]), stars+string(v.b[i:to]))
		}
		i--
	}
}

func isMask(c byte) bool { return c == '*' || c == 'x' || c == 'X' || c == '#' }
