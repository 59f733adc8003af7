package store

import "context"

// Bounds say what is due for destruction: what lies before them. A zero bound
// lets nothing be due.
type Bounds struct {
	Lapsed       int64 // unused tokens whose ExpiresAt is at most this
	Used         int64 // used cards whose UsedAt is below this
	Spent        int64 // used cards of no customer whose UsedAt is below this
	ExpiredYear  int   // stored cards that expire before this year and month
	ExpiredMonth int
}

// RetentionCount is what a store keeps, and what of it is due.
type RetentionCount struct {
	Tokens int // unused tokens, lapsed ones included
	Stored int // cards of customers
	Lapsed int // due by each of Bounds
	Used   int
	Spent  int
	Past   int
	Oldest int64 // ExpiresAt of the token that lapsed first and is still here; 0 for none
}

// RetentionReader finds what must not be kept any longer.
type RetentionReader interface {
	// LapsedTokens returns unused tokens whose ExpiresAt is at most at, oldest
	// first.
	LapsedTokens(ctx context.Context, at int64, limit int) ([]Card, error)
	// UnusedCards returns cards that were last used before a time, oldest first.
	UnusedCards(ctx context.Context, before int64, limit int) ([]Card, error)
	// SpentCards returns cards of no customer that were last used before a
	// time, oldest first.
	SpentCards(ctx context.Context, before int64, limit int) ([]Card, error)
	// ExpiredCards returns cards of customers that expire before a month,
	// those that expired first at the head.
	ExpiredCards(ctx context.Context, year, month, limit int) ([]Card, error)
	// CountRetention counts what is kept and what is due.
	CountRetention(ctx context.Context, b Bounds) (RetentionCount, error)
}
