package forward

import (
	"bytes"
	"strconv"
)

// walker goes through JSON that is known to be valid.
type walker struct {
	f    *finder
	at   int
	path []byte
}

// member is a field of an object.
type member struct {
	from, to int
	drop     bool
}

// walkJSON notes the leaves, drops members with the name of a security code and
// masks what its place alone makes a secret.
func (f *finder) walkJSON() {
	w := walker{f: f}
	w.value(nil)
	f.scratch = append(f.scratch, w.path[:cap(w.path)])
}

func (w *walker) space() {
	for w.at < len(w.f.text) && bytes.IndexByte([]byte(" \t\r\n"), w.f.text[w.at]) >= 0 {
		w.at++
	}
}

// value reads one value; name is the plain name of the nearest object's member.
func (w *walker) value(name []byte) {
	w.space()
	if w.at >= len(w.f.text) {
		return
	}
	switch c := w.f.text[w.at]; {
	case c == '{':
		w.object(name)
	case c == '[':
		w.array(name)
	case c == '"':
		from, to := w.text()
		w.f.leaves = append(w.f.leaves, leaf{from: from, to: to, kept: w.kept()})
	case c == '-' || isDigit(c):
		w.number()
	default:
		for w.at < len(w.f.text) && isAlphanumeric(w.f.text[w.at]) {
			w.at++
		}
	}
}

// kept reports whether the path is one of KeepDigits.
func (w *walker) kept() bool { return w.f.keep[string(w.path)] }

// text passes a string and returns the bounds of its content.
func (w *walker) text() (from, to int) {
	w.at++
	from = w.at
	for w.at < len(w.f.text) && w.f.text[w.at] != '"' {
		if w.f.text[w.at] == '\\' {
			w.at++
		}
		w.at++
	}
	to = w.at
	w.at++
	return from, to
}

func (w *walker) number() {
	from := w.at
	float := false
	for w.at < len(w.f.text) && bytes.IndexByte([]byte("+-.eE0123456789"), w.f.text[w.at]) >= 0 {
		float = float || bytes.IndexByte([]byte(".eE"), w.f.text[w.at]) >= 0
		w.at++
	}
	w.f.leaves = append(w.f.leaves, leaf{from: from, to: w.at, number: true, float: float, kept: w.kept()})
	if float && w.f.pan != nil {
		digits := expand(w.f.text[from:w.at])
		w.f.scratch = append(w.f.scratch, digits)
		if bytes.Contains(digits, w.f.pan) {
			w.f.hits.Number++
			w.f.add(from, w.at, stars+string(w.f.pan[len(w.f.pan)-4:]))
		}
	}
}

// expand writes the digits of a number with a fraction or an exponent without
// them, such as "4e3" as "4000"; nil when that is longer than any card number.
func expand(literal []byte) []byte {
	mantissa, exponent := literal, 0
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		n, err := strconv.Atoi(string(literal[i+1:]))
		if err != nil || n > 40 || n < -40 {
			return nil
		}
		mantissa, exponent = literal[:i], n
	}
	digits := make([]byte, 0, len(mantissa)+80)
	fraction := 0
	point := false
	for _, c := range mantissa {
		switch {
		case c == '.':
			point = true
		case isDigit(c):
			digits = append(digits, c)
			if point {
				fraction++
			}
		}
	}
	for ; fraction < exponent; fraction++ {
		digits = append(digits, '0')
	}
	return digits
}

// descend reads a value below a name of the path.
func (w *walker) descend(segment []byte, name []byte) {
	n := len(w.path)
	if n > 0 {
		w.path = append(w.path, '.')
	}
	w.path = append(w.path, segment...)
	w.value(name)
	w.path = w.path[:n]
}

func (w *walker) array(name []byte) {
	w.at++
	for i := 0; ; i++ {
		w.space()
		if w.at >= len(w.f.text) || w.f.text[w.at] == ']' {
			w.at++
			return
		}
		if w.f.text[w.at] == ',' {
			w.at++
		}
		w.descend(strconv.AppendInt(nil, int64(i), 10), name)
	}
}

func (w *walker) object(name []byte) {
	inCard := isCardName(name)
	var members []member
	w.at++
	for {
		w.space()
		if w.at >= len(w.f.text) || w.f.text[w.at] == '}' {
			w.at++
			break
		}
		if w.f.text[w.at] == ',' {
			w.at++
			w.space()
		}
		start := w.at
		from, to := w.text()
		w.f.leaves = append(w.f.leaves, leaf{from: from, to: to, name: true})
		key, _ := w.f.hold(viewOf(w.f.text, from, to)).unescape()
		plain := plainName(w.f.hold(key).b)
		w.space()
		w.at++ // the colon
		w.space()
		value, first := w.at, len(w.f.leaves)
		w.descend(key.b, plain)
		m := member{start, w.at, isCodeName(plain)}
		members = append(members, m)
		if len(w.f.leaves) == first+1 && !m.drop {
			w.scalar(w.f.leaves[first], value, plain, inCard)
		}
	}
	w.f.drop(members)
}

// scalar masks a member that is the code, or a number's first digits.
func (w *walker) scalar(l leaf, value int, name []byte, inCard bool) {
	if c := w.f.text[value]; c == '{' || c == '[' {
		return
	}
	v, _ := w.f.hold(viewOf(w.f.text, l.from, l.to)).unescape()
	text := bytes.TrimSpace(w.f.hold(v).b)
	switch {
	case inCard && w.f.code != nil && bytes.Equal(text, w.f.code):
		w.f.hits.Code++
		w.f.add(l.from, l.to, codeStars)
	case !w.f.first && isFirstName(name) && len(text) >= 6 && len(text) <= 9 && bytes.HasPrefix(w.f.pan, text):
		w.f.hits.FirstDigits++
		w.f.add(l.from, l.to, stars[:6])
	}
}

// drop removes members, with one comma each.
func (f *finder) drop(members []member) {
	kept := -1 // the last one that stays
	for i, m := range members {
		switch {
		case !m.drop:
			kept = i
			continue
		case i+1 < len(members):
			f.edits = append(f.edits, edit{from: m.from, to: members[i+1].from, drop: true})
		}
		f.hits.Code++
	}
	last := len(members) - 1
	if last < 0 || !members[last].drop {
		return
	}
	if kept < 0 {
		f.edits = append(f.edits, edit{from: members[0].from, to: members[last].to, drop: true})
		return
	}
	f.edits = append(f.edits, edit{from: members[kept].to, to: members[last].to, drop: true})
}
