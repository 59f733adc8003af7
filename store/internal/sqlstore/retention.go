package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

// The conditions are spelled as the partial indexes are, so that they are used.
const (
	lapsed  = ` FROM cards WHERE expires_at > 0 AND expires_at <= $1 AND deleted_at = 0`
	unused  = ` FROM cards WHERE used_at > 0 AND used_at < $1 AND deleted_at = 0`
	spent   = ` FROM cards WHERE customer = '' AND used_at > 0 AND used_at < $1 AND deleted_at = 0`
	expired = ` FROM cards WHERE (expiry_year, expiry_month) < ($1, $2) AND customer <> '' AND deleted_at = 0`
)

type retentionText struct {
	lapsed, unused, spent, expired                     string
	tokens, stored                                     string
	countLapsed, countUnused, countSpent, countExpired string
	oldest                                             string
}

func newRetentionText(d Dialect) retentionText {
	return retentionText{
		lapsed:  d.sql(`SELECT ` + cardColumns + lapsed + ` ORDER BY expires_at LIMIT $2`),
		unused:  d.sql(`SELECT ` + cardColumns + unused + ` ORDER BY used_at LIMIT $2`),
		spent:   d.sql(`SELECT ` + cardColumns + spent + ` ORDER BY used_at LIMIT $2`),
		expired: d.sql(`SELECT ` + cardColumns + expired + ` ORDER BY expiry_year, expiry_month LIMIT $3`),

		tokens:       d.sql(`SELECT count(*) FROM cards WHERE expires_at > 0 AND deleted_at = 0`),
		stored:       d.sql(`SELECT count(*) FROM cards WHERE customer <> '' AND deleted_at = 0`),
		countLapsed:  d.sql(`SELECT count(*)` + lapsed),
		countUnused:  d.sql(`SELECT count(*)` + unused),
		countSpent:   d.sql(`SELECT count(*)` + spent),
		countExpired: d.sql(`SELECT count(*)` + expired),
		oldest:       d.sql(`SELECT expires_at` + lapsed + ` ORDER BY expires_at LIMIT 1`),
	}
}

// LapsedTokens implements store.RetentionReader.
func (r *Reader) LapsedTokens(ctx context.Context, at int64, limit int) ([]store.Card, error) {
	return r.cards(ctx, r.text.retention.lapsed, at, int64(limit))
}

// UnusedCards implements store.RetentionReader.
func (r *Reader) UnusedCards(ctx context.Context, before int64, limit int) ([]store.Card, error) {
	return r.cards(ctx, r.text.retention.unused, before, int64(limit))
}

// SpentCards implements store.RetentionReader.
func (r *Reader) SpentCards(ctx context.Context, before int64, limit int) ([]store.Card, error) {
	return r.cards(ctx, r.text.retention.spent, before, int64(limit))
}

// ExpiredCards implements store.RetentionReader.
func (r *Reader) ExpiredCards(ctx context.Context, year, month, limit int) ([]store.Card, error) {
	return r.cards(ctx, r.text.retention.expired, int64(year), int64(month), int64(limit))
}

// CountRetention implements store.RetentionReader.
func (r *Reader) CountRetention(ctx context.Context, b store.Bounds) (store.RetentionCount, error) {
	var c store.RetentionCount
	for _, count := range []struct {
		dst   *int
		query string
		args  []any
	}{
		{&c.Tokens, r.text.retention.tokens, nil},
		{&c.Stored, r.text.retention.stored, nil},
		{&c.Lapsed, r.text.retention.countLapsed, []any{b.Lapsed}},
		{&c.Used, r.text.retention.countUnused, []any{b.Used}},
		{&c.Spent, r.text.retention.countSpent, []any{b.Spent}},
		{&c.Past, r.text.retention.countExpired, []any{int64(b.ExpiredYear), int64(b.ExpiredMonth)}},
	} {
		n, err := r.count(ctx, count.query, count.args...)
		if err != nil {
			return store.RetentionCount{}, err
		}
		*count.dst = n
	}
	err := r.q.Query(ctx, r.text.retention.oldest, func(s Scan) error { return s(&c.Oldest) }, b.Lapsed)
	if err != nil {
		return store.RetentionCount{}, err
	}
	return c, nil
}
