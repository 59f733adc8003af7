package forward

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"
)

// The functions that the checker appends; no template can name them, since they
// are not among the functions.
const (
	escaperName = "_escape"
	boundName   = "_bound"
)

const maxItems = 100 // of what is ranged over

// verbatim is a value that is written as it is: a number, or JSON.
type verbatim struct {
	text string
	json bool // a whole value, which cannot stand inside a string
}

// place is where in its text an output stands.
type place int

const (
	inText    place = iota // XML text; JSON outside strings
	inString               // a JSON string
	inEscape               // after a backslash in one
	inTag                  // XML markup outside attribute values
	inDouble               // a double-quoted attribute value
	inSingle               // a single-quoted one
	inSpecial              // a comment, CDATA section, instruction or declaration
)

// output collects what a template writes and knows where it stands, so that a
// value is escaped for its place or refused.
type output struct {
	kind    kind
	text    []byte
	left    int // bytes
	where   place
	since   int // where in text the markup started
	markers int // how many were written
}

// Write takes text of the template, and values that were escaped.
func (o *output) Write(b []byte) (int, error) {
	if o.left -= len(b); o.left < 0 {
		return 0, unrendered("the result is too long")
	}
	for _, c := range b {
		o.text = append(o.text, c)
		switch o.kind {
		case kindJSON:
			o.stepJSON(c)
		case kindXML:
			o.stepXML(c)
		}
	}
	return len(b), nil
}

func (o *output) stepJSON(c byte) {
	switch {
	case o.where == inEscape:
		o.where = inString
	case o.where == inString && c == '\\':
		o.where = inEscape
	case c == '"' && o.where == inString:
		o.where = inText
	case c == '"':
		o.where = inString
	}
}

func (o *output) stepXML(c byte) {
	markup := o.text[o.since:]
	switch o.where {
	case inText:
		if c == '<' {
			o.where, o.since = inTag, len(o.text)-1
		}
	case inTag:
		switch {
		case c == '>':
			o.where = inText
		case c == '"':
			o.where = inDouble
		case c == '\'':
			o.where = inSingle
		case (c == '!' || c == '?') && len(markup) == 2:
			o.where = inSpecial
		}
	case inDouble:
		if c == '"' {
			o.where = inTag
		}
	case inSingle:
		if c == '\'' {
			o.where = inTag
		}
	case inSpecial:
		end := ">"
		switch {
		case bytes.HasPrefix(markup, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(markup, []byte("<![CDATA[")):
			end = "]]>"
		case bytes.HasPrefix(markup, []byte("<?")):
			end = "?>"
		}
		if bytes.HasSuffix(markup, []byte(end)) && len(markup) > len(end)+2 {
			o.where = inText
		}
	}
}

// functions are the templates' functions, tied to this output.
func (o *output) functions() template.FuncMap {
	return template.FuncMap{
		"upper": changing(strings.ToUpper), "lower": changing(strings.ToLower),
		"default": orElse, "get": get, "number": number, "json": wholeJSON,
		escaperName: o.escape, boundName: bound,
	}
}

// blanks are the same names for parsing.
func blanks() template.FuncMap { return new(output).functions() }

// isFunction reports what a template may call.
func isFunction(name string) bool {
	switch name {
	case "upper", "lower", "default", "get", "number", "json", "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge":
		return true
	}
	return false
}

// changing makes a function of texts one of templates.
func changing(change func(string) string) func(any) (string, error) {
	return func(v any) (string, error) {
		switch v := v.(type) {
		case string:
			return change(v), nil
		case json.Number:
			return change(string(v)), nil
		}
		return "", unrendered("a value for upper or lower is no text")
	}
}

// orElse is the function default: the value, or the other if it is absent or "".
func orElse(other, v any) any {
	if v == nil || v == "" {
		return other
	}
	return v
}

// get is a field that may be missing: nil then. It takes a path of names.
func get(from any, names ...string) (any, error) {
	for _, name := range names {
		m, ok := from.(map[string]any)
		if !ok {
			return nil, nil
		}
		from = m[name]
	}
	return from, nil
}

// number is a value that is written as a bare number.
func number(v any) (verbatim, error) {
	s := ""
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = string(v)
	case int:
		return verbatim{text: itoa(v)}, nil
	}
	digits := s != "" && len(s) <= 32 && strings.Trim(s, "0123456789") == ""
	if !digits && (len(s) > 32 || !isJSONNumber(s)) {
		return verbatim{}, unrendered("a value for number is none")
	}
	return verbatim{text: s}, nil
}

// wholeJSON is a merchant's value, written as JSON.
func wholeJSON(v any) (verbatim, error) {
	left := maxFieldValues + 1
	if !checkFields(v, 0, &left) {
		return verbatim{}, unrendered("a value for json is none")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return verbatim{}, unrendered("a value for json is none")
	}
	return verbatim{text: string(b), json: true}, nil
}

// bound lets a range go over a list or an object of at most maxItems.
func bound(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		if len(v) <= maxItems {
			return v, nil
		}
	case map[string]any:
		if len(v) <= maxItems {
			return v, nil
		}
	default:
		return nil, unrendered("a value for range is no list")
	}
	return nil, unrendered("a list has too many items")
}
