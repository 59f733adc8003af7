package store

import "context"

// KeyUse is what one version of a key protects.
type KeyUse struct {
	Cards int // that are not destroyed
	// OldestCreated is the creation time of the card with the lowest id. That
	// is the oldest to within the time that ids are drawn ahead of their cards.
	OldestCreated int64
}

// KeyUseReader finds cards by the keys that protect them. Destroyed cards are
// protected by none. The cost of a page is that of its rows, however many other
// cards there are; the order is that of ids, and pages go on after the last id
// of the one before.
type KeyUseReader interface {
	// CountCardsByKEK counts the cards of a mode by the KEK version that wrapped
	// their data key. It reads an index over all of them.
	CountCardsByKEK(ctx context.Context, live bool) (map[uint32]KeyUse, error)
	// CardsOfKEK returns cards of a mode above an id whose data key was wrapped
	// by a version lower than below, at most limit.
	CardsOfKEK(ctx context.Context, live bool, below uint32, after string, limit int) ([]Card, error)
	// CardsOfGeneration returns cards of a mode above an id whose data key is of
	// a generation lower than below, at most limit. If createdBefore is not 0,
	// only those whose id, and so their first data key, was drawn before that
	// time.
	CardsOfGeneration(ctx context.Context, live bool, below uint32, createdBefore int64, after string, limit int) ([]Card, error)
	// CardOfFingerprint returns a card with this FingerprintID that is not
	// destroyed. ErrNotFound.
	CardOfFingerprint(ctx context.Context, id string) (Card, error)
}
