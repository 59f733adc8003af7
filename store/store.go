// Package store is the storage seam: what is kept, and what a backend must
// guarantee about it.
//
// Rows are plain text, bytes and integers. The package cannot import
// vault/card, so no storage code can hold a PAN: what reaches it is already
// sealed. Methods speak of cards and keys, never of SQL.
//
// Times are microseconds since the Unix epoch, UTC; 0 means "never". Booleans
// are Go bools here and 0/1 in the database.
package store

import "context"

// Store is a transactional store. It is safe for concurrent use.
type Store interface {
	// View runs fn on a consistent snapshot. The error of fn is returned as it
	// is. The Reader must not be used after fn returns.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in a serializable transaction and returns only when its
	// writes are durable, or with an error when none of them happened. fn may
	// share one commit with others, and must not block on anything but the Tx.
	// If fn returns an error its writes are undone and the error is returned
	// as it is. Backends that cannot commit for a passing reason return
	// ErrUnavailable; fn may run again after a serialization failure, so it
	// must have no effect besides its writes and its own results.
	Update(ctx context.Context, fn func(Tx) error) error

	// Check reports whether the store can be read and written now; nil or
	// ErrUnavailable, ErrReadOnly, ErrFull, ErrCorrupt.
	Check(ctx context.Context) error

	// Scrub removes overwritten and deleted bytes from the files the backend
	// controls (for SQLite: from the space inside pages, and from the
	// write-ahead log by a checkpoint that truncates it).
	Scrub(ctx context.Context) error

	// Close waits for running transactions and releases the store.
	Close() error
}

// Reader is what may be read, one role for each kind of row.
type Reader interface {
	CardReader
	CustomerReader
	FingerprintReader
	MerchantReader
	APIKeyReader
	WorkingKeyReader
	EventReader
	IdempotencyReader
	ImportReader
	ApprovalReader
	RevealReader
	RetentionReader
	SearchReader
	ForwardReader
	LedgerReader
	ChargeReader
	KeyVersionReader
	KeyUseReader
	KeyJobReader
	NodeReader
}

// Tx is what may be read and written.
type Tx interface {
	Reader
	CardWriter
	CustomerWriter
	FingerprintWriter
	MerchantWriter
	APIKeyWriter
	WorkingKeyWriter
	EventWriter
	IdempotencyWriter
	ImportWriter
	ApprovalWriter
	ForwardWriter
	ChargeWriter
	RevealWriter
	KeyVersionWriter
	KeyJobWriter
	NodeWriter
}
