package store

import "context"

// ForwardState is how far an attempt to send a request has come.
type ForwardState string

// The states. Nothing was written to a processor in Prepared and NotSent;
// something may have been in the others.
const (
	ForwardPrepared ForwardState = "prepared" // the card may be opened
	ForwardSending  ForwardState = "sending"  // the request is being written or answered
	ForwardAnswered ForwardState = "answered" // an answer came
	ForwardNotSent  ForwardState = "not_sent" // nothing was written: it can be tried again
	ForwardUnknown  ForwardState = "unknown"  // it may have been carried out
)

// Forward is one attempt to send a request to a processor: a row of the ledger.
type Forward struct {
	ID          string // record id, IDLength characters
	Merchant    string
	Live        bool
	Use         string // what for: forward, charge, capture, reverse or payment
	Destination string // name, up to 64 bytes
	Card        string // record id; "" for requests without a card
	Token       bool   // the card was named by its token
	Charge      string // record id of the charge; "" for none
	Request     []byte // id of the Idempotency row, 32 bytes; nil for none
	State       ForwardState
	Reason      string // why it is not_sent or unknown, or what an answer lacks, in fixed words, up to 255 bytes
	Status      int    // of the answer; 0 without one
	Masked      int64  // places of the answer in which card data was masked
	CreatedAt   int64
	SentAt      int64 // when writing began
	EndedAt     int64
	LeaseUntil  int64  // when an attempt that has not ended counts as abandoned; 0 once ended
	VaultTime   int64  // microseconds until the request could be written, the processor's part left out
	AnswerTime  int64  // microseconds the processor took
	Tag         []byte // 20 bytes over all other columns
}

// ForwardReader reads the ledger.
type ForwardReader interface {
	// Forward returns the row with this record id, of any merchant and mode:
	// the caller checks both. ErrNotFound.
	Forward(ctx context.Context, id string) (Forward, error)
	// ForwardOfRequest returns the newest row that an idempotency key led to: a
	// key can be used anew once it is forgotten. ErrNotFound.
	ForwardOfRequest(ctx context.Context, request []byte) (Forward, error)
	// LastForward returns the newest row of a card. ErrNotFound.
	LastForward(ctx context.Context, card string) (Forward, error)
	// AbandonedForwards returns rows whose lease ended at or before at, oldest
	// lease first.
	AbandonedForwards(ctx context.Context, at int64, limit int) ([]Forward, error)
}

// LedgerReader looks at the ledger as a whole.
type LedgerReader interface {
	// Forwards lists the newest rows of a state, or of all for "", at most
	// limit. With the unknown ones come those whose answer has a Reason: it does
	// not say what became of the request.
	Forwards(ctx context.Context, state ForwardState, limit int) ([]Forward, error)
	// CountForwards counts the rows of each state.
	CountForwards(ctx context.Context) (map[ForwardState]int, error)
}

// ForwardWriter writes the ledger.
type ForwardWriter interface {
	// InsertForward adds a row. ErrConflict if the id exists.
	InsertForward(ctx context.Context, f *Forward) error
	// UpdateForward replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateForward(ctx context.Context, f *Forward, was []byte) error
}
