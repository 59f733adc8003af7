package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const idempotencyColumns = `id, request, merchant, live, created_at, expires_at, status, answer, tag`

type idempotencyText struct {
	get, insert, update, remove, expire string
}

func newIdempotencyText(d Dialect) idempotencyText {
	return idempotencyText{
		get: d.sql(`SELECT ` + idempotencyColumns + ` FROM idempotency WHERE id = $1`),
		insert: d.sql(`INSERT INTO idempotency (` + idempotencyColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		update: d.sql(`UPDATE idempotency SET request = $1, created_at = $2, expires_at = $3,
			status = $4, answer = $5, tag = $6
			WHERE id = $7 AND tag = $8`),
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

func scanIdempotency(scan Scan, i *store.Idempotency) error {
	var live, status int64
	err := scan(&i.ID, &i.Request, &i.Merchant, &live, &i.CreatedAt, &i.ExpiresAt, &status, &i.Answer, &i.Tag)
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
		i.ID, i.Request, i.Merchant, bit(i.Live), i.CreatedAt, i.ExpiresAt, int64(i.Status), i.Answer, i.Tag)
}

// UpdateIdempotency implements store.IdempotencyWriter.
func (t *Tx) UpdateIdempotency(ctx context.Context, i *store.Idempotency, was []byte) error {
	return t.swap(ctx, t.text.idempotency.update,
		i.Request, i.CreatedAt, i.ExpiresAt, int64(i.Status), i.Answer, i.Tag, i.ID, was)
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
