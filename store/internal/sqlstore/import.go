package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const importColumns = `source, id, merchant, live, created_at, finished_at, records, cards,
	read_to, prefix, map_size, reject_size, tag`

type importText struct {
	get, insert, update string
}

func newImportText(d Dialect) importText {
	return importText{
		get: d.sql(`SELECT ` + importColumns + ` FROM imports WHERE source = $1`),
		insert: d.sql(`INSERT INTO imports (` + importColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`),
		update: d.sql(`UPDATE imports SET finished_at = $1, records = $2, cards = $3, read_to = $4, prefix = $5,
			map_size = $6, reject_size = $7, tag = $8
			WHERE source = $9 AND tag = $10`),
	}
}

// Import implements store.ImportReader.
func (r *Reader) Import(ctx context.Context, source []byte) (store.Import, error) {
	var i store.Import
	if err := r.one(ctx, r.text.imports.get, func(s Scan) error { return scanImport(s, &i) }, source); err != nil {
		return store.Import{}, err
	}
	return i, nil
}

func scanImport(scan Scan, i *store.Import) error {
	var live int64
	err := scan(&i.Source, &i.ID, &i.Merchant, &live, &i.CreatedAt, &i.FinishedAt, &i.Records, &i.Cards,
		&i.ReadTo, &i.Prefix, &i.MapSize, &i.RejectSize, &i.Tag)
	if err != nil {
		return err
	}
	var n narrow
	i.Live = n.bool(live)
	return n.err()
}

// InsertImport implements store.ImportWriter.
func (t *Tx) InsertImport(ctx context.Context, i *store.Import) error {
	return t.exec(ctx, t.text.imports.insert, i.Source, i.ID, i.Merchant, bit(i.Live), i.CreatedAt, i.FinishedAt,
		i.Records, i.Cards, i.ReadTo, i.Prefix, i.MapSize, i.RejectSize, i.Tag)
}

// UpdateImport implements store.ImportWriter.
func (t *Tx) UpdateImport(ctx context.Context, i *store.Import, was []byte) error {
	return t.swap(ctx, t.text.imports.update, i.FinishedAt, i.Records, i.Cards,
		i.ReadTo, i.Prefix, i.MapSize, i.RejectSize, i.Tag, i.Source, was)
}
