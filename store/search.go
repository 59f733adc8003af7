package store

import "context"

// CardFilter selects cards that are not destroyed. Zero fields select all,
// but for Mode.
type CardFilter struct {
	From, Below string // record ids: from From, included, to Below, excluded; "" for open
	Merchant    string
	Mode        int    // 1 live, 0 test, -1 both
	LastDigits  string // four digits
	Brand       string // response spelling
	Fingerprint []byte // the public surrogate, 32 bytes
}

// SearchReader finds cards by what is kept in clear. It reads every row
// between From and Below: bound them.
type SearchReader interface {
	// FindCards returns matching cards, newest first, at most limit.
	FindCards(ctx context.Context, f CardFilter, limit int) ([]Card, error)
	// CardWindow measures the n cards below an id, "" for the newest, in the
	// order of FindCards: it returns the id of the last of them and how many
	// there are, fewer than n at the end.
	CardWindow(ctx context.Context, below string, n int) (last string, count int, err error)
	// MerchantCards returns the cards of a merchant's mode above an id that are
	// not destroyed and not unused tokens, oldest first, at most limit.
	MerchantCards(ctx context.Context, merchant string, live bool, above string, limit int) ([]Card, error)
}
