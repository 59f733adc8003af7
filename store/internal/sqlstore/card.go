package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const cardColumns = `id, merchant, live, created_at, expires_at, used_at, deleted_at,
	brand, last_digits, expiry_month, expiry_year, fingerprint, charge_status,
	kek_version, dek_generation, wrapped_dek, sealed_pan, sealed_profile, tag`

type cardText struct {
	get, insert string
}

func newCardText(d Dialect) cardText {
	return cardText{
		get: d.sql(`SELECT ` + cardColumns + ` FROM cards WHERE id = $1`),
		insert: d.sql(`INSERT INTO cards (` + cardColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`),
	}
}

// Card implements store.CardReader.
func (r *Reader) Card(ctx context.Context, id string) (store.Card, error) {
	var c store.Card
	err := r.one(ctx, r.text.cards.get, func(s Scan) error { return scanCard(s, &c) }, id)
	if err != nil {
		return store.Card{}, err
	}
	return c, nil
}

func scanCard(scan Scan, c *store.Card) error {
	var live, month, year, kek, generation int64
	err := scan(&c.ID, &c.Merchant, &live, &c.CreatedAt, &c.ExpiresAt, &c.UsedAt, &c.DeletedAt,
		&c.Brand, &c.LastDigits, &month, &year, &c.Fingerprint, &c.ChargeStatus,
		&kek, &generation, &c.WrappedDEK, &c.SealedPAN, &c.SealedProfile, &c.Tag)
	if err != nil {
		return err
	}
	var n narrow
	c.Live = n.bool(live)
	c.ExpiryMonth, c.ExpiryYear = n.int(month), n.int(year)
	c.KEKVersion, c.DEKGeneration = n.uint32(kek), n.uint32(generation)
	return n.err()
}

// InsertCard implements store.CardWriter.
func (t *Tx) InsertCard(ctx context.Context, c *store.Card) error {
	return t.exec(ctx, t.text.cards.insert,
		c.ID, c.Merchant, bit(c.Live), c.CreatedAt, c.ExpiresAt, c.UsedAt, c.DeletedAt,
		c.Brand, c.LastDigits, int64(c.ExpiryMonth), int64(c.ExpiryYear), c.Fingerprint, c.ChargeStatus,
		int64(c.KEKVersion), int64(c.DEKGeneration), c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.Tag)
}
