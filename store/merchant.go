package store

import "context"

// Merchant is a tenant. Its cards, keys and customers are invisible to others.
type Merchant struct {
	ID         string // mrch_ + 24
	Name       string // 1..255 runes
	CreatedAt  int64
	DisabledAt int64 // keys stop working from then on; 0 while enabled

	ShowFirstDigits bool   // answer with the first six digits of a card
	HideFingerprint bool   // answer public keys with an empty fingerprint
	TokenTTL        int64  // microseconds an unused token lives; 0 takes the server's default
	PaymentMID      string // the id that PaymentOptions requests must name, up to 255 bytes; "" for any
	Tag             []byte // 20 bytes over all other columns
}

// MerchantReader reads merchants.
type MerchantReader interface {
	// Merchant returns one row. ErrNotFound.
	Merchant(ctx context.Context, id string) (Merchant, error)
	// Merchants lists all rows, oldest first.
	Merchants(ctx context.Context) ([]Merchant, error)
}

// MerchantWriter writes merchants.
type MerchantWriter interface {
	// InsertMerchant adds a row. ErrConflict if the id exists.
	InsertMerchant(ctx context.Context, m *Merchant) error
	// UpdateMerchant replaces the row with the same id. ErrNotFound.
	UpdateMerchant(ctx context.Context, m *Merchant) error
}
