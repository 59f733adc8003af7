package forward

// charList collects words that are character codes, one after the other.
type charList struct {
	base     int
	text     []byte
	from, to []int32 // in the source
}

// lists looks into lists of character codes in decimal, hexadecimal, octal and
// binary, whatever stands between them: "[52,50]", "34:32", "=34=32",
// "\064\062", "0x34 0x32".
func (f *finder) lists(v view, nested int) {
	if nested >= maxNested || f.pan == nil {
		return
	}
	all := [...]charList{{base: 10}, {base: 16}, {base: 8}, {base: 2}}
	for i := 0; i < len(v.b); {
		if !isAlphanumeric(v.b[i]) {
			i++
			continue
		}
		start := i
		for i < len(v.b) && isAlphanumeric(v.b[i]) {
			i++
		}
		word := v.b[start:i]
		if isCharFunction(word) {
			continue
		}
		for n := range all {
			l := &all[n]
			if c, ok := charCode(word, l.base); ok {
				l.text = append(l.text, c)
				l.from, l.to = append(l.from, v.from[start]), append(l.to, v.to[i-1])
			} else if len(l.text) > 0 {
				f.list(l, nested)
			}
		}
	}
	for n := range all {
		f.list(&all[n], nested)
	}
}

// list searches a list and starts it anew.
func (f *finder) list(l *charList, nested int) {
	f.scratch = append(f.scratch, l.text)
	if f.left -= len(l.text); f.left >= 0 && len(l.text) >= 6 {
		from, to := l.from, l.to
		f.decoded(l.text, func(k int) (int32, int32) { return from[k], to[k] }, nested)
	}
	*l = charList{base: l.base}
}

// isCharFunction reports whether a word stands in front of a code, as in
// "\u{34}" and "chr(52)".
func isCharFunction(word []byte) bool {
	switch string(word) {
	case "u", "U", "x", "X", "chr", "CHR", "char", "CHAR", "Chr", "Char":
		return true
	}
	return false
}

// charCode reads a word as the code of a character below 256.
func charCode(word []byte, base int) (byte, bool) {
	switch {
	case len(word) > 10:
		return 0, false
	case base == 16 && len(word) > 2 && word[0] == '0' && lower(word[1]) == 'x',
		base == 8 && len(word) > 2 && word[0] == '0' && lower(word[1]) == 'o',
		base == 2 && len(word) > 2 && word[0] == '0' && lower(word[1]) == 'b':
		word = word[2:]
	case base == 16 && len(word) > 1 && (lower(word[0]) == 'x' || lower(word[0]) == 'u'):
		word = word[1:]
	}
	value := 0
	for _, c := range word {
		if !isHex(c) || int(unhex(c)) >= base {
			return 0, false
		}
		if value = value*base + int(unhex(c)); value > 255 {
			return 0, false
		}
	}
	return byte(value), true
}

// unquote decodes quoted-printable (RFC 2045, section 6.7); false where there is
// too little of it to hold a part of the number. It is a view of its own: what
// stands behind an equals sign elsewhere must not be lost.
func (v view) unquote() (view, bool) {
	count := 0
	for i := 0; i+2 < len(v.b); i++ {
		if v.b[i] == '=' && v.b[i+1] == '3' && isDigit(v.b[i+2]) {
			count++
		}
	}
	if count == 0 {
		return view{}, false
	}
	out := newView(len(v.b))
	for i := 0; i < len(v.b); i++ {
		if v.b[i] == '=' && i+2 < len(v.b) {
			if c, ok := hexValue(v.b[i+1 : i+3]); ok {
				out.add(byte(c), v.from[i], v.to[i+2])
				i += 2
				continue
			}
		}
		out.add(v.b[i], v.from[i], v.to[i])
	}
	return out, true
}
