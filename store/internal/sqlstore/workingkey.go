package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const workingKeyColumns = `purpose, mode, version, state, kek_version, wrapped, created_at, tag`

type workingKeyText struct {
	list, insert, update string
}

func newWorkingKeyText(d Dialect) workingKeyText {
	return workingKeyText{
		list: d.sql(`SELECT ` + workingKeyColumns + ` FROM working_keys ORDER BY purpose, mode, version`),
		insert: d.sql(`INSERT INTO working_keys (` + workingKeyColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`),
		update: d.sql(`UPDATE working_keys SET state = $1, kek_version = $2, wrapped = $3, tag = $4
			WHERE purpose = $5 AND mode = $6 AND version = $7 AND tag = $8`),
	}
}

// WorkingKeys implements store.WorkingKeyReader.
func (r *Reader) WorkingKeys(ctx context.Context) ([]store.WorkingKey, error) {
	var all []store.WorkingKey
	err := r.q.Query(ctx, r.text.workingKeys.list, func(s Scan) error {
		var k store.WorkingKey
		err := scanWorkingKey(s, &k)
		all = append(all, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanWorkingKey(scan Scan, k *store.WorkingKey) error {
	var version, kek int64
	err := scan(&k.Purpose, &k.Mode, &version, &k.State, &kek, &k.Wrapped, &k.CreatedAt, &k.Tag)
	if err != nil {
		return err
	}
	var n narrow
	k.Version, k.KEKVersion = n.uint32(version), n.uint32(kek)
	return n.err()
}

// InsertWorkingKey implements store.WorkingKeyWriter.
func (t *Tx) InsertWorkingKey(ctx context.Context, k *store.WorkingKey) error {
	return t.exec(ctx, t.text.workingKeys.insert, k.Purpose, k.Mode, int64(k.Version), k.State,
		int64(k.KEKVersion), k.Wrapped, k.CreatedAt, k.Tag)
}

// UpdateWorkingKey implements store.WorkingKeyWriter.
func (t *Tx) UpdateWorkingKey(ctx context.Context, k *store.WorkingKey, was []byte) error {
	return t.swap(ctx, t.text.workingKeys.update, k.State, int64(k.KEKVersion), k.Wrapped, k.Tag,
		k.Purpose, k.Mode, int64(k.Version), was)
}
