package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const revealColumns = `id, api_key, merchant, live, card, fields, outcome, created_at, counted_at, tag`

type revealText struct {
	get, list, insert, update string
}

func newRevealText(d Dialect) revealText {
	return revealText{
		get: d.sql(`SELECT ` + revealColumns + ` FROM reveals WHERE id = $1`),
		list: d.sql(`SELECT ` + revealColumns + ` FROM reveals WHERE api_key = $1 AND counted_at > $2
			ORDER BY counted_at DESC, id DESC LIMIT $3`),
		insert: d.sql(`INSERT INTO reveals (` + revealColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`),
		update: d.sql(`UPDATE reveals SET outcome = $1, counted_at = $2, tag = $3 WHERE id = $4 AND tag = $5`),
	}
}

// Reveal implements store.RevealReader.
func (r *Reader) Reveal(ctx context.Context, id string) (store.Reveal, error) {
	var row store.Reveal
	if err := r.one(ctx, r.text.reveals.get, func(s Scan) error { return scanReveal(s, &row) }, id); err != nil {
		return store.Reveal{}, err
	}
	return row, nil
}

// Reveals implements store.RevealReader.
func (r *Reader) Reveals(ctx context.Context, apiKey string, since int64, limit int) ([]store.Reveal, error) {
	var all []store.Reveal
	err := r.q.Query(ctx, r.text.reveals.list, func(s Scan) error {
		var row store.Reveal
		err := scanReveal(s, &row)
		all = append(all, row)
		return err
	}, apiKey, since, int64(limit))
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanReveal(scan Scan, r *store.Reveal) error {
	var live int64
	if err := scan(&r.ID, &r.APIKey, &r.Merchant, &live, &r.Card, &r.Fields, &r.Outcome, &r.CreatedAt, &r.CountedAt, &r.Tag); err != nil {
		return err
	}
	var n narrow
	r.Live = n.bool(live)
	return n.err()
}

// InsertReveal implements store.RevealWriter.
func (t *Tx) InsertReveal(ctx context.Context, r *store.Reveal) error {
	return t.exec(ctx, t.text.reveals.insert, r.ID, r.APIKey, r.Merchant, bit(r.Live), r.Card, r.Fields, r.Outcome,
		r.CreatedAt, r.CountedAt, r.Tag)
}

// UpdateReveal implements store.RevealWriter.
func (t *Tx) UpdateReveal(ctx context.Context, r *store.Reveal, was []byte) error {
	return t.swap(ctx, t.text.reveals.update, r.Outcome, r.CountedAt, r.Tag, r.ID, was)
}
