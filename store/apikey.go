package store

import "context"

// APIKey is one credential. Only a keyed hash of the secret is stored.
type APIKey struct {
	ID        string // akey_ + 24: names the key without revealing it
	Hash      []byte // HMAC-SHA-256 of the secret under the pepper, 32 bytes; unique
	Merchant  string // "" for keys of operators
	Kind      string // public, secret, operator
	Live      bool
	Label     string // what the key is for, or the operator's name
	Hint      string // last four characters of the secret
	CreatedAt int64
	RevokedAt int64  // 0 while valid
	LastUsed  int64  // to the minute; not covered by Tag
	Tag       []byte // 20 bytes over all other columns but LastUsed
}

// APIKeyReader reads API keys.
type APIKeyReader interface {
	// APIKeyByHash returns the row with this hash, revoked or not. ErrNotFound.
	APIKeyByHash(ctx context.Context, hash []byte) (APIKey, error)
	// APIKey returns the row with this id. ErrNotFound.
	APIKey(ctx context.Context, id string) (APIKey, error)
	// APIKeys lists the keys of one merchant ("" for operators), oldest first.
	APIKeys(ctx context.Context, merchant string) ([]APIKey, error)
}

// APIKeyWriter writes API keys.
type APIKeyWriter interface {
	// InsertAPIKey adds a row. ErrConflict if the id or the hash exists.
	InsertAPIKey(ctx context.Context, k *APIKey) error
	// UpdateAPIKey replaces the row with the same id, but for LastUsed.
	// ErrNotFound, or ErrConflict if another row has the hash.
	UpdateAPIKey(ctx context.Context, k *APIKey) error
	// TouchAPIKey raises LastUsed; a lower value or an unknown id is a no-op.
	TouchAPIKey(ctx context.Context, id string, at int64) error
}
