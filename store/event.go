package store

import "context"

// Event is one audit record. Body is canonical JSON, final once written; see
// vault/audit/FORMAT.md.
type Event struct {
	ID   string // evnt_ + 24; the order of ids is the order of time, to the millisecond
	At   int64
	Type string // e.g. "token.create", for filtering
	Body []byte // canonical JSON, at most 16 KiB
	Leaf []byte // RFC 6962 leaf hash of Body, 32 bytes
}

// EventReader reads the audit log.
type EventReader interface {
	// Events returns up to limit rows with an id above after, by id. A limit
	// outside 1..1000 is an error.
	Events(ctx context.Context, after string, limit int) ([]Event, error)
}

// EventWriter appends to the audit log. There is no update and no delete.
type EventWriter interface {
	// AppendEvent adds a row. ErrConflict if the id exists.
	AppendEvent(ctx context.Context, e *Event) error
}
