package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const customerColumns = `id, merchant, live, created_at, deleted_at, default_card, sealed, tag`

const ofMerchant = ` FROM customers WHERE merchant = $1 AND live = $2
	AND created_at >= $3 AND created_at <= $4 AND deleted_at = 0`

type customerText struct {
	get, insert, update, count string
	list                       listText
}

func newCustomerText(d Dialect) customerText {
	return customerText{
		get: d.sql(`SELECT ` + customerColumns + ` FROM customers WHERE id = $1`),
		insert: d.sql(`INSERT INTO customers (` + customerColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`),
		update: d.sql(`UPDATE customers SET deleted_at = $1, default_card = $2, sealed = $3, tag = $4
			WHERE id = $5 AND tag = $6`),
		list:  newListText(d, `SELECT `+customerColumns+ofMerchant, 4),
		count: d.sql(`SELECT count(*)` + ofMerchant),
	}
}

// Customer implements store.CustomerReader.
func (r *Reader) Customer(ctx context.Context, id string) (store.Customer, error) {
	var c store.Customer
	if err := r.one(ctx, r.text.customers.get, func(s Scan) error { return scanCustomer(s, &c) }, id); err != nil {
		return store.Customer{}, err
	}
	return c, nil
}

// Customers implements store.CustomerReader.
func (r *Reader) Customers(ctx context.Context, merchant string, live bool, p store.Page) ([]store.Customer, error) {
	var all []store.Customer
	err := r.q.Query(ctx, r.text.customers.list.of(p), func(s Scan) error {
		var c store.Customer
		err := scanCustomer(s, &c)
		all = append(all, c)
		return err
	}, merchant, bit(live), p.From, p.To, int64(p.Limit), int64(p.Offset))
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CountCustomers implements store.CustomerReader.
func (r *Reader) CountCustomers(ctx context.Context, merchant string, live bool, p store.Page) (int, error) {
	return r.count(ctx, r.text.customers.count, merchant, bit(live), p.From, p.To)
}

func scanCustomer(scan Scan, c *store.Customer) error {
	var live int64
	err := scan(&c.ID, &c.Merchant, &live, &c.CreatedAt, &c.DeletedAt, &c.DefaultCard, &c.Sealed, &c.Tag)
	if err != nil {
		return err
	}
	var n narrow
	c.Live = n.bool(live)
	return n.err()
}

// InsertCustomer implements store.CustomerWriter.
func (t *Tx) InsertCustomer(ctx context.Context, c *store.Customer) error {
	return t.exec(ctx, t.text.customers.insert,
		c.ID, c.Merchant, bit(c.Live), c.CreatedAt, c.DeletedAt, c.DefaultCard, c.Sealed, c.Tag)
}

// UpdateCustomer implements store.CustomerWriter.
func (t *Tx) UpdateCustomer(ctx context.Context, c *store.Customer, was []byte) error {
	return t.swap(ctx, t.text.customers.update, c.DeletedAt, c.DefaultCard, c.Sealed, c.Tag, c.ID, was)
}
