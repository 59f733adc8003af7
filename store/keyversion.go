package store

import "context"

// KeyState is where a key version is in its life.
type KeyState string

// The states, in their order (NIST SP 800-57 part 1 §7).
const (
	KeyPlanned     KeyState = "planned"      // exists and protects nothing yet
	KeyActive      KeyState = "active"       // protects what is written
	KeyDecryptOnly KeyState = "decrypt-only" // opens what it protected
	KeyRetired     KeyState = "retired"      // used for nothing; could be brought back
	KeyDestroyed   KeyState = "destroyed"    // gone
)

// KeyVersion is the life of one version of one key: a row of the ledger of
// keys. It outlives the version.
type KeyVersion struct {
	Key           string // e.g. "card-live", "work", "fingerprint/live"; 1..64 runes
	Version       uint32 // from 1
	State         KeyState
	Suspect       bool  // somebody may know it
	BornAt        int64 // the KMS's own creation time
	ActivatedAt   int64
	DeactivatedAt int64 // when it stopped to protect what is written
	RetiredAt     int64
	DestroyedAt   int64  // set in KeyDestroyed, and only there
	ChangedBy     string // akey_ id or name of the process that changed it last; 1..255 runes
	Reason        string // for that change; up to 255 runes
	Canary        []byte // a known value under this version, 1..4096 bytes; nil for none
	Tag           []byte // 20 bytes over all other columns
}

// KeyVersionReader reads the ledger of keys.
type KeyVersionReader interface {
	// KeyVersions lists all rows by key and version.
	KeyVersions(ctx context.Context) ([]KeyVersion, error)
	// Epoch returns how many changes of keys there were, at the cost of one
	// row. It never falls, unless an older database is put back.
	Epoch(ctx context.Context) (int64, error)
}

// KeyVersionWriter writes the ledger of keys.
type KeyVersionWriter interface {
	// InsertKeyVersion adds a row. ErrConflict if key and version exist.
	InsertKeyVersion(ctx context.Context, k *KeyVersion) error
	// UpdateKeyVersion replaces the row of the same key and version whose tag
	// is was. ErrConflict if there is none: somebody else changed it.
	UpdateKeyVersion(ctx context.Context, k *KeyVersion, was []byte) error
	// BumpEpoch counts a change of keys and returns its epoch.
	BumpEpoch(ctx context.Context) (int64, error)
}
