package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const apiKeyColumns = `id, hash, merchant, kind, live, label, hint, created_at, revoked_at, last_used, tag`

type apiKeyText struct {
	byHash, get, list, insert, update, touch string
}

func newAPIKeyText(d Dialect) apiKeyText {
	return apiKeyText{
		byHash: d.sql(`SELECT ` + apiKeyColumns + ` FROM api_keys WHERE hash = $1`),
		get:    d.sql(`SELECT ` + apiKeyColumns + ` FROM api_keys WHERE id = $1`),
		list:   d.sql(`SELECT ` + apiKeyColumns + ` FROM api_keys WHERE merchant = $1 ORDER BY created_at, id`),
		insert: d.sql(`INSERT INTO api_keys (` + apiKeyColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`),
		update: d.sql(`UPDATE api_keys SET hash = $1, merchant = $2, kind = $3, live = $4, label = $5,
			hint = $6, created_at = $7, revoked_at = $8, tag = $9
			WHERE id = $10`),
		touch: d.sql(`UPDATE api_keys SET last_used = $1 WHERE id = $2 AND last_used < $1`),
	}
}

// APIKeyByHash implements store.APIKeyReader.
func (r *Reader) APIKeyByHash(ctx context.Context, hash []byte) (store.APIKey, error) {
	return r.apiKey(ctx, r.text.apiKeys.byHash, hash)
}

// APIKey implements store.APIKeyReader.
func (r *Reader) APIKey(ctx context.Context, id string) (store.APIKey, error) {
	return r.apiKey(ctx, r.text.apiKeys.get, id)
}

func (r *Reader) apiKey(ctx context.Context, query string, key any) (store.APIKey, error) {
	var k store.APIKey
	err := r.one(ctx, query, func(s Scan) error { return scanAPIKey(s, &k) }, key)
	if err != nil {
		return store.APIKey{}, err
	}
	return k, nil
}

// APIKeys implements store.APIKeyReader.
func (r *Reader) APIKeys(ctx context.Context, merchant string) ([]store.APIKey, error) {
	var all []store.APIKey
	err := r.q.Query(ctx, r.text.apiKeys.list, func(s Scan) error {
		var k store.APIKey
		err := scanAPIKey(s, &k)
		all = append(all, k)
		return err
	}, merchant)
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanAPIKey(scan Scan, k *store.APIKey) error {
	var live int64
	err := scan(&k.ID, &k.Hash, &k.Merchant, &k.Kind, &live, &k.Label, &k.Hint,
		&k.CreatedAt, &k.RevokedAt, &k.LastUsed, &k.Tag)
	if err != nil {
		return err
	}
	var n narrow
	k.Live = n.bool(live)
	return n.err()
}

// InsertAPIKey implements store.APIKeyWriter.
func (t *Tx) InsertAPIKey(ctx context.Context, k *store.APIKey) error {
	return t.exec(ctx, t.text.apiKeys.insert, k.ID, k.Hash, k.Merchant, k.Kind, bit(k.Live),
		k.Label, k.Hint, k.CreatedAt, k.RevokedAt, k.LastUsed, k.Tag)
}

// UpdateAPIKey implements store.APIKeyWriter. ErrConflict if another row has
// the hash.
func (t *Tx) UpdateAPIKey(ctx context.Context, k *store.APIKey) error {
	return t.change(ctx, t.text.apiKeys.update, k.Hash, k.Merchant, k.Kind, bit(k.Live),
		k.Label, k.Hint, k.CreatedAt, k.RevokedAt, k.Tag, k.ID)
}

// TouchAPIKey implements store.APIKeyWriter.
func (t *Tx) TouchAPIKey(ctx context.Context, id string, at int64) error {
	return t.exec(ctx, t.text.apiKeys.touch, at, id)
}
