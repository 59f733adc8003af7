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
	Tag        []byte // 20 bytes over all other columns
}

// FingerprintReader looks fingerprints up.
type FingerprintReader interface {
	// Fingerprint returns the row with this MAC. ErrNotFound.
	Fingerprint(ctx context.Context, mac []byte) (Fingerprint, error)
}

// FingerprintWriter writes fingerprints.
type FingerprintWriter interface {
	// InsertFingerprint adds a row. ErrConflict if the MAC exists.
	InsertFingerprint(ctx context.Context, f *Fingerprint) error
	// ReplaceFingerprint moves a row to the MAC of a newer key: old is the MAC
	// it has now. Only MAC, KeyVersion and Tag are taken from f; the surrogate
	// and the rest stay. ErrNotFound if no row has old, ErrConflict if another
	// has the new MAC.
	ReplaceFingerprint(ctx context.Context, old []byte, f *Fingerprint) error
}
