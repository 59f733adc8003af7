package store

import "context"

// Card is one vaulted card and the token it was created with: one row, one
// record id, shown as tokn_[test_]ID and card_[test_]ID.
//
// Tag authenticates the whole row, the wrapped key is bound to the id by the
// KMS, the sealed fields by their own AEAD; see vault/envelope/FORMAT.md.
type Card struct {
	ID       string // record id, IDLength characters
	Merchant string // mrch_ id of the owner
	Live     bool
	Customer string // record id of the owner once attached, else ""

	CreatedAt  int64 // time of tokenisation
	ExpiresAt  int64 // when an unused token lapses; 0 once used or destroyed
	UsedAt     int64 // when the card was last used; 0 while the token is unused
	AttachedAt int64 // when it was attached to Customer
	DeletedAt  int64 // when the record was destroyed

	Brand        string // response spelling, e.g. "MasterCard"
	LastDigits   string // four digits
	ExpiryMonth  int    // 1..12
	ExpiryYear   int    // four digits
	Fingerprint  []byte // the public surrogate, 32 random bytes
	ChargeStatus string // "unknown" until charged

	KEKVersion    uint32 // version that wrapped WrappedDEK, for counting
	DEKGeneration uint32 // from 1, raised by a rekey
	WrappedDEK    []byte // nil once destroyed
	SealedPAN     []byte // nil once destroyed
	SealedProfile []byte // holder's name, address, phone, email, issuer; nil once destroyed
	Tag           []byte // 20 bytes over every other column

	FingerprintID string // id of the Fingerprint of its number; "" once destroyed
	PaymentMethod string // random UUID, its reference at the PaymentOptions front; "" for none
}

// CardReader reads cards.
type CardReader interface {
	// Card returns the row with this record id, deleted or not, of any
	// merchant and mode: the caller checks both. ErrNotFound.
	Card(ctx context.Context, id string) (Card, error)
	// CardOfPaymentMethod returns the row with this PaymentMethod, of any
	// merchant and mode: the caller checks both. ErrNotFound.
	CardOfPaymentMethod(ctx context.Context, id string) (Card, error)
	// CustomerCards lists a customer's cards that are not deleted.
	CustomerCards(ctx context.Context, customer string, p Page) ([]Card, error)
	// CountCustomerCards counts what CustomerCards would list without Offset
	// and Limit.
	CountCustomerCards(ctx context.Context, customer string, p Page) (int, error)
	// NewestCard returns the card that was attached to a customer last and is
	// not deleted. ErrNotFound.
	NewestCard(ctx context.Context, customer string) (Card, error)
}

// CardWriter writes cards.
type CardWriter interface {
	// InsertCard adds a row. ErrConflict if the id exists; an error that is no
	// sentinel if the merchant does not.
	InsertCard(ctx context.Context, c *Card) error
	// UpdateCard replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateCard(ctx context.Context, c *Card, was []byte) error
	// UpdateCardKeys writes what a change of keys changes of the row with the
	// same id whose tag is was: KEKVersion, DEKGeneration, WrappedDEK,
	// SealedPAN, SealedProfile and Tag. It costs less than UpdateCard.
	// ErrConflict as there.
	UpdateCardKeys(ctx context.Context, c *Card, was []byte) error
}
