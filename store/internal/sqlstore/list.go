package sqlstore

import (
	"context"
	"fmt"

	"github.com/panvault/panvault/store"
)

// listText is one list in both orders.
type listText struct{ oldest, newest string }

// newListText adds order, limit and offset to a query of so many parameters;
// limit and offset are the next two.
func newListText(d Dialect, query string, parameters int) listText {
	page := fmt.Sprintf(` LIMIT $%d OFFSET $%d`, parameters+1, parameters+2)
	return listText{
		oldest: d.sql(query + ` ORDER BY created_at, id` + page),
		newest: d.sql(query + ` ORDER BY created_at DESC, id DESC` + page),
	}
}

func (l listText) of(p store.Page) string {
	if p.Newest {
		return l.newest
	}
	return l.oldest
}

// count runs a query for one number.
func (r *Reader) count(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	if err := r.one(ctx, query, func(s Scan) error { return s(&n) }, args...); err != nil {
		return 0, err
	}
	return int(n), nil
}
