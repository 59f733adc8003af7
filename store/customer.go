package store

import "context"

// Customer is a merchant's customer: the owner of cards.
type Customer struct {
	ID          string // record id, IDLength characters
	Merchant    string
	Live        bool
	CreatedAt   int64
	DeletedAt   int64
	DefaultCard string // record id of a card; "" for none
	Sealed      []byte // email, description, metadata; nil once destroyed
	Tag         []byte // 20 bytes over all other columns
}

// CustomerReader reads customers.
type CustomerReader interface {
	// Customer returns the row with this record id, deleted or not, of any
	// merchant and mode: the caller checks both. ErrNotFound.
	Customer(ctx context.Context, id string) (Customer, error)
	// Customers lists the customers of a merchant's mode that are not deleted.
	Customers(ctx context.Context, merchant string, live bool, p Page) ([]Customer, error)
	// CountCustomers counts what Customers would list without Offset and Limit.
	CountCustomers(ctx context.Context, merchant string, live bool, p Page) (int, error)
}

// CustomerWriter writes customers.
type CustomerWriter interface {
	// InsertCustomer adds a row. ErrConflict if the id exists.
	InsertCustomer(ctx context.Context, c *Customer) error
	// UpdateCustomer replaces the row with the same id whose tag is was.
	// ErrConflict if there is none: somebody else changed it.
	UpdateCustomer(ctx context.Context, c *Customer, was []byte) error
}
