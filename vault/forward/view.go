package forward

import (
	"bytes"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// view is a text as it reads once something is decoded, with the place in the
// source that each byte comes from.
type view struct {
	b        []byte
	from, to []int32
}

// viewOf is a part of the source itself.
func viewOf(text []byte, from, to int) view {
	v := newView(to - from)
	for i := from; i < to; i++ {
		v.add(text[i], int32(i), int32(i+1))
	}
	return v
}

func newView(size int) view {
	return view{make([]byte, 0, size), make([]int32, 0, size), make([]int32, 0, size)}
}

func (v *view) add(c byte, from, to int32) {
	v.b = append(v.b, c)
	v.from = append(v.from, from)
	v.to = append(v.to, to)
}

// unescape decodes one level of every kind of escape, and brings digits, spaces
// and hyphens of all scripts to ASCII. Its result is never longer. It reports
// whether anything changed.
func (v view) unescape() (view, bool) {
	out := newView(len(v.b))
	changed := false
	for i := 0; i < len(v.b); {
		c := v.b[i]
		if c != '%' && c != '\\' && c != '&' && c < utf8.RuneSelf {
			out.add(c, v.from[i], v.to[i])
			i++
			continue
		}
		r, n := escapeAt(v.b[i:])
		raw := n < 0 // a byte of an escaped character
		if raw {
			n = -n
		}
		if n == 0 {
			r, n = utf8.DecodeRune(v.b[i:])
			if r == utf8.RuneError {
				r, raw = rune(v.b[i]), true
			}
		} else {
			changed = true
		}
		from, to := v.from[i], v.to[i+n-1]
		i += n
		if raw {
			out.add(byte(r), from, to)
			continue
		}
		plain, keep := plainRune(r)
		changed = changed || plain != r || !keep
		if !keep {
			continue
		}
		if r == '…' {
			out.add('*', from, to)
			out.add('*', from, to)
		}
		var enc [utf8.UTFMax]byte
		for _, c := range enc[:utf8.EncodeRune(enc[:], plain)] {
			out.add(c, from, to)
		}
	}
	return out, changed
}

// plainRune maps a digit of any script to ASCII, and spaces and hyphens; false
// for characters that nobody sees.
func plainRune(r rune) (rune, bool) {
	switch {
	case r < utf8.RuneSelf:
		return r, true
	case isDotRune(r):
		return '*', true
	case unicode.Is(unicode.Nd, r):
		return digitOf(r), true
	case unicode.Is(unicode.No, r):
		if d := norm.NFKC.PropertiesString(string(r)).Decomposition(); len(d) == 1 && isDigit(d[0]) {
			return rune(d[0]), true
		}
	case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me):
		return r, false
	case unicode.Is(unicode.Zs, r):
		return ' ', true
	case unicode.Is(unicode.Pd, r) || r == 0x2212:
		return '-', true
	}
	return r, true
}

// isDotRune reports whether a character is written in place of a digit.
func isDotRune(r rune) bool {
	switch r {
	case '•', '·', '…', '●', '∙', '○', '◦', '■', '█', '▪', '⋅', '‧', '∗', '＊', '×', '⁕', '✱':
		return true
	}
	return false
}

// digitOf is a decimal digit in ASCII. Unicode keeps the ten of a script
// together and in order.
func digitOf(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}

// escapeAt decodes the escape that b starts with; n is its length, 0 if there is
// none, and negative for one that stands for a byte.
func escapeAt(b []byte) (r rune, n int) {
	switch b[0] {
	case '%':
		if len(b) >= 6 && b[1]|0x20 == 'u' {
			if v, ok := hexValue(b[2:6]); ok {
				return v, 6
			}
		}
		if len(b) >= 3 {
			if v, ok := hexValue(b[1:3]); ok {
				return v, -3
			}
		}
	case '\\':
		return backslashAt(b)
	case '&':
		return referenceAt(b)
	}
	return 0, 0
}

func backslashAt(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch b[1] {
	case '"', '\\', '/', '\'':
		return rune(b[1]), 2
	case 'n', 'r', 't', 'b', 'f':
		return ' ', 2
	case '0', '1', '2', '3':
		if len(b) >= 4 && isOctal(b[2]) && isOctal(b[3]) {
			return rune(b[1]-'0')<<6 | rune(b[2]-'0')<<3 | rune(b[3]-'0'), -4
		}
	case 'U':
		if len(b) >= 10 {
			if v, ok := hexValue(b[2:10]); ok && v >= 0 && v <= unicode.MaxRune {
				return v, 10
			}
		}
	case 'x':
		if len(b) >= 4 {
			if v, ok := hexValue(b[2:4]); ok {
				return v, -4
			}
		}
	case 'u':
		if end := bytes.IndexByte(b[:min(len(b), 12)], '}'); end > 3 && b[2] == '{' {
			if v, ok := hexValue(b[3:end]); ok && v >= 0 && v <= unicode.MaxRune {
				return v, end + 1
			}
		}
		if len(b) < 6 {
			return 0, 0
		}
		v, ok := hexValue(b[2:6])
		if !ok {
			return 0, 0
		}
		if utf16.IsSurrogate(v) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			low, ok := hexValue(b[8:12])
			if r := utf16.DecodeRune(v, low); ok && r != utf8.RuneError {
				return r, 12
			}
		}
		return v, 6
	}
	return 0, 0
}

// referenceAt decodes a character reference of XML or HTML. The semicolon may be
// missing, as browsers allow.
func referenceAt(b []byte) (rune, int) {
	for _, e := range [...]struct {
		text string
		r    rune
	}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&nbsp;", ' '}, {"&shy;", 0xad},
		{"&bull;", '•'}, {"&middot;", '·'}, {"&hellip;", '…'}, {"&ast;", '*'}} {
		if bytes.HasPrefix(b, []byte(e.text)) {
			return e.r, len(e.text)
		}
	}
	if len(b) < 3 || b[1] != '#' {
		return 0, 0
	}
	i, base := 2, rune(10)
	if b[2]|0x20 == 'x' {
		i, base = 3, 16
	}
	start, v := i, rune(0)
	for ; i < len(b) && i-start < 16 && (isDigit(b[i]) || base == 16 && isHex(b[i])); i++ {
		v = min(v*base+rune(unhex(b[i])), unicode.MaxRune)
	}
	if i == start {
		return 0, 0
	}
	if i < len(b) && b[i] == ';' {
		i++
	}
	return v, i
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

func hexValue(b []byte) (rune, bool) {
	v := rune(0)
	for _, c := range b {
		if !isHex(c) {
			return 0, false
		}
		v = v<<4 | rune(unhex(c))
	}
	return v, true
}
