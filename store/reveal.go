package store

import "context"

// Reveal is a request to see a stored card. It holds nothing of the card.
type Reveal struct {
	ID        string // rvel_ + 24
	APIKey    string // akey_ id of who asked
	Merchant  string // mrch_ id, must exist
	Live      bool
	Card      string // record id of the card, 24
	Fields    string // what was asked for, separated by commas; 1..255 bytes
	Outcome   string // how it stands, e.g. "opened"; 1..32 bytes
	CreatedAt int64
	CountedAt int64  // when it counts from: CreatedAt, or later if it waited
	Tag       []byte // 20 bytes over all other columns
}

// RevealReader reads reveals.
type RevealReader interface {
	// Reveal returns one row. ErrNotFound.
	Reveal(ctx context.Context, id string) (Reveal, error)
	// Reveals lists the rows of a key that count from after since, those that
	// count from last first, at most limit.
	Reveals(ctx context.Context, apiKey string, since int64, limit int) ([]Reveal, error)
}

// RevealWriter writes reveals.
type RevealWriter interface {
	// InsertReveal adds a row. ErrConflict if the id exists.
	InsertReveal(ctx context.Context, r *Reveal) error
	// UpdateReveal writes outcome and CountedAt of the row with the same id whose
	// tag is was. ErrConflict if there is none: somebody else changed it.
	UpdateReveal(ctx context.Context, r *Reveal, was []byte) error
}
