package forward

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789ABCDEF"

func itoa(n int) string { return strconv.Itoa(n) }

// escape makes of a value what can stand where the output is.
func (o *output) escape(v any) (string, error) {
	switch v := v.(type) {
	case marker:
		return o.marker(v)
	case verbatim:
		if v.json && o.where != inText {
			return "", unrendered("json stands inside a string")
		}
		return o.bare(v.text)
	case string:
		return o.quoted(v)
	case json.Number:
		if !isJSONNumber(string(v)) {
			return "", unrendered("a number is none")
		}
		return o.bare(string(v))
	case int:
		return o.bare(itoa(v))
	case bool:
		return o.bare(strconv.FormatBool(v))
	case nil:
		return "", unrendered("a value is missing")
	}
	return "", unrendered("a value is neither text, number nor boolean")
}

// marker writes a secret's place holder as it is.
func (o *output) marker(m marker) (string, error) {
	if o.kind == kindPath || o.kind == kindHeader {
		return "", unrendered("a secret stands outside the body")
	}
	if m != "" {
		o.markers++
	}
	return o.bare(string(m))
}

// bare passes text of letters, digits and JSON that needs no quotes.
func (o *output) bare(s string) (string, error) {
	switch o.kind {
	case kindJSON:
		return s, nil
	default:
		return o.quoted(s)
	}
}

// quoted escapes text of any characters.
func (o *output) quoted(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", unrendered("a value is not UTF-8")
	}
	switch o.kind {
	case kindJSON:
		if o.where != inString {
			return "", unrendered("a text stands outside quotes")
		}
		return escapeJSON(s), nil
	case kindForm, kindPath:
		return escapePercent(s), nil
	case kindXML:
		if o.where != inText && o.where != inDouble && o.where != inSingle {
			return "", unrendered("a value stands inside markup")
		}
		return escapeXML(s)
	case kindHeader:
		if !isHeaderValue([]byte(s)) {
			return "", unrendered("a header's value is not visible ASCII")
		}
		return s, nil
	}
	return "", unrendered("a value has no place")
}

// escapeJSON escapes a string's content. U+2028 and U+2029 end a line in some
// languages that JSON is pasted into.
func escapeJSON(s string) string {
	var b []byte
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f || r == '<' || r == '>' || r == '&' || r == 0x2028 || r == 0x2029:
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// escapePercent leaves RFC 3986's unreserved characters.
func escapePercent(s string) string {
	var b []byte
	for i := range len(s) {
		switch c := s[i]; {
		case isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// escapeXML escapes for text and for both kinds of attribute values. Characters
// that XML cannot hold at all are refused.
func escapeXML(s string) (string, error) {
	var b []byte
	for _, r := range s {
		switch {
		case r == '&' || r == '<' || r == '>' || r == '"' || r == '\'' || r == '\t' || r == '\n' || r == '\r':
			b = append(b, '&', '#')
			b = strconv.AppendInt(b, int64(r), 10)
			b = append(b, ';')
		case r < ' ' || r == 0xfffe || r == 0xffff:
			return "", unrendered("a value has a character that XML cannot hold")
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b), nil
}
