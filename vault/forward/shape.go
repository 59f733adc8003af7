package forward

import "encoding/json"

// shape is what a template expects of a part of the merchant's fields, from how
// it uses it. It serves to make up values to try the template with.
type shape struct {
	names map[string]*shape // it is used as an object
	each  *shape            // it is ranged over
}

func (s *shape) field(name string) *shape {
	if s.names == nil {
		s.names = make(map[string]*shape)
	}
	if s.names[name] == nil {
		s.names[name] = &shape{}
	}
	return s.names[name]
}

func (s *shape) item() *shape {
	if s.each == nil {
		s.each = &shape{}
	}
	return s.each
}

// fields makes up an object.
func (s *shape) fields() map[string]any {
	m := make(map[string]any)
	for name, f := range s.names {
		m[name] = f.value()
	}
	return m
}

// value makes up a value: a number can stand inside quotes and outside.
func (s *shape) value() any {
	switch {
	case s.each != nil:
		return []any{s.each.value(), s.each.value()}
	case s.names != nil:
		return s.fields()
	}
	return json.Number("1")
}
