package card

import (
	"strings"
	"unicode/utf8"
)

// minScanLength is the shortest number that is looked for in text, in digits.
const minScanLength = 13

// redacted stands in for a card number in text.
const redacted = "[redacted]"

// ContainsPAN reports whether text holds what looks like a card number: 13 to
// 19 digits that pass the Luhn check and are
//
//   - an unbroken run of digits, or
//   - a whole run of digits separated by single spaces or hyphens, or
//   - any part of such a run (dots, slashes and underscores may separate it
//     too) that starts like a brand's numbers and is as long as they are.
//
// Digits of every script count, spaces and hyphens are those of Unicode, and
// invisible characters are as if not there. A UUID is none (IsUUIDAt). Text need not be valid UTF-8. It
// takes time linear in the length of text.
func ContainsPAN(text []byte) bool {
	s := panScanner{hit: -1, firstOnly: true}
	s.scan(text)
	return len(s.found) > 0
}

// RedactPANs returns text with "[redacted]" in place of everything that
// ContainsPAN finds, along with digits directly attached to it, and all other
// bytes unchanged. ContainsPAN is false for the result. For text about to be
// logged or echoed; it takes time linear in the length of text.
func RedactPANs(text string) string {
	s := panScanner{hit: -1}
	s.scan([]byte(text))
	if len(s.found) == 0 {
		return text
	}
	var b strings.Builder
	from := 0
	for _, f := range s.found {
		b.WriteString(text[from:f.start])
		b.WriteString(redacted)
		from = f.end
	}
	b.WriteString(text[from:])
	return b.String()
}

// span is a part of a text, in byte offsets.
type span struct{ start, end int }

// panScanner reads text once and remembers the last 19 digits of the current
// run. A run consists of groups: digits with nothing between them.
type panScanner struct {
	found     []span // matches, widened to whole groups; sorted, disjoint
	firstOnly bool   // stop at the first match

	last   [MaxPANLength]byte // ASCII digits, a ring indexed by count
	groups [MaxPANLength]int  // where the group of each of them starts

	run    int // digits since anything but digits and single separators
	strict int // of these, since the last loose separator
	group  int // of these, since any separator

	start, end int // the current group, or the one before a separator
	hit        int // start of a match that ends inside the current group, or -1
}

func (s *panScanner) scan(text []byte) {
	defer clear(s.last[:])
	for i := 0; i < len(text); {
		if IsUUIDAt(text, i) {
			s.endRun()
			i += uuidLength
			continue
		}
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		s.step(r, i, i+size)
		if s.firstOnly && len(s.found) > 0 {
			return
		}
		i += size
	}
	s.endRun()
}

// step takes the rune at text[from:to].
func (s *panScanner) step(r rune, from, to int) {
	class, digit := classify(r)
	switch class {
	case classDigit:
		s.digit(digit, from, to)
	case classInvisible:
	case classSeparator, classLoose:
		if s.group == 0 { // a second separator, or one at the start
			s.endRun()
			return
		}
		s.endGroup()
		if class == classLoose {
			s.endStrict()
		}
	default:
		s.endRun()
	}
}

func (s *panScanner) digit(d byte, from, to int) {
	if s.group == 0 {
		s.start = from
	}
	s.end = to
	s.last[s.run%MaxPANLength] = d
	s.groups[s.run%MaxPANLength] = s.start
	s.run++
	s.strict++
	s.group++
	if n := s.longestCard(); n > 0 {
		if at := s.startOf(n); s.hit < 0 || at < s.hit {
			s.hit = at
		}
	}
}

// endGroup ends the current group and settles what matched in it.
func (s *panScanner) endGroup() {
	if s.hit >= 0 {
		s.add(span{s.hit, s.end})
		s.hit = -1
	}
	if s.luhn(s.group) {
		s.add(span{s.startOf(s.group), s.end})
	}
	s.group = 0
}

// endStrict ends a run of digits with spaces and hyphens.
func (s *panScanner) endStrict() {
	if s.luhn(s.strict) {
		s.add(span{s.startOf(s.strict), s.end})
	}
	s.strict = 0
}

func (s *panScanner) endRun() {
	if s.run == 0 {
		return
	}
	s.endGroup()
	s.endStrict()
	s.run = 0
}

// add records a match, joined with those it overlaps. Matches arrive in the
// order of their ends.
func (s *panScanner) add(m span) {
	for n := len(s.found); n > 0 && s.found[n-1].end > m.start; n-- {
		m.start = min(m.start, s.found[n-1].start)
		s.found = s.found[:n-1]
	}
	s.found = append(s.found, m)
}

// startOf returns where the group starts that the n-th last digit is in.
func (s *panScanner) startOf(n int) int {
	return s.groups[(s.run-n)%MaxPANLength]
}

// nth returns the digit at a position counted from the last, at 0.
func (s *panScanner) nth(fromLast int) byte {
	return s.last[(s.run-1-fromLast)%MaxPANLength]
}

// luhn reports whether the last n digits are as many as a card number has and
// pass the check.
func (s *panScanner) luhn(n int) bool {
	if n < minScanLength || n > MaxPANLength {
		return false
	}
	sum := 0
	for i := range n {
		sum += luhnTerm(s.nth(i), i)
	}
	return sum%10 == 0
}

// longestCard returns the largest n for which the last n digits pass the
// check and look like some brand's number; 0 if there is none.
func (s *panScanner) longestCard() int {
	if s.run < minScanLength {
		return 0
	}
	longest, sum := 0, 0
	for i := range min(s.run, MaxPANLength) {
		sum += luhnTerm(s.nth(i), i)
		if n := i + 1; n >= minScanLength && sum%10 == 0 && s.branded(n) {
			longest = n
		}
	}
	return longest
}

// branded reports whether the last n digits start and count like a number of
// a known brand, be it supported or not.
func (s *panScanner) branded(n int) bool {
	var head [6]byte
	for i := range head {
		head[i] = s.nth(n - 1 - i)
	}
	b := issuingBrand(head[:])
	return b == maestro || b == laser || b.ValidLength(n)
}
