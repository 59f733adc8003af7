package store

import "context"

// ChargeState is what became of a charge.
type ChargeState string

// The states.
const (
	ChargePending    ChargeState = "pending"    // the processor has not decided, or its decision is not known
	ChargeAuthorized ChargeState = "authorized" // approved and not captured
	ChargeSuccessful ChargeState = "successful" // captured
	ChargeFailed     ChargeState = "failed"
	ChargeReversed   ChargeState = "reversed"
)

// Charge is a payment that a merchant asked for.
type Charge struct {
	ID          string // record id, IDLength characters
	Merchant    string
	Live        bool
	Card        string // record id
	Customer    string // record id of the card's owner; "" for a token's card
	Brand       string // of the card, as it was
	LastDigits  string // four digits, as they were
	Amount      int64  // in the currency's smallest unit, above 0
	Currency    string // three letters, as sent
	Capture     bool   // take the money at once
	State       ChargeState
	FailureCode string // of the processor, up to 255 bytes
	Reference   string // the processor's own, up to 255 bytes
	Attempt     string // record id of the Forward under way; "" for none
	Sealed      []byte // description, metadata, URIs, the processor's message
	CreatedAt   int64
	PaidAt      int64
	ReversedAt  int64
	Tag         []byte // 20 bytes over all other columns
}

// ChargeReader reads charges.
type ChargeReader interface {
	// Charge returns the row with this record id, of any merchant and mode:
	// the caller checks both. ErrNotFound.
	Charge(ctx context.Context, id string) (Charge, error)
	// Charges lists the charges of a merchant's mode.
	Charges(ctx context.Context, merchant string, live bool, p Page) ([]Charge, error)
	// CountCharges counts what Charges would list without Offset and Limit.
	CountCharges(ctx context.Context, merchant string, live bool, p Page) (int, error)
}

// ChargeWriter writes charges.
type ChargeWriter interface {
	// InsertCharge adds a row. ErrConflict if the id exists.
	InsertCharge(ctx context.Context, c *Charge) error
	// UpdateCharge replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateCharge(ctx context.Context, c *Charge, was []byte) error
}
