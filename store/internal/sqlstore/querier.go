package sqlstore

import "context"

// Scan copies the columns of the current row, in the order of the SELECT, into
// pointers to string, []byte and int64. It returns store.ErrCorrupt if a
// column holds another type, and never quotes what it held.
type Scan func(dest ...any) error

// Querier runs statements inside one transaction of a backend. It is used by
// one goroutine at a time. Its errors are classified already: they match the
// sentinels of package store and quote no values.
type Querier interface {
	// Exec runs a statement that returns no rows and reports how many rows it
	// changed. Arguments are string, []byte (nil for NULL) or int64.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query calls each for every row of the result, and returns the first
	// error of each as it is. The Scan must not be kept.
	Query(ctx context.Context, query string, each func(Scan) error, args ...any) error
}

// Dialect is what differs between backends about the text itself.
type Dialect struct {
	// Rewrite turns $1, $2 … into the placeholders of the backend. It is
	// called once for each statement when the text is compiled. Nil leaves
	// the text as it is, which PostgreSQL takes.
	Rewrite func(query string) string
}

func (d Dialect) sql(query string) string {
	if d.Rewrite == nil {
		return query
	}
	return d.Rewrite(query)
}
