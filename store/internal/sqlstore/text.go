package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

// Text is the compiled SQL of every role. It is immutable and safe for
// concurrent use; a backend makes one when it opens.
type Text struct {
	cards        cardText
	customers    customerText
	fingerprints fingerprintText
	merchants    merchantText
	apiKeys      apiKeyText
	workingKeys  workingKeyText
	events       eventText
	idempotency  idempotencyText
	imports      importText
	approvals    approvalText
	reveals      revealText
	retention    retentionText
	search       searchText
	forwards     forwardText
	charges      chargeText
	keyVersions  keyVersionText
	keyUse       keyUseText
	keyJobs      keyJobText
	nodes        nodeText
}

// Compile writes the text in the dialect of a backend.
func Compile(d Dialect) *Text {
	return &Text{
		cards:        newCardText(d),
		customers:    newCustomerText(d),
		fingerprints: newFingerprintText(d),
		merchants:    newMerchantText(d),
		apiKeys:      newAPIKeyText(d),
		workingKeys:  newWorkingKeyText(d),
		events:       newEventText(d),
		idempotency:  newIdempotencyText(d),
		imports:      newImportText(d),
		approvals:    newApprovalText(d),
		reveals:      newRevealText(d),
		retention:    newRetentionText(d),
		search:       newSearchText(d),
		forwards:     newForwardText(d),
		charges:      newChargeText(d),
		keyVersions:  newKeyVersionText(d),
		keyUse:       newKeyUseText(d),
		keyJobs:      newKeyJobText(d),
		nodes:        newNodeText(d),
	}
}

// Reader reads through q. It lives as long as the transaction behind q and,
// like q, is used by one goroutine at a time. It implements store.Reader.
type Reader struct {
	text *Text
	q    Querier
}

// Tx reads and writes through q, under the same rules. It implements store.Tx.
type Tx struct {
	Reader
}

var (
	_ store.Reader = (*Reader)(nil)
	_ store.Tx     = (*Tx)(nil)
)

// Reader binds the text to the transaction behind q.
func (t *Text) Reader(q Querier) *Reader {
	return &Reader{text: t, q: q}
}

// Tx binds the text to the writing transaction behind q.
func (t *Text) Tx(q Querier) *Tx {
	return &Tx{Reader{text: t, q: q}}
}

// one runs a query for at most one row; scan copies it. ErrNotFound if there
// is none.
func (r *Reader) one(ctx context.Context, query string, scan func(Scan) error, args ...any) error {
	found := false
	err := r.q.Query(ctx, query, func(s Scan) error {
		found = true
		return scan(s)
	}, args...)
	if err == nil && !found {
		return store.ErrNotFound
	}
	return err
}

// exec runs a statement whose count of rows does not matter.
func (t *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.q.Exec(ctx, query, args...)
	return err
}

// change runs a statement that must hit a row: ErrNotFound if it did not.
func (t *Tx) change(ctx context.Context, query string, args ...any) error {
	n, err := t.q.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrNotFound
	}
	return err
}

// swap runs a statement that replaces a row whose tag is still the one that
// was read: ErrConflict if it is not.
func (t *Tx) swap(ctx context.Context, query string, args ...any) error {
	n, err := t.q.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return store.ErrConflict
	}
	return err
}
