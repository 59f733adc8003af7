package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const merchantColumns = `id, name, created_at, disabled_at, show_first_digits, hide_fingerprint, token_ttl, tag, payment_mid`

type merchantText struct {
	get, list, insert, update string
}

func newMerchantText(d Dialect) merchantText {
	return merchantText{
		get:  d.sql(`SELECT ` + merchantColumns + ` FROM merchants WHERE id = $1`),
		list: d.sql(`SELECT ` + merchantColumns + ` FROM merchants ORDER BY created_at, id`),
		insert: d.sql(`INSERT INTO merchants (` + merchantColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		update: d.sql(`UPDATE merchants SET name = $1, created_at = $2, disabled_at = $3,
			show_first_digits = $4, hide_fingerprint = $5, token_ttl = $6, tag = $7, payment_mid = $8
			WHERE id = $9`),
	}
}

// Merchant implements store.MerchantReader.
func (r *Reader) Merchant(ctx context.Context, id string) (store.Merchant, error) {
	var m store.Merchant
	err := r.one(ctx, r.text.merchants.get, func(s Scan) error { return scanMerchant(s, &m) }, id)
	if err != nil {
		return store.Merchant{}, err
	}
	return m, nil
}

// Merchants implements store.MerchantReader.
func (r *Reader) Merchants(ctx context.Context) ([]store.Merchant, error) {
	var all []store.Merchant
	err := r.q.Query(ctx, r.text.merchants.list, func(s Scan) error {
		var m store.Merchant
		err := scanMerchant(s, &m)
		all = append(all, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanMerchant(scan Scan, m *store.Merchant) error {
	var show, hide int64
	err := scan(&m.ID, &m.Name, &m.CreatedAt, &m.DisabledAt, &show, &hide, &m.TokenTTL, &m.Tag, &m.PaymentMID)
	if err != nil {
		return err
	}
	var n narrow
	m.ShowFirstDigits, m.HideFingerprint = n.bool(show), n.bool(hide)
	return n.err()
}

// InsertMerchant implements store.MerchantWriter.
func (t *Tx) InsertMerchant(ctx context.Context, m *store.Merchant) error {
	return t.exec(ctx, t.text.merchants.insert, m.ID, m.Name, m.CreatedAt, m.DisabledAt,
		bit(m.ShowFirstDigits), bit(m.HideFingerprint), m.TokenTTL, m.Tag, m.PaymentMID)
}

// UpdateMerchant implements store.MerchantWriter.
func (t *Tx) UpdateMerchant(ctx context.Context, m *store.Merchant) error {
	return t.change(ctx, t.text.merchants.update, m.Name, m.CreatedAt, m.DisabledAt,
		bit(m.ShowFirstDigits), bit(m.HideFingerprint), m.TokenTTL, m.Tag, m.PaymentMID, m.ID)
}
