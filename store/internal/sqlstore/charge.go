package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const chargeColumns = `id, merchant, live, card, customer, brand, last_digits, amount, currency, capture, state,
	failure_code, reference, attempt, sealed, created_at, paid_at, reversed_at, tag`

const chargesOf = ` FROM charges WHERE merchant = $1 AND live = $2 AND created_at >= $3 AND created_at <= $4`

type chargeText struct {
	get, count, insert, update string
	list                       listText
}

func newChargeText(d Dialect) chargeText {
	return chargeText{
		get:   d.sql(`SELECT ` + chargeColumns + ` FROM charges WHERE id = $1`),
		list:  newListText(d, `SELECT `+chargeColumns+chargesOf, 4),
		count: d.sql(`SELECT count(*)` + chargesOf),
		insert: d.sql(`INSERT INTO charges (` + chargeColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`),
		update: d.sql(`UPDATE charges SET state = $1, failure_code = $2, reference = $3, attempt = $4, sealed = $5,
			paid_at = $6, reversed_at = $7, tag = $8
			WHERE id = $9 AND tag = $10`),
	}
}

// Charge implements store.ChargeReader.
func (r *Reader) Charge(ctx context.Context, id string) (store.Charge, error) {
	var c store.Charge
	if err := r.one(ctx, r.text.charges.get, func(s Scan) error { return scanCharge(s, &c) }, id); err != nil {
		return store.Charge{}, err
	}
	return c, nil
}

// Charges implements store.ChargeReader.
func (r *Reader) Charges(ctx context.Context, merchant string, live bool, p store.Page) ([]store.Charge, error) {
	var all []store.Charge
	err := r.q.Query(ctx, r.text.charges.list.of(p), func(s Scan) error {
		var c store.Charge
		err := scanCharge(s, &c)
		all = append(all, c)
		return err
	}, merchant, bit(live), p.From, p.To, int64(p.Limit), int64(p.Offset))
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CountCharges implements store.ChargeReader.
func (r *Reader) CountCharges(ctx context.Context, merchant string, live bool, p store.Page) (int, error) {
	return r.count(ctx, r.text.charges.count, merchant, bit(live), p.From, p.To)
}

func scanCharge(scan Scan, c *store.Charge) error {
	var live, capture int64
	var state string
	err := scan(&c.ID, &c.Merchant, &live, &c.Card, &c.Customer, &c.Brand, &c.LastDigits, &c.Amount, &c.Currency, &capture, &state,
		&c.FailureCode, &c.Reference, &c.Attempt, &c.Sealed, &c.CreatedAt, &c.PaidAt, &c.ReversedAt, &c.Tag)
	if err != nil {
		return err
	}
	var n narrow
	c.Live, c.Capture, c.State = n.bool(live), n.bool(capture), store.ChargeState(state)
	return n.err()
}

// InsertCharge implements store.ChargeWriter.
func (t *Tx) InsertCharge(ctx context.Context, c *store.Charge) error {
	return t.exec(ctx, t.text.charges.insert,
		c.ID, c.Merchant, bit(c.Live), c.Card, c.Customer, c.Brand, c.LastDigits, c.Amount, c.Currency, bit(c.Capture), string(c.State),
		c.FailureCode, c.Reference, c.Attempt, c.Sealed, c.CreatedAt, c.PaidAt, c.ReversedAt, c.Tag)
}

// UpdateCharge implements store.ChargeWriter.
func (t *Tx) UpdateCharge(ctx context.Context, c *store.Charge, was []byte) error {
	return t.swap(ctx, t.text.charges.update, string(c.State), c.FailureCode, c.Reference, c.Attempt, c.Sealed,
		c.PaidAt, c.ReversedAt, c.Tag, c.ID, was)
}
