package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// timeLayout is RFC 3339 with exactly six digits of fraction.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Record is an event with all that makes it final.
type Record struct {
	Event
	ID   string
	At   time.Time // UTC, whole microseconds
	Node string
	Salt string // 32 hex digits
}

// Encode returns the canonical bytes of the record. ErrRecord if a value is
// not valid UTF-8, a required one is empty, or the whole exceeds MaxRecord.
func (r Record) Encode() ([]byte, error) {
	if !r.Type.Known() {
		return nil, fmt.Errorf("%w: unknown type", ErrRecord)
	}
	switch r.Outcome {
	case OK, Denied, Failed:
	default:
		return nil, fmt.Errorf("%w: unknown outcome", ErrRecord)
	}
	if r.Actor.Kind == "" {
		return nil, fmt.Errorf("%w: no actor", ErrRecord)
	}
	w := writer{buf: make([]byte, 0, 512)}
	w.object(
		"actor", func() { w.texts(map[string]string{"id": r.Actor.ID, "kind": r.Actor.Kind}) },
		"at", func() { w.text(r.At.UTC().Format(timeLayout)) },
		"details", func() { w.texts(r.Details) },
		"id", func() { w.text(r.ID) },
		"merchant", func() { w.text(r.Merchant) },
		"mode", func() { w.text(r.Mode) },
		"object", func() { w.text(r.Object) },
		"origin", func() {
			w.texts(map[string]string{"ip": r.Origin.IP, "node": r.Node, "request": r.Origin.Request})
		},
		"outcome", func() { w.text(string(r.Outcome)) },
		"salt", func() { w.text(r.Salt) },
		"type", func() { w.text(string(r.Type)) },
		"v", func() { w.buf = append(w.buf, '1') },
	)
	if w.invalid {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrRecord)
	}
	if len(w.buf) > MaxRecord {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrRecord, MaxRecord)
	}
	return w.buf, nil
}

// Decode reads a record back. It accepts exactly the bytes that Encode writes:
// anything else is ErrRecord.
func Decode(body []byte) (Record, error) {
	var raw struct {
		Actor    struct{ ID, Kind string }
		At       string
		Details  map[string]string
		ID       string
		Merchant string
		Mode     string
		Object   string
		Origin   struct{ IP, Node, Request string }
		Outcome  Outcome
		Salt     string
		Type     Type
		V        int
	}
	if err := json.Unmarshal(body, &raw); err != nil || raw.V != 1 {
		return Record{}, fmt.Errorf("%w: not a version 1 record", ErrRecord)
	}
	at, err := time.Parse(timeLayout, raw.At)
	if err != nil {
		return Record{}, fmt.Errorf("%w: time", ErrRecord)
	}
	r := Record{
		Event: Event{
			Type: raw.Type, Outcome: raw.Outcome,
			Actor:    Actor(raw.Actor),
			Origin:   Origin{IP: raw.Origin.IP, Request: raw.Origin.Request},
			Merchant: raw.Merchant, Mode: raw.Mode, Object: raw.Object, Details: raw.Details,
		},
		ID: raw.ID, At: at.UTC(), Node: raw.Origin.Node, Salt: raw.Salt,
	}
	again, err := r.Encode()
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(again, body) {
		return Record{}, fmt.Errorf("%w: not canonical", ErrRecord)
	}
	return r, nil
}

// writer writes the subset of RFC 8785 that records use: objects of text.
type writer struct {
	buf     []byte
	invalid bool
}

// object writes pairs of a key and a function that writes its value. The keys
// must be ASCII and sorted.
func (w *writer) object(pairs ...any) {
	w.buf = append(w.buf, '{')
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.text(pairs[i].(string))
		w.buf = append(w.buf, ':')
		pairs[i+1].(func())()
	}
	w.buf = append(w.buf, '}')
}

func (w *writer) texts(m map[string]string) {
	w.buf = append(w.buf, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.text(k)
		w.buf = append(w.buf, ':')
		w.text(m[k])
	}
	w.buf = append(w.buf, '}')
}

// text writes a JSON string as RFC 8785 §3.2.2.2 wants it.
func (w *writer) text(s string) {
	if !utf8.ValidString(s) {
		w.invalid = true
		return
	}
	const hex = "0123456789abcdef"
	w.buf = append(w.buf, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.buf = append(w.buf, '\\', c)
		case c >= 0x20:
			w.buf = append(w.buf, c)
		case c == '\b':
			w.buf = append(w.buf, '\\', 'b')
		case c == '\t':
			w.buf = append(w.buf, '\\', 't')
		case c == '\n':
			w.buf = append(w.buf, '\\', 'n')
		case c == '\f':
			w.buf = append(w.buf, '\\', 'f')
		case c == '\r':
			w.buf = append(w.buf, '\\', 'r')
		default:
			w.buf = append(w.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	w.buf = append(w.buf, '"')
}
