package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const idempotencyColumns = `id, request, merchant, live, customer, created_at, expires_at, status, answer, tag`

type idempotencyText struct {
	get, ofCustomer, insert, update, remove, expire string
}

func newIdempotencyText(d Dialect) idempotencyText {
	return idempotencyText{
		get: d.sql(`SELECT ` + idempotencyColumns + ` FROM idempotency WHERE id = $1`),
		// Spelled as the partial index is, so that it is used.
		ofCustomer: d.sql(`SELECT ` + idempotencyColumns + ` FROM idempotency WHERE customer = $1 AND customer <> ''`),
		insert: d.sql(`INSERT INTO idempotency (` + idempotencyColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`),
		update: d.sql(`UPDATE idempotency SET request = $1, customer = $2, created_at = $3, expires_at = $4,
			status = $5, answer = $6, tag = $7
			WHERE id = $8 AND tag = $9`),
		remove: d.sql(`DELETE FROM idempotency WHERE id = $1 AND tag = $2`),
		expire: d.sql(`DELETE FROM idempotency WHERE id IN
			(SELECT id FROM idempotency WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`),
	}
}

// Idempotency implements store.IdempotencyReader.
func (r *Reader) Idempotency(ctx context.Context, id []byte) (store.Idempotency, error) {
	var i store.Idempotency
	if err := r.one(ctx, r.text.idempotency.get, func(s Scan) error { return scanIdempotency(s, &i) }, id); err != nil {
		return store.Idempotency{}, err
	}
	return i, nil
}

// CustomerAnswers implements store.IdempotencyReader.
func (r *Reader) CustomerAnswers(ctx context.Context, customer string) ([]store.Idempotency, error) {
	var all []store.Idempotency
	err := r.q.Query(ctx, r.text.idempotency.ofCustomer, func(s Scan) error {
		var i store.Idempotency
		err := scanIdempotency(s, &i)
		all = append(all, i)
		return err
	}, customer)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanIdempotency(scan Scan, i *store.Idempotency) error {
	var live, status int64
	err := scan(&i.ID, &i.Request, &i.Merchant, &live, &i.Customer, &i.CreatedAt, &i.ExpiresAt, &status, &i.Answer, &i.Tag)
	if err != nil {
		return err
	}
	var n narrow
	i.Live, i.Status = n.bool(live), n.int(status)
	return n.err()
}

// InsertIdempotency implements store.IdempotencyWriter.
func (t *Tx) InsertIdempotency(ctx context.Context, i *store.Idempotency) error {
	return t.exec(ctx, t.text.idempotency.insert,
		i.ID, i.Request, i.Merchant, bit(i.Live), i.Customer, i.CreatedAt, i.ExpiresAt, int64(i.Status), i.Answer, i.Tag)
}

// UpdateIdempotency implements store.IdempotencyWriter.
func (t *Tx) UpdateIdempotency(ctx context.Context, i *store.Idempotency, was []byte) error {
	return t.swap(ctx, t.text.idempotency.update,
		i.Request, i.Customer, i.CreatedAt, i.ExpiresAt, int64(i.Status), i.Answer, i.Tag, i.ID, was)
}

// DeleteIdempotency implements store.IdempotencyWriter.
func (t *Tx) DeleteIdempotency(ctx context.Context, id, tag []byte) error {
	return t.exec(ctx, t.text.idempotency.remove, id, tag)
}

// DeleteIdempotencyBefore implements store.IdempotencyWriter.
func (t *Tx) DeleteIdempotencyBefore(ctx context.Context, before int64, limit int) (int, error) {
	n, err := t.q.Exec(ctx, t.text.idempotency.expire, before, int64(limit))
	return int(n), err
}
