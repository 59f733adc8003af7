package forward

import (
	"bytes"
	"slices"
)

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

// isDot reports whether a byte stands for a digit where it stands twice.
func isDot(c byte) bool { return isMask(c) || c == '.' || c == '-' || c == '_' }

// partlyMasked finds what is left of this card's number around two or more
// masks: its first digits before them, or its last ones behind.
func (f *finder) partlyMasked(v view, nested int) {
	if f.pan == nil {
		return
	}
	for i := 0; i+1 < len(v.b); i++ {
		if !isDot(v.b[i]) || !isDot(v.b[i+1]) {
			continue
		}
		start := i
		for i < len(v.b) && (isDot(v.b[i]) || v.b[i] == ' ') {
			i++
		}
		before, after := nearby(v.b, start, -1), nearby(v.b, i, 1)
		slices.Reverse(before)
		f.around(v, before, after, nested)
		i--
	}
}

// nearby is where the digits before or behind a place stand, with single spaces
// and hyphens between them; as many as a number may have.
func nearby(b []byte, i, step int) []int {
	if step < 0 {
		i--
	}
	var at []int
	for gap := 0; i >= 0 && i < len(b) && len(at) < 20; i += step {
		switch {
		case isDigit(b[i]):
			at, gap = append(at, i), 0
		case gap > 0 || b[i] != ' ' && b[i] != '-':
			return at
		default:
			gap++
		}
	}
	return at
}

// around masks the digits before and behind masks that are this card's. One or
// two first digits count with the last four only, and alone.
func (f *finder) around(v view, before, after []int, nested int) {
	pan := f.pan
	pick := func(at []int) []byte {
		b := make([]byte, 0, len(at))
		for _, i := range at {
			b = append(b, v.b[i])
		}
		f.scratch = append(f.scratch, b)
		return b
	}
	head, tail := pick(before), pick(after)
	ends := len(tail) >= 4 && bytes.HasSuffix(pan, tail)
	if ends && len(tail) > 4 {
		f.mask(v, after, true, nested)
	}
	n := min(len(head), len(pan))
	for n > 0 && !bytes.HasPrefix(pan, head[len(head)-n:]) {
		n--
	}
	switch {
	case n == 0, f.first && n <= shown(pan), n < 5 && !ends, n < 4 && n < len(head):
		return
	case ends:
		f.mask(v, slices.Concat(before[len(before)-n:], after), true, nested)
	default:
		f.mask(v, before[len(before)-n:], false, nested)
	}
}
