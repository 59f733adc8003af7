package store

import "context"

// Idempotency remembers a request that was made with an idempotency key, for as
// long as a repetition gets the same answer. Neither key nor request is kept:
// both are keyed hashes.
type Idempotency struct {
	ID        []byte // keyed hash of merchant, mode, endpoint and the client's key, 32 bytes
	Request   []byte // keyed hash of the request, 32 bytes
	Merchant  string
	Live      bool
	Customer  string // record id of the customer that Answer is about; "" for none
	CreatedAt int64
	ExpiresAt int64  // when it is forgotten; in flight: when it counts as abandoned
	Status    int    // of the answer; 0 while in flight, 404 once what it is about was destroyed
	Answer    []byte // sealed; nil for these two
	Tag       []byte // 20 bytes over all other columns
}

// IdempotencyReader looks idempotency keys up.
type IdempotencyReader interface {
	// Idempotency returns the row with this id. ErrNotFound.
	Idempotency(ctx context.Context, id []byte) (Idempotency, error)
	// CustomerAnswers lists the rows whose answer is about a customer.
	CustomerAnswers(ctx context.Context, customer string) ([]Idempotency, error)
}

// IdempotencyWriter writes idempotency keys.
type IdempotencyWriter interface {
	// InsertIdempotency adds a row. ErrConflict if the id exists.
	InsertIdempotency(ctx context.Context, i *Idempotency) error
	// UpdateIdempotency replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateIdempotency(ctx context.Context, i *Idempotency, was []byte) error
	// DeleteIdempotency removes the row with this id and tag, if there is one.
	DeleteIdempotency(ctx context.Context, id, tag []byte) error
	// DeleteIdempotencyBefore removes rows that expire before a time and
	// returns how many; at most limit.
	DeleteIdempotencyBefore(ctx context.Context, before int64, limit int) (int, error)
}
