package forward

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"unicode/utf8"
)

// wellFormed checks that a body is what its content type says. For XML and
// forms the caller passes a body without the secrets, since their parsers make
// strings; json.Valid makes none.
func wellFormed(k kind, body []byte) error {
	if !utf8.Valid(body) {
		return unrendered("the result is not UTF-8")
	}
	switch k {
	case kindJSON:
		if !json.Valid(body) {
			return unrendered("the result is not JSON")
		}
	case kindForm:
		return checkForm(body)
	case kindXML:
		return checkXML(body)
	}
	return nil
}

// checkForm allows what the WHATWG's serializer writes: pairs of escaped names
// and values.
func checkForm(body []byte) error {
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		name, value, ok := bytes.Cut(pair, []byte("="))
		if !ok || len(name) == 0 || bytes.IndexByte(value, '=') >= 0 {
			return unrendered("the result is not a form: want name=value&name=value")
		}
		for i, c := range pair {
			switch {
			case c == '%':
				if i+2 >= len(pair) || !isHex(pair[i+1]) || !isHex(pair[i+2]) {
					return unrendered("the result is not a form: a % is not followed by two hexadecimal digits")
				}
			case !isAlphanumeric(c) && bytes.IndexByte([]byte("-._~*+=[]"), c) < 0:
				return unrendered("the result is not a form: a character is not escaped")
			}
		}
	}
	return nil
}

// checkXML reads a document to its end: one root element, and no DTD, which
// could make entities of its own.
func checkXML(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not UTF-8") }
	depth, roots := 0, 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return unrendered("the result is not well-formed XML")
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return unrendered("the XML has a document type")
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return unrendered("the XML has text outside its root")
			}
		}
	}
	if roots != 1 {
		return unrendered("the XML has not one root")
	}
	return nil
}
