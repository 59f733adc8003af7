package forward

import (
	"bytes"
	"unicode/utf8"
)

// row is the digits of a view, without what stands between them.
type row struct {
	b     []byte // and '*' for masks and for what was found already
	at    []int  // where they stand in the view
	apart []bool // a letter stands before it, a mask, or another value's end
}

// digitsOf makes the row of a view. Two asterisks stand for digits that are not
// there, so that no number goes on behind them.
func (f *finder) digitsOf(v view) row {
	n := 0
	for _, c := range v.b {
		if isDigit(c) || c == '*' {
			n++
		}
	}
	r := row{make([]byte, 0, n), make([]int, 0, n), make([]bool, 0, n)}
	apart := true
	for i, c := range v.b {
		switch {
		case isDigit(c):
			r.b, r.at, r.apart = append(r.b, c), append(r.at, i), append(r.apart, apart)
			apart = false
		case c == '*' && i > 0 && v.b[i-1] == '*':
			apart = true
			if len(r.b) > 0 && r.b[len(r.b)-1] != '*' {
				r.b, r.at, r.apart = append(r.b, '*'), append(r.at, i), append(r.apart, true)
			}
		case c >= utf8.RuneSelf: // once unescaped, two dots end the row and one does not
			dot, _ := utf8.DecodeRune(v.b[i:])
			apart = apart || isDotRune(dot)
		case isAlphanumeric(c), v.from != nil && v.from[i] == v.to[i]: // or another value
			apart = true
		}
	}
	f.scratch = append(f.scratch, r.b)
	return r
}

// parts finds stretches of a row that are made of parts of the number, and masks
// them. In far ones anything may stand between the digits.
func (f *finder) parts(v view, r row, g *grams, far bool, nested int) {
	if g.count == 0 || len(r.b) < g.size {
		return
	}
	value, run := uint64(0), 0
	from, to := 0, 0
	for i, c := range r.b {
		if c == '*' {
			run = 0
			continue
		}
		if !far && r.apart[i] {
			run = 0
		}
		if run == 0 {
			value = 0
		}
		run++
		value = (value*10 + uint64(c-'0')) % g.modulo
		if run < g.size || !g.has(value) {
			continue
		}
		if start := i + 1 - g.size; start > to || to == 0 {
			f.maskPart(v, r, from, to, far, nested)
			from = start
		}
		to = i + 1
	}
	f.maskPart(v, r, from, to, far, nested)
}

// maskPart masks a stretch of a row, unless it is what chance makes of a number
// with many equal digits: one digit repeated, which is an amount or padding, or
// nearly so with something between, as in "04:00:00.000".
func (f *finder) maskPart(v view, r row, from, to int, far bool, nested int) {
	if from == to {
		return
	}
	digits, at, pan := r.b[from:to], r.at[from:to], f.known.pan
	unbroken := at[len(at)-1]-at[0] == len(at)-1
	uncommon := others(digits)
	switch {
	case uncommon == 0,
		far && uncommon < 4,
		!far && !unbroken && uncommon < 2 && len(digits) < farDigits,
		f.first && len(digits) <= shown(pan) && bytes.HasPrefix(pan, digits),
		!unbroken && onlyLast(v, at, pan[len(pan)-4:]):
		return
	}
	f.mask(v, at, bytes.HasSuffix(digits, pan[len(pan)-partDigits:]), nested)
	for i := from; i < to; i++ {
		r.b[i] = '*'
	}
}

// onlyLast reports whether digits stand in groups that all are the last four, as
// those of "4242 4242 4242 4242" may where several members give them.
func onlyLast(v view, at []int, last []byte) bool {
	for i := 0; i < len(at); i += 4 {
		if i+4 > len(at) || at[i+3] != at[i]+3 || i > 0 && at[i] == at[i-1]+1 || !bytes.Equal(v.b[at[i]:at[i]+4], last) {
			return false
		}
	}
	return true
}
