package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

type searchText struct {
	find, window, ofMerchant string
}

func newSearchText(d Dialect) searchText {
	return searchText{
		// An empty or negative argument lets every row pass. The column comes
		// first: PostgreSQL takes the type of a parameter from its first use.
		find: d.sql(`SELECT ` + cardColumns + ` FROM cards WHERE id >= $1 AND id < $2 AND deleted_at = 0
			AND (merchant = $3 OR length($3) = 0) AND (live = $4 OR $4 < 0)
			AND (last_digits = $5 OR length($5) = 0) AND (brand = $6 OR length($6) = 0)
			AND (fingerprint = $7 OR length($7) = 0)
			ORDER BY id DESC LIMIT $8`),
		window: d.sql(`SELECT id FROM cards WHERE id < $1 ORDER BY id DESC LIMIT $2`),
		// The sign keeps SQLite from cards_keys, which is not in the order of ids.
		ofMerchant: d.sql(`SELECT ` + cardColumns + ` FROM cards WHERE id > $1 AND merchant = $2 AND +live = $3
			AND deleted_at = 0 AND expires_at = 0 ORDER BY id LIMIT $4`),
	}
}

// top is above every record id, which is made of [0-9a-z].
const top = "~"

// FindCards implements store.SearchReader.
func (r *Reader) FindCards(ctx context.Context, f store.CardFilter, limit int) ([]store.Card, error) {
	below := f.Below
	if below == "" {
		below = top
	}
	fingerprint := f.Fingerprint
	if fingerprint == nil {
		fingerprint = []byte{}
	}
	return r.cards(ctx, r.text.search.find, f.From, below, f.Merchant, int64(f.Mode),
		f.LastDigits, f.Brand, fingerprint, int64(limit))
}

// CardWindow implements store.SearchReader.
func (r *Reader) CardWindow(ctx context.Context, below string, n int) (last string, count int, err error) {
	if below == "" {
		below = top
	}
	err = r.q.Query(ctx, r.text.search.window, func(s Scan) error {
		count++
		return s(&last)
	}, below, int64(n))
	return last, count, err
}

// MerchantCards implements store.SearchReader.
func (r *Reader) MerchantCards(ctx context.Context, merchant string, live bool, above string, limit int) ([]store.Card, error) {
	return r.cards(ctx, r.text.search.ofMerchant, above, merchant, bit(live), int64(limit))
}
