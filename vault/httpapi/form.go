package httpapi

import (
	"bytes"
	"unicode/utf8"
)

// maxFormDepth is how deeply form names nest: a[b][c].
const maxFormDepth = 3

// parseForm parses application/x-www-form-urlencoded in place, as parseJSON
// does for JSON: names like card[number] nest, k[] makes an array. A name
// given twice is refused: which one counts would depend on who reads it.
func parseForm(body []byte) (value, error) {
	out := value{kind: object}
	for n := 0; len(body) > 0; n++ {
		if n >= maxValues {
			return value{}, errTooMany
		}
		var pair []byte
		pair, body, _ = bytes.Cut(body, []byte("&"))
		if len(pair) == 0 {
			continue
		}
		rawName, rawValue, _ := bytes.Cut(pair, []byte("="))
		name, ok := percentDecode(rawName)
		if !ok {
			return value{}, errMalformedForm
		}
		v, ok := percentDecode(rawValue)
		if !ok {
			return value{}, errMalformedForm
		}
		if len(name) == 0 {
			continue // no parameter of ours
		}
		path, err := formPath(name)
		if err != nil {
			return value{}, err
		}
		if err := out.put(path, v); err != nil {
			return value{}, err
		}
	}
	return out, nil
}

// put adds a value under its path, making objects and arrays on the way.
func (v *value) put(path [][]byte, leaf []byte) error {
	if len(path) == 0 {
		if v.kind != absent {
			return errDuplicate
		}
		v.kind, v.bytes = text, leaf
		return nil
	}
	if len(path[0]) == 0 { // k[]
		if v.kind != absent && v.kind != array {
			return errDuplicate
		}
		v.kind = array
		v.items = append(v.items, value{})
		return v.items[len(v.items)-1].put(path[1:], leaf)
	}
	if v.kind != absent && v.kind != object {
		return errDuplicate
	}
	v.kind = object
	for i := range v.fields {
		if bytes.Equal(v.fields[i].name, path[0]) {
			return v.fields[i].value.put(path[1:], leaf)
		}
	}
	v.fields = append(v.fields, field{name: path[0]})
	return v.fields[len(v.fields)-1].value.put(path[1:], leaf)
}

// formPath splits a[b][c] into its names. Brackets that do not pair up belong
// to the name.
func formPath(name []byte) ([][]byte, error) {
	open := bytes.IndexByte(name, '[')
	if open <= 0 || name[len(name)-1] != ']' {
		return [][]byte{name}, nil
	}
	path := [][]byte{name[:open]}
	for rest := name[open:]; len(rest) > 0; {
		end := bytes.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 {
			return [][]byte{name}, nil
		}
		path = append(path, rest[1:end])
		rest = rest[end+1:]
	}
	if len(path) > maxFormDepth {
		return nil, errTooDeep
	}
	return path, nil
}

// percentDecode decodes in place. It reports false for a broken escape or
// bytes that are not UTF-8.
func percentDecode(b []byte) ([]byte, bool) {
	w := 0
	for r := 0; r < len(b); r++ {
		c := b[r]
		switch c {
		case '+':
			c = ' '
		case '%':
			if r+2 >= len(b) {
				return nil, false
			}
			high, ok1 := hexDigit(b[r+1])
			low, ok2 := hexDigit(b[r+2])
			if !ok1 || !ok2 {
				return nil, false
			}
			c = high<<4 | low
			r += 2
		}
		b[w] = c
		w++
	}
	return b[:w:w], utf8.Valid(b[:w])
}
