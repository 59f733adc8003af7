package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/panvault/panvault/store"
)

// Cards that a change of keys has yet to move are of few versions and
// generations, each pair one range of an index in the order of ids. A page asks
// for these one by one, which is one step in the index each, and merges their
// ranges. One question for the next pair, as a row value, would make SQLite walk
// over all rows of the pair before.

type keyUseText struct {
	count, version, generation, page, again string
}

func newKeyUseText(d Dialect) keyUseText {
	return keyUseText{
		count: d.sql(`SELECT kek_version, count(*), min(id) FROM cards WHERE live = $1 AND deleted_at = 0
			GROUP BY kek_version`),
		version: d.sql(`SELECT kek_version FROM cards
			WHERE live = $1 AND kek_version > $2 AND kek_version < $3 AND deleted_at = 0
			ORDER BY kek_version LIMIT 1`),
		generation: d.sql(`SELECT dek_generation FROM cards
			WHERE live = $1 AND kek_version = $2 AND dek_generation > $3 AND dek_generation < $4 AND deleted_at = 0
			ORDER BY dek_generation LIMIT 1`),
		page: d.sql(`SELECT ` + cardColumns + ` FROM cards
			WHERE live = $1 AND kek_version = $2 AND dek_generation = $3 AND id > $4 AND id < $5 AND deleted_at = 0
			ORDER BY id LIMIT $6`),
		// Spelled as the partial index is, so that it is used.
		again: d.sql(`SELECT ` + cardColumns + ` FROM cards
			WHERE fingerprint_id = $1 AND fingerprint_id <> '' AND fingerprint_id <> id AND deleted_at = 0
			ORDER BY id LIMIT 1`),
	}
}

// CountCardsByKEK implements store.KeyUseReader.
func (r *Reader) CountCardsByKEK(ctx context.Context, live bool) (map[uint32]store.KeyUse, error) {
	counts, oldest := make(map[uint32]store.KeyUse), make(map[uint32]string)
	err := r.q.Query(ctx, r.text.keyUse.count, func(s Scan) error {
		var version, cards int64
		var id string
		if err := s(&version, &cards, &id); err != nil {
			return err
		}
		var n narrow
		v := n.uint32(version)
		counts[v], oldest[v] = store.KeyUse{Cards: int(cards)}, id
		return n.err()
	}, bit(live))
	if err != nil {
		return nil, err
	}
	for v, use := range counts {
		c, err := r.Card(ctx, oldest[v])
		if err != nil {
			return nil, err
		}
		use.OldestCreated = c.CreatedAt
		counts[v] = use
	}
	return counts, nil
}

// every is above every version and generation.
const every = math.MaxUint32 + 1

// CardsOfKEK implements store.KeyUseReader.
func (r *Reader) CardsOfKEK(ctx context.Context, live bool, below uint32, after string, limit int) ([]store.Card, error) {
	return r.cardsOfKeys(ctx, live, int64(below), every, ids{after, top}, limit)
}

// CardsOfGeneration implements store.KeyUseReader.
func (r *Reader) CardsOfGeneration(ctx context.Context, live bool, below uint32, createdBefore int64, after string, limit int) ([]store.Card, error) {
	end := top
	if createdBefore != 0 {
		end = store.IDAt(time.UnixMicro(createdBefore))
	}
	return r.cardsOfKeys(ctx, live, every, int64(below), ids{after, end}, limit)
}

// ids is a range of ids, both ends excluded.
type ids struct{ after, before string }

// cardsOfKeys are the cards of a range whose key version and generation are
// lower than these.
func (r *Reader) cardsOfKeys(ctx context.Context, live bool, kek, generation int64, in ids, limit int) (all []store.Card, err error) {
	err = r.each(ctx, r.text.keyUse.version, func(k int64) error {
		return r.each(ctx, r.text.keyUse.generation, func(g int64) error {
			page, err := r.cards(ctx, r.text.keyUse.page, bit(live), k, g, in.after, in.before, int64(limit))
			if err != nil {
				return err
			}
			all = merge(all, page, limit, func(c store.Card) string { return c.ID })
			if len(all) == limit && limit > 0 {
				in.before = all[limit-1].ID // no card from here on gets in
			}
			return nil
		}, generation, bit(live), k)
	}, kek, bit(live))
	if err != nil {
		return nil, err
	}
	return all, nil
}

// each calls fn for every number that query gives, which returns the lowest
// between the last two of its arguments, both excluded: one above the number
// before, and one below end.
func (r *Reader) each(ctx context.Context, query string, fn func(n int64) error, end int64, args ...any) error {
	for n := int64(-1); ; {
		err := r.one(ctx, query, func(s Scan) error { return s(&n) }, append(args[:len(args):len(args)], n, end)...)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(n); err != nil {
			return err
		}
	}
}

// merge returns the first limit of the rows of a and b by id.
func merge[T any](a, b []T, limit int, id func(T) string) []T {
	all := append(a, b...)
	slices.SortFunc(all, func(x, y T) int { return cmp.Compare(id(x), id(y)) })
	return all[:min(limit, len(all))]
}

// CardOfFingerprint implements store.KeyUseReader.
func (r *Reader) CardOfFingerprint(ctx context.Context, id string) (store.Card, error) {
	first, err := r.Card(ctx, id)
	if err == nil && first.FingerprintID == id && first.DeletedAt == 0 {
		return first, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Card{}, err
	}
	return r.card(ctx, r.text.keyUse.again, id)
}
