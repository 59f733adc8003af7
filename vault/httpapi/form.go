package httpapi

import (
	"bytes"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// maxFormDepth is how deeply form names nest: a[b][c].
const maxFormDepth = 3

// parseForm parses application/x-www-form-urlencoded in place, as parseJSON
// does for JSON: names like card[number] nest, k[] makes an array. A name
// given twice is refused: which one counts would depend on who reads it.
func parseForm(body []byte) (value, error) {
	out := value{Kind: inplace.Object}
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
		if err := put(&out, path, v); err != nil {
			return value{}, err
		}
	}
	return out, nil
}

// put adds a value under its path, making objects and arrays on the way.
func put(v *value, path [][]byte, leaf []byte) error {
	if len(path) == 0 {
		if v.Kind != inplace.Absent {
			return errDuplicate
		}
		v.Kind, v.Bytes = inplace.Text, leaf
		return nil
	}
	if len(path[0]) == 0 { // k[]
		if v.Kind != inplace.Absent && v.Kind != inplace.Array {
			return errDuplicate
		}
		v.Kind = inplace.Array
		v.Items = append(v.Items, value{})
		return put(&v.Items[len(v.Items)-1], path[1:], leaf)
	}
	if v.Kind != inplace.Absent && v.Kind != inplace.Object {
		return errDuplicate
	}
	v.Kind = inplace.Object
	for i := range v.Fields {
		if bytes.Equal(v.Fields[i].Name, path[0]) {
			return put(&v.Fields[i].Value, path[1:], leaf)
		}
	}
	v.Fields = append(v.Fields, inplace.Field{Name: path[0]})
	return put(&v.Fields[len(v.Fields)-1].Value, path[1:], leaf)
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

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
