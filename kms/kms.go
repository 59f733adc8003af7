// Package kms is the seam to whatever holds the key-encryption keys (KEKs):
// HashiCorp Vault transit in production, a sealed keyring file in development
// and small installs.
//
// It promises that a wrapped key opens only under the KEK and the context it
// was wrapped with, that every failure is one of the sentinels in errors.go,
// and that no error, log line or String method ever carries key material.
//
// It must never see card data. Only data keys and working keys pass through
// it, and it imports no other package of this module.
package kms

import (
	"context"
	"time"
)

// Key names one key-encryption key by what it protects. Backends map it to a
// name of their own ("panvault-card-live" in transit).
type Key string

// The KEKs a deployment has. Test and live cards never share one (PCI DSS
// 3.6.1.1).
const (
	CardTest Key = "card-test" // wraps the data keys of test-mode cards
	CardLive Key = "card-live" // wraps the data keys of live-mode cards
	Work     Key = "work"      // wraps working keys: fingerprint, profile, integrity, API-key pepper
)

// Keys lists every KEK, in a fixed order.
func Keys() []Key { return []Key{CardTest, CardLive, Work} }

// Limits that every backend enforces, chosen so that the same call works on
// Vault (10,000 array elements, 32 MiB) and OpenBao (1,000 JSON strings).
const (
	MaxBatch     = 128  // items in one call
	MaxPlaintext = 64   // bytes in one wrapped key: data and working keys are 32
	MaxContext   = 256  // bytes of derivation context
	MaxWrapped   = 1024 // bytes of one wrapped blob
)

// KMS wraps and unwraps keys. Implementations are safe for concurrent use.
//
// A call returns an error when nothing of it was done; otherwise it returns
// exactly one result an item, in order, and each result carries its own error.
type KMS interface {
	// Wrap encrypts each plaintext under the newest version of key, bound to
	// its context. Call errors: ErrInvalid, ErrDenied, ErrKeyMissing,
	// ErrUnavailable. Item errors: ErrInvalid.
	Wrap(ctx context.Context, key Key, items []WrapItem) ([]WrapResult, error)

	// Unwrap decrypts each blob. Call errors as for Wrap. Item errors:
	// ErrTampered (forged, moved to another context, or wrapped by another
	// key), ErrVersionRetired, ErrInvalid. The caller wipes each plaintext.
	Unwrap(ctx context.Context, key Key, items []UnwrapItem) ([]UnwrapResult, error)

	// Describe reports a key's versions and safety attributes, never key
	// material. Errors: ErrKeyMissing, ErrDenied, ErrUnavailable.
	Describe(ctx context.Context, key Key) (Description, error)

	// Check reports whether the backend can serve now: nil, ErrUnavailable
	// (sealed, unreachable) or ErrDenied (the identity is no longer accepted).
	Check(ctx context.Context) error

	// Close releases connections, timers and key material. The backend must
	// not be used afterwards.
	Close() error
}

// WrapItem is one key to wrap.
type WrapItem struct {
	Plaintext []byte // 1..MaxPlaintext bytes; not retained, not modified
	Context   []byte // 1..MaxContext bytes; needed again to unwrap
}

// WrapResult is the outcome for one WrapItem.
type WrapResult struct {
	Wrapped []byte // opaque ASCII, e.g. "vault:v1:…"; at most MaxWrapped bytes
	Version uint32 // KEK version used, from 1
	Err     error
}

// UnwrapItem is one wrapped key to open.
type UnwrapItem struct {
	Wrapped []byte
	Context []byte // exactly as given to Wrap
	Event   string // id of the audit event that justifies the call; "" at start-up
}

// UnwrapResult is the outcome for one UnwrapItem.
type UnwrapResult struct {
	Plaintext []byte
	Err       error
}

// Description is what may be known about a KEK without its material.
type Description struct {
	Key          Key
	Name         string               // the backend's own name for it
	Latest       uint32               // newest version, from 1
	MinAvailable uint32               // versions below it are destroyed; 1 if none is
	MinDecrypt   uint32               // versions below it no longer unwrap
	MinEncrypt   uint32               // versions below it no longer wrap; 0 means the backend sets no floor
	Created      map[uint32]time.Time // creation time of each version that still unwraps
	Unsafe       []string             // why the key must not be used; empty when it is safe
}

// Versioner reads the KEK version out of a wrapped blob without opening it.
// Every backend implements it, so that rows can be counted per version.
type Versioner interface {
	// VersionOf returns ErrInvalid if the blob is not one of the backend's.
	VersionOf(wrapped []byte) (uint32, error)
}
