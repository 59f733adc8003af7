package audit

import (
	"slices"
	"unicode/utf8"
)

// writer writes the subset of RFC 8785 that records use: objects of text.
type writer struct {
	buf     []byte
	invalid bool // some text was not UTF-8
}

// record writes the whole record. RFC 8785 §3.2.3: keys sorted, no white space.
func (w *writer) record(r *Record) {
	w.field(`{"actor":{"id":`, r.Actor.ID)
	w.field(`,"kind":`, r.Actor.Kind)
	w.raw(`},"at":"`)
	w.buf = r.At.UTC().AppendFormat(w.buf, timeLayout)
	w.raw(`","details":`)
	w.texts(r.Details)
	w.field(`,"id":`, r.ID)
	w.field(`,"merchant":`, r.Merchant)
	w.field(`,"mode":`, r.Mode)
	w.field(`,"object":`, r.Object)
	w.field(`,"origin":{"ip":`, r.Origin.IP)
	w.field(`,"node":`, r.Node)
	w.field(`,"request":`, r.Origin.Request)
	w.field(`},"outcome":`, string(r.Outcome))
	w.field(`,"salt":`, r.Salt)
	w.field(`,"type":`, string(r.Type))
	w.raw(`,"v":1}`)
}

func (w *writer) raw(s string) { w.buf = append(w.buf, s...) }

// field writes what stands before a text, and the text.
func (w *writer) field(before, s string) {
	w.raw(before)
	w.text(s)
}

// texts writes an object. The keys are ASCII, so that the order of bytes is
// that of UTF-16 code units, which RFC 8785 §3.2.3 wants.
func (w *writer) texts(m map[string]string) {
	keys := make([]string, 0, 8)
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	w.raw("{")
	for i, key := range keys {
		if i > 0 {
			w.raw(",")
		}
		w.text(key)
		w.field(":", m[key])
	}
	w.raw("}")
}

// text writes a JSON string as RFC 8785 §3.2.2.2 wants it.
func (w *writer) text(s string) {
	if !utf8.ValidString(s) {
		w.invalid = true
		return
	}
	w.raw(`"`)
	done := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			w.raw(s[done:i])
			w.escape(c)
			done = i + 1
		}
	}
	w.raw(s[done:])
	w.raw(`"`)
}

func (w *writer) escape(c byte) {
	switch c {
	case '"', '\\':
		w.buf = append(w.buf, '\\', c)
	case '\b':
		w.raw(`\b`)
	case '\t':
		w.raw(`\t`)
	case '\n':
		w.raw(`\n`)
	case '\f':
		w.raw(`\f`)
	case '\r':
		w.raw(`\r`)
	default:
		w.buf = append(w.buf, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
	}
}
