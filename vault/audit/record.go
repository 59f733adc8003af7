package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/panvault/panvault/store"
)

const (
	idPrefix   = "evnt_"
	saltSize   = 16                            // random bytes
	timeLayout = "2006-01-02T15:04:05.000000Z" // RFC 3339 with exactly six digits of fraction
	lowerHex   = "0123456789abcdef"
)

// Record is an event with all that makes it final.
type Record struct {
	Event
	ID   string    // evnt_ and 24 of [0-9a-z]
	At   time.Time // UTC, whole microseconds, years 0 to 9999
	Node string
	Salt string // 32 lower-case hex digits
}

// Encode returns the canonical bytes of the record. ErrRecord, which never
// quotes a value, if one breaks a rule of FORMAT.md, is not valid UTF-8, or the
// whole exceeds MaxRecord.
func (r Record) Encode() ([]byte, error) {
	if problem := r.problem(); problem != "" {
		return nil, fmt.Errorf("%w: %s", ErrRecord, problem)
	}
	w := writer{buf: make([]byte, 0, 640)}
	w.record(&r)
	if w.invalid {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrRecord)
	}
	if len(w.buf) > MaxRecord {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrRecord, MaxRecord)
	}
	return w.buf, nil
}

// problem says which rule the record's values break; "" if none.
func (r *Record) problem() string {
	switch {
	case !r.Type.Known():
		return "unknown type"
	case !r.Outcome.known():
		return "unknown outcome"
	case r.Actor.Kind == "":
		return "no actor"
	case !knownActor(r.Actor.Kind):
		return "unknown kind of actor"
	case r.Mode != "" && r.Mode != "test" && r.Mode != "live":
		return "unknown mode"
	case !validID(r.ID):
		return "id"
	case len(r.Salt) != 2*saltSize || strings.Trim(r.Salt, lowerHex) != "":
		return "salt"
	case r.At.UTC().Year() < 0 || r.At.UTC().Year() > 9999:
		return "time"
	}
	for key := range r.Details {
		if len(key) < 1 || len(key) > 32 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return "key of a detail"
		}
	}
	return ""
}

func knownActor(kind string) bool {
	switch kind {
	case "public", "secret", "reveal", "operator", "system", "unknown":
		return true
	}
	return false
}

func validID(id string) bool {
	suffix, ok := strings.CutPrefix(id, idPrefix)
	return ok && store.ValidID(suffix)
}

// Decode reads a record back. It accepts exactly the bytes that Encode writes:
// anything else is ErrRecord.
func Decode(body []byte) (Record, error) {
	if len(body) > MaxRecord {
		return Record{}, fmt.Errorf("%w: longer than %d bytes", ErrRecord, MaxRecord)
	}
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
	// Invariant: the reader above is lenient (case of keys, duplicates, unknown
	// keys, null, escapes), so only this comparison makes the form canonical.
	if !bytes.Equal(again, body) {
		return Record{}, fmt.Errorf("%w: not canonical", ErrRecord)
	}
	return r, nil
}
