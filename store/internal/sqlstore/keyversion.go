package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const keyVersionColumns = `key, version, state, suspect, born_at, activated_at, deactivated_at, retired_at, destroyed_at,
	changed_by, reason, canary, tag`

type keyVersionText struct {
	list, insert, update, epoch, bump string
}

func newKeyVersionText(d Dialect) keyVersionText {
	return keyVersionText{
		list: d.sql(`SELECT ` + keyVersionColumns + ` FROM key_versions ORDER BY key, version`),
		insert: d.sql(`INSERT INTO key_versions (` + keyVersionColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`),
		update: d.sql(`UPDATE key_versions SET state = $1, suspect = $2, born_at = $3, activated_at = $4, deactivated_at = $5,
			retired_at = $6, destroyed_at = $7, changed_by = $8, reason = $9, canary = $10, tag = $11
			WHERE key = $12 AND version = $13 AND tag = $14`),
		epoch: d.sql(`SELECT epoch FROM key_epoch WHERE one = 1`),
		bump:  d.sql(`UPDATE key_epoch SET epoch = epoch + 1 WHERE one = 1`),
	}
}

// KeyVersions implements store.KeyVersionReader.
func (r *Reader) KeyVersions(ctx context.Context) ([]store.KeyVersion, error) {
	var all []store.KeyVersion
	err := r.q.Query(ctx, r.text.keyVersions.list, func(s Scan) error {
		var k store.KeyVersion
		err := scanKeyVersion(s, &k)
		all = append(all, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanKeyVersion(scan Scan, k *store.KeyVersion) error {
	var version, suspect int64
	var state string
	err := scan(&k.Key, &version, &state, &suspect, &k.BornAt, &k.ActivatedAt, &k.DeactivatedAt, &k.RetiredAt, &k.DestroyedAt,
		&k.ChangedBy, &k.Reason, &k.Canary, &k.Tag)
	if err != nil {
		return err
	}
	var n narrow
	k.Version, k.Suspect, k.State = n.uint32(version), n.bool(suspect), store.KeyState(state)
	return n.err()
}

// InsertKeyVersion implements store.KeyVersionWriter.
func (t *Tx) InsertKeyVersion(ctx context.Context, k *store.KeyVersion) error {
	return t.exec(ctx, t.text.keyVersions.insert, k.Key, int64(k.Version), string(k.State), bit(k.Suspect),
		k.BornAt, k.ActivatedAt, k.DeactivatedAt, k.RetiredAt, k.DestroyedAt, k.ChangedBy, k.Reason, k.Canary, k.Tag)
}

// UpdateKeyVersion implements store.KeyVersionWriter.
func (t *Tx) UpdateKeyVersion(ctx context.Context, k *store.KeyVersion, was []byte) error {
	return t.swap(ctx, t.text.keyVersions.update, string(k.State), bit(k.Suspect),
		k.BornAt, k.ActivatedAt, k.DeactivatedAt, k.RetiredAt, k.DestroyedAt, k.ChangedBy, k.Reason, k.Canary, k.Tag,
		k.Key, int64(k.Version), was)
}

// Epoch implements store.KeyVersionReader.
func (r *Reader) Epoch(ctx context.Context) (epoch int64, err error) {
	err = r.one(ctx, r.text.keyVersions.epoch, func(s Scan) error { return s(&epoch) })
	return epoch, err
}

// BumpEpoch implements store.KeyVersionWriter.
func (t *Tx) BumpEpoch(ctx context.Context) (int64, error) {
	if err := t.change(ctx, t.text.keyVersions.bump); err != nil {
		return 0, err
	}
	return t.Epoch(ctx)
}
