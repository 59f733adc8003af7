package inplace

// Kind is the type of a value.
type Kind byte

// The kinds. Absent is the zero Value: no such field.
const (
	Absent Kind = iota
	Null
	Text
	Number
	Boolean
	Object
	Array
)

// Value is one value of a text that was parsed. Its slices alias the text's
// buffer, whose owner wipes it: nothing of a value may be kept beyond that. A
// Value may be read by several goroutines at once.
type Value struct {
	Kind   Kind
	Bytes  []byte // text (unescaped), number literal, true or false
	Fields []Field
	Items  []Value
}

// Field is a named value of an object.
type Field struct {
	Name  []byte
	Value Value
}

// Get returns the named field of an object, an absent value if there is none
// or v is no object.
func (v Value) Get(name string) Value {
	for i := range v.Fields {
		if string(v.Fields[i].Name) == name {
			return v.Fields[i].Value
		}
	}
	return Value{}
}

// Scalar returns the bytes of a text or a number, nil for null and absent. ok
// is false for any other type.
func (v Value) Scalar() (b []byte, ok bool) {
	switch v.Kind {
	case Absent, Null:
		return nil, true
	case Text, Number:
		return v.Bytes, true
	default:
		return nil, false
	}
}
