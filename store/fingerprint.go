package store

import "context"

// Fingerprint maps the keyed hash of one PAN of one merchant and mode to the
// random surrogate that callers see. The hash never leaves the store.
type Fingerprint struct {
	MAC        []byte // HMAC-SHA-256 of the PAN, 32 bytes; unique
	KeyVersion uint32 // of the fingerprint key that made MAC
	Merchant   string
	Live       bool
	Surrogate  []byte // 32 random bytes
	CreatedAt  int64
	ID         string // record id of the first card of this number; unique, "" in rows of before migration 2
	Cards      int64  // cards that name ID; the row goes with the last of them
	Tag        []byte // 20 bytes over all other columns
}

// FingerprintReader looks fingerprints up.
type FingerprintReader interface {
	// Fingerprint returns the row with this MAC. ErrNotFound.
	Fingerprint(ctx context.Context, mac []byte) (Fingerprint, error)
	// FingerprintByID returns the row with this id. ErrNotFound.
	FingerprintByID(ctx context.Context, id string) (Fingerprint, error)
	// CountFingerprintsByVersion counts the rows of a mode by key version. It
	// reads an index over all of them.
	CountFingerprintsByVersion(ctx context.Context, live bool) (map[uint32]int, error)
	// FingerprintsOfVersion returns rows of a mode with an ID above after, whose
	// MAC was made with a key version lower than below, in the order of ids, at
	// most limit. Rows without an ID are left out: no card names them.
	FingerprintsOfVersion(ctx context.Context, live bool, below uint32, after string, limit int) ([]Fingerprint, error)
}

// FingerprintWriter writes fingerprints.
type FingerprintWriter interface {
	// InsertFingerprint adds a row. ErrConflict if the MAC or the id exists.
	InsertFingerprint(ctx context.Context, f *Fingerprint) error
	// UpdateFingerprint replaces what can change of the row with the given MAC
	// and tag: MAC, KeyVersion, Cards and Tag are taken from f; the surrogate
	// and the rest stay. ErrConflict if there is none, or another row has the
	// new MAC.
	UpdateFingerprint(ctx context.Context, f *Fingerprint, mac, was []byte) error
	// DeleteFingerprint removes the row with this MAC and tag. ErrConflict if
	// there is none: somebody else changed it.
	DeleteFingerprint(ctx context.Context, mac, was []byte) error
}
