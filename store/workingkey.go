package store

import "context"

// WorkingKey is a versioned 256-bit key that servers hold in memory: for
// fingerprints, profiles, row tags, API-key hashes. Stored wrapped by the work
// KEK, under a context that names purpose, mode and version.
type WorkingKey struct {
	Purpose    string // fingerprint, profile, integrity, apikey
	Mode       string // test, live, or all
	Version    uint32 // from 1
	State      string // active, decrypt-only, retired, destroyed
	KEKVersion uint32
	Wrapped    []byte
	CreatedAt  int64
	Tag        []byte // 20 bytes over all other columns
}

// WorkingKeyReader reads working keys.
type WorkingKeyReader interface {
	// WorkingKeys lists all rows by purpose, mode and version.
	WorkingKeys(ctx context.Context) ([]WorkingKey, error)
}

// WorkingKeyWriter writes working keys.
type WorkingKeyWriter interface {
	// InsertWorkingKey adds a row. ErrConflict if purpose, mode and version exist.
	InsertWorkingKey(ctx context.Context, k *WorkingKey) error
	// UpdateWorkingKey writes State, KEKVersion, Wrapped and Tag of the row of
	// the same purpose, mode and version whose tag is was. ErrConflict if there
	// is none: somebody else changed it.
	UpdateWorkingKey(ctx context.Context, k *WorkingKey, was []byte) error
}
