package httpapi

// kind is the JSON type of a value; form values are text.
type kind byte

const (
	absent kind = iota
	null
	text
	number
	boolean
	object
	array
)

// value is one request parameter. Its bytes alias the request's buffer, which
// is wiped when the request ends: nothing of it is kept.
type value struct {
	kind   kind
	bytes  []byte // text (unescaped), number literal, true or false
	fields []field
	items  []value
}

type field struct {
	name  []byte
	value value
}

// get returns the named field of an object, an absent value if there is none
// or v is no object.
func (v value) get(name string) value {
	for i := range v.fields {
		if string(v.fields[i].name) == name {
			return v.fields[i].value
		}
	}
	return value{}
}

// scalar returns the bytes of a text or a number, nil for null and absent. ok
// is false for any other type.
func (v value) scalar() (b []byte, ok bool) {
	switch v.kind {
	case absent, null:
		return nil, true
	case text, number:
		return v.bytes, true
	default:
		return nil, false
	}
}

// merge returns the union of two objects; where both have a field the first
// wins.
func merge(first, second value) value {
	out := value{kind: object, fields: first.fields}
	for _, f := range second.fields {
		if out.get(string(f.name)).kind == absent {
			out.fields = append(out.fields, f)
		}
	}
	return out
}
