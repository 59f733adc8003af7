package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const cardColumns = `id, merchant, live, customer, created_at, expires_at, used_at, attached_at, deleted_at,
	brand, last_digits, expiry_month, expiry_year, fingerprint, charge_status,
	kek_version, dek_generation, wrapped_dek, sealed_pan, sealed_profile, tag, fingerprint_id, payment_method`

// ofCustomer is spelled as the partial index is, so that it is used.
const ofCustomer = ` FROM cards WHERE customer = $1 AND customer <> '' AND deleted_at = 0`

type cardText struct {
	get, method, insert, update, updateKeys, count, newest string
	list                                                   listText
}

func newCardText(d Dialect) cardText {
	return cardText{
		get:    d.sql(`SELECT ` + cardColumns + ` FROM cards WHERE id = $1`),
		method: d.sql(`SELECT ` + cardColumns + ` FROM cards WHERE payment_method = $1 AND payment_method <> ''`),
		insert: d.sql(`INSERT INTO cards (` + cardColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`),
		update: d.sql(`UPDATE cards SET customer = $1, expires_at = $2, used_at = $3, attached_at = $4, deleted_at = $5,
			brand = $6, last_digits = $7, expiry_month = $8, expiry_year = $9, fingerprint = $10, charge_status = $11,
			kek_version = $12, dek_generation = $13, wrapped_dek = $14, sealed_pan = $15, sealed_profile = $16, tag = $17,
			fingerprint_id = $18, payment_method = $19
			WHERE id = $20 AND tag = $21`),
		// It names few indexed columns: an index is written for each it names.
		updateKeys: d.sql(`UPDATE cards SET kek_version = $1, dek_generation = $2, wrapped_dek = $3, sealed_pan = $4,
			sealed_profile = $5, tag = $6
			WHERE id = $7 AND tag = $8`),
		list:   newListText(d, `SELECT `+cardColumns+ofCustomer+` AND created_at >= $2 AND created_at <= $3`, 3),
		count:  d.sql(`SELECT count(*)` + ofCustomer + ` AND created_at >= $2 AND created_at <= $3`),
		newest: d.sql(`SELECT ` + cardColumns + ofCustomer + ` ORDER BY attached_at DESC, id DESC LIMIT 1`),
	}
}

// Card implements store.CardReader.
func (r *Reader) Card(ctx context.Context, id string) (store.Card, error) {
	return r.card(ctx, r.text.cards.get, id)
}

// CardOfPaymentMethod implements store.CardReader.
func (r *Reader) CardOfPaymentMethod(ctx context.Context, id string) (store.Card, error) {
	return r.card(ctx, r.text.cards.method, id)
}

// NewestCard implements store.CardReader.
func (r *Reader) NewestCard(ctx context.Context, customer string) (store.Card, error) {
	return r.card(ctx, r.text.cards.newest, customer)
}

func (r *Reader) card(ctx context.Context, query string, args ...any) (store.Card, error) {
	var c store.Card
	if err := r.one(ctx, query, func(s Scan) error { return scanCard(s, &c) }, args...); err != nil {
		return store.Card{}, err
	}
	return c, nil
}

// CustomerCards implements store.CardReader.
func (r *Reader) CustomerCards(ctx context.Context, customer string, p store.Page) ([]store.Card, error) {
	return r.cards(ctx, r.text.cards.list.of(p), customer, p.From, p.To, int64(p.Limit), int64(p.Offset))
}

// CountCustomerCards implements store.CardReader.
func (r *Reader) CountCustomerCards(ctx context.Context, customer string, p store.Page) (int, error) {
	return r.count(ctx, r.text.cards.count, customer, p.From, p.To)
}

func (r *Reader) cards(ctx context.Context, query string, args ...any) ([]store.Card, error) {
	var all []store.Card
	err := r.q.Query(ctx, query, func(s Scan) error {
		var c store.Card
		err := scanCard(s, &c)
		all = append(all, c)
		return err
	}, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanCard(scan Scan, c *store.Card) error {
	var live, month, year, kek, generation int64
	err := scan(&c.ID, &c.Merchant, &live, &c.Customer, &c.CreatedAt, &c.ExpiresAt, &c.UsedAt, &c.AttachedAt, &c.DeletedAt,
		&c.Brand, &c.LastDigits, &month, &year, &c.Fingerprint, &c.ChargeStatus,
		&kek, &generation, &c.WrappedDEK, &c.SealedPAN, &c.SealedProfile, &c.Tag, &c.FingerprintID, &c.PaymentMethod)
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
		c.ID, c.Merchant, bit(c.Live), c.Customer, c.CreatedAt, c.ExpiresAt, c.UsedAt, c.AttachedAt, c.DeletedAt,
		c.Brand, c.LastDigits, int64(c.ExpiryMonth), int64(c.ExpiryYear), c.Fingerprint, c.ChargeStatus,
		int64(c.KEKVersion), int64(c.DEKGeneration), c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.Tag, c.FingerprintID, c.PaymentMethod)
}

// UpdateCard implements store.CardWriter.
func (t *Tx) UpdateCard(ctx context.Context, c *store.Card, was []byte) error {
	return t.swap(ctx, t.text.cards.update,
		c.Customer, c.ExpiresAt, c.UsedAt, c.AttachedAt, c.DeletedAt,
		c.Brand, c.LastDigits, int64(c.ExpiryMonth), int64(c.ExpiryYear), c.Fingerprint, c.ChargeStatus,
		int64(c.KEKVersion), int64(c.DEKGeneration), c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.Tag, c.FingerprintID, c.PaymentMethod, c.ID, was)
}

// UpdateCardKeys implements store.CardWriter.
func (t *Tx) UpdateCardKeys(ctx context.Context, c *store.Card, was []byte) error {
	return t.swap(ctx, t.text.cards.updateKeys,
		int64(c.KEKVersion), int64(c.DEKGeneration), c.WrappedDEK, c.SealedPAN, c.SealedProfile, c.Tag, c.ID, was)
}
