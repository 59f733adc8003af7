package forward

// encoded looks into base64 and hexadecimal.
func (f *finder) encoded(v view, nested int) {
	if nested >= maxNested || f.pan == nil {
		return
	}
	f.runs(v, nested, 16, sextet, f.base64)
	f.runs(v, nested, 2*len(f.pan), func(c byte) int {
		if isHex(c) {
			return int(unhex(c))
		}
		return -1
	}, f.hex)
}

// runs calls decode with the places of the characters of each run of an
// alphabet. White space does not end a run: encoders wrap lines.
func (f *finder) runs(v view, nested, least int, value func(byte) int, decode func(v view, at []int, nested int)) {
	var at []int
	flush := func() {
		if len(at) >= least {
			decode(v, at, nested)
		}
		at = at[:0]
	}
	for i, c := range v.b {
		switch {
		case value(c) >= 0:
			at = append(at, i)
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		default:
			flush()
		}
	}
	flush()
}

// sextet is the value of a character of both base64 alphabets, -1 for others.
func sextet(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case isDigit(c):
		return int(c-'0') + 52
	case c == '+' || c == '-':
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return -1
}

// base64 decodes a run from each of its first four characters on, since letters
// in front of it may belong to something else.
func (f *finder) base64(v view, at []int, nested int) {
	for skip := range 4 {
		chars := at[min(skip, len(at)):]
		out := newView(len(chars) * 3 / 4)
		for n := 0; (8*n+7)/6 < len(chars); n++ {
			i, j, bit := chars[8*n/6], chars[(8*n+7)/6], 8*n%6
			high, low := sextet(v.b[i]), sextet(v.b[j])
			out.add(byte((high<<6|low)>>(4-bit)), v.from[i], v.to[j])
		}
		f.decoded(out, nested)
	}
}

// hex decodes a run at both alignments.
func (f *finder) hex(v view, at []int, nested int) {
	for skip := range 2 {
		chars := at[skip:]
		out := newView(len(chars) / 2)
		for n := 0; n+1 < len(chars); n += 2 {
			i, j := chars[n], chars[n+1]
			out.add(unhex(v.b[i])<<4|unhex(v.b[j]), v.from[i], v.to[j])
		}
		f.decoded(out, nested)
	}
}

// decoded searches what came out: for digits in any case, for more only where it
// reads like a text, which chance does not make.
func (f *finder) decoded(v view, nested int) {
	f.hold(v)
	run := 0
	for _, c := range v.b {
		if run++; c < ' ' && c != '\n' && c != '\r' && c != '\t' || c >= 0x7f {
			run = 0
		}
		if run >= 12 {
			f.search(v, nested+1)
			return
		}
	}
	f.number(v, nested+1)
}
