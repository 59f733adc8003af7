package cardfile

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/internal/inplace"
)

const (
	maxLevel  = 4    // of objects and arrays, the record itself being the first
	maxValues = 1100 // of a record: metadata that the vault takes has 1000, an export some more
)

// newParser is as deep as the metadata that the vault takes: it writes a
// customer's one level further down than its API reads it, which takes 8.
func newParser() inplace.Parser { return inplace.Parser{Depth: 9, Values: maxValues} }

// parseJSON takes the values of a record from its line.
func (r *Reader) parseJSON(b []byte) (problem, err error) {
	v, err := r.parser.Parse(b)
	if err != nil {
		problem = problemOf(err)
		if !utf8.Valid(r.rec.Raw) {
			problem = problemUTF8
		}
		return problem, r.refuse(sensitiveKey(r.rec.Raw)) // else a reject file would keep it
	}
	if err := r.refuse(sensitiveRecord(v)); err != nil {
		return nil, err
	}
	if tooDeep(v, 1) {
		return problemTooDeep, nil
	}
	if problem := r.takeObject(v, true); problem != nil {
		return problem, nil
	}
	split := r.given[expiration] && !(r.given[month] && r.given[year])
	return r.rec.fill(&r.values, split), nil
}

func (r *Reader) refuse(name string) error {
	if name == "" {
		return nil
	}
	return fmt.Errorf("key %s on line %d: %w", name, r.rec.Line, ErrSensitive)
}

func problemOf(err error) Problem {
	switch {
	case errors.Is(err, inplace.ErrDuplicate):
		return problemDuplicate
	case errors.Is(err, inplace.ErrTooMany):
		return problemTooMany
	case errors.Is(err, inplace.ErrTooDeep):
		return problemTooDeep
	}
	return problemJSON
}

// takeObject takes what a record says, or what the card within it says.
func (r *Reader) takeObject(v inplace.Value, outer bool) error {
	for i := range v.Fields {
		f := &v.Fields[i]
		n := newName(f.Name)
		what, object := n.field(), f.Value.Kind == inplace.Object
		if what == email && !outer {
			what = cardEmail
		}
		var problem error
		switch {
		case what == unknown:
		case object && outer && n.is("card"):
			problem = r.takeObject(f.Value, false)
		case object && what == customer:
			problem = r.takeCustomer(f.Value)
		default:
			problem = r.take(what, f.Value)
		}
		if problem != nil {
			return problem
		}
	}
	return nil
}

// takeCustomer takes what a record says of its customer: of all that it may say
// only what a card's file has room for.
func (r *Reader) takeCustomer(v inplace.Value) error {
	for i := range v.Fields {
		f := &v.Fields[i]
		n := newName(f.Name)
		what := n.field()
		if n.is("id") || n.is("reference") {
			what = customer
		}
		if what != customer && what != email && what != description {
			continue
		}
		if problem := r.take(what, f.Value); problem != nil {
			return problem
		}
	}
	return nil
}

// take takes a value: text, or a number that is written as digits alone.
func (r *Reader) take(f field, v inplace.Value) error {
	switch {
	case v.Kind == inplace.Null:
		return nil
	case v.Kind != inplace.Text && (v.Kind != inplace.Number || !digits(v.Bytes)):
		return wrongType(f)
	case r.given[f]:
		return givenTwice(f)
	}
	r.values[f], r.given[f] = v.Bytes, true
	return nil
}

// tooDeep reports whether objects and arrays nest further than maxLevel, but for
// metadata, which nobody here reads.
func tooDeep(v inplace.Value, level int) bool {
	if level > maxLevel && (v.Kind == inplace.Object || v.Kind == inplace.Array) {
		return true
	}
	for i := range v.Fields {
		if string(v.Fields[i].Name) != "metadata" && tooDeep(v.Fields[i].Value, level+1) {
			return true
		}
	}
	for i := range v.Items {
		if tooDeep(v.Items[i], level+1) {
			return true
		}
	}
	return false
}
