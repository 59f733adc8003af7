package forward

import "slices"

// Limits of how deep is looked.
const (
	maxRounds = 5 // levels of escapes inside each other
	maxNested = 4 // levels of base64, base32, hexadecimal and lists
)

// finder looks for card data in one text and notes what to replace.
type finder struct {
	text  []byte
	form  form
	pan   []byte // nil if there is none to look for
	code  []byte
	first bool // first digits may stay
	keep  map[string]bool
	hits  *Hits

	known   *known
	leaves  []leaf // in order
	edits   []edit
	scratch [][]byte // decoded texts, to wipe

	chars *alphabets
	left  int // bytes that may be decoded still; below zero, not all was searched
}

// leaf is a part of a text that a replacement must not cross: a string's
// content or a number of JSON, a text or a tag of XML, a name or a value of a
// form.
type leaf struct {
	from, to int
	number   bool // a bare number of JSON
	float    bool // one with a fraction or an exponent
	name     bool // not a value: a member's name, a tag
	kept     bool // its digits may look like a card's
}

// edit replaces a part of the text.
type edit struct {
	from, to int
	with     string
	drop     bool // over the bounds of leaves, and of everything inside
}

func (f *finder) find() {
	f.known, f.chars = knownOf(f.pan), newAlphabets()
	f.left = decodedShare*len(f.text) + decodedLeast
	switch f.form {
	case formJSON:
		f.walkJSON()
	case formXML:
		f.walkXML()
	case formForm:
		f.walkForm()
	default:
		f.leaves = []leaf{{from: 0, to: len(f.text)}}
	}
	f.search(f.hold(viewOf(f.text, 0, len(f.text))), 0)
	if f.form != formText {
		values := f.values()
		f.number(f.hold(values), 0)
		f.encoded(values, 0)
		f.lists(values, 0)
		plain, _ := values.unescape()
		f.number(f.hold(plain), 0)
		f.encoded(plain, 0)
	}
}

// values are the leaves that are values, one after the other with a space
// before each: a number that is split over them has names or tags between its
// parts. What is to be masked already is two asterisks there, so that it is not
// taken for a part of another.
func (f *finder) values() view {
	done := merge(slices.Clone(f.edits))
	v := newView(len(f.text) + 2*len(done) + len(f.leaves))
	for _, l := range f.leaves {
		if l.name {
			continue
		}
		v.add(' ', int32(l.from), int32(l.from))
		for i := l.from; i < l.to; i++ {
			for len(done) > 0 && done[0].to <= i {
				done = done[1:]
			}
			if len(done) == 0 || i < done[0].from {
				v.add(f.text[i], int32(i), int32(i+1))
			} else if n := len(v.b); n < 2 || v.b[n-1] != '*' || v.b[n-2] != '*' {
				v.add('*', int32(i), int32(i+1))
				v.add('*', int32(i), int32(i+1))
			}
		}
	}
	return v
}

// hold remembers a view's text, to wipe it.
func (f *finder) hold(v view) view {
	f.scratch = append(f.scratch, v.b[:cap(v.b)])
	return v
}

func (f *finder) wipe() {
	for _, b := range f.scratch {
		clear(b)
	}
	if f.known != nil {
		f.known.wipe()
	}
}

// search looks through a view and what can be decoded from it.
func (f *finder) search(v view, nested int) {
	for range maxRounds {
		f.number(v, nested)
		f.encoded(v, nested)
		f.lists(v, nested)
		f.partlyMasked(v, nested)
		if q, ok := v.unquote(); ok {
			f.number(f.hold(q), nested)
		}
		if nested == 0 {
			f.others(v)
			f.firstDigits(v)
			f.codes(v)
		}
		next, changed := v.unescape()
		f.hold(next)
		if !changed {
			return
		}
		v = next
	}
	f.number(v, nested)
}

func (f *finder) add(from, to int, with string) {
	f.edits = append(f.edits, edit{from: from, to: to, with: with})
}

// leafAt returns the leaf that holds all of a part of the text.
func (f *finder) leafAt(from, to int) (leaf, bool) {
	i, found := slices.BinarySearchFunc(f.leaves, from, func(l leaf, at int) int { return l.from - at })
	if !found {
		i--
	}
	if i < 0 || f.leaves[i].to < to || f.leaves[i].from > from {
		return leaf{}, false
	}
	return f.leaves[i], true
}
