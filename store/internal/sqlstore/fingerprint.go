package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const fingerprintColumns = `mac, key_version, merchant, live, surrogate, created_at, id, cards, tag`

type fingerprintText struct {
	get, byID, count, version, page, insert, update, remove string
}

func newFingerprintText(d Dialect) fingerprintText {
	return fingerprintText{
		get: d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints WHERE mac = $1`),
		// Spelled as the partial index is, so that it is used.
		byID:  d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints WHERE id = $1 AND id <> ''`),
		count: d.sql(`SELECT key_version, count(*) FROM fingerprints WHERE live = $1 GROUP BY key_version`),
		version: d.sql(`SELECT key_version FROM fingerprints WHERE live = $1 AND key_version > $2 AND key_version < $3
			ORDER BY key_version LIMIT 1`),
		page: d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints
			WHERE live = $1 AND key_version = $2 AND id > $3 AND id < $4
			ORDER BY id LIMIT $5`),
		insert: d.sql(`INSERT INTO fingerprints (` + fingerprintColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`),
		update: d.sql(`UPDATE fingerprints SET mac = $1, key_version = $2, cards = $3, tag = $4 WHERE mac = $5 AND tag = $6`),
		remove: d.sql(`DELETE FROM fingerprints WHERE mac = $1 AND tag = $2`),
	}
}

// Fingerprint implements store.FingerprintReader.
func (r *Reader) Fingerprint(ctx context.Context, mac []byte) (store.Fingerprint, error) {
	return r.fingerprint(ctx, r.text.fingerprints.get, mac)
}

// FingerprintByID implements store.FingerprintReader.
func (r *Reader) FingerprintByID(ctx context.Context, id string) (store.Fingerprint, error) {
	return r.fingerprint(ctx, r.text.fingerprints.byID, id)
}

func (r *Reader) fingerprint(ctx context.Context, query string, key any) (store.Fingerprint, error) {
	var f store.Fingerprint
	if err := r.one(ctx, query, func(s Scan) error { return scanFingerprint(s, &f) }, key); err != nil {
		return store.Fingerprint{}, err
	}
	return f, nil
}

// CountFingerprintsByVersion implements store.FingerprintReader.
func (r *Reader) CountFingerprintsByVersion(ctx context.Context, live bool) (map[uint32]int, error) {
	counts := make(map[uint32]int)
	err := r.q.Query(ctx, r.text.fingerprints.count, func(s Scan) error {
		var version, rows int64
		if err := s(&version, &rows); err != nil {
			return err
		}
		var n narrow
		counts[n.uint32(version)] = int(rows)
		return n.err()
	}, bit(live))
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// FingerprintsOfVersion implements store.FingerprintReader. It merges the ranges
// of the versions as cardsOfKeys does.
func (r *Reader) FingerprintsOfVersion(ctx context.Context, live bool, below uint32, after string, limit int) (all []store.Fingerprint, err error) {
	end := top
	err = r.each(ctx, r.text.fingerprints.version, func(version int64) error {
		var page []store.Fingerprint
		err := r.q.Query(ctx, r.text.fingerprints.page, func(s Scan) error {
			var f store.Fingerprint
			err := scanFingerprint(s, &f)
			page = append(page, f)
			return err
		}, bit(live), version, after, end, int64(limit))
		if err != nil {
			return err
		}
		all = merge(all, page, limit, func(f store.Fingerprint) string { return f.ID })
		if len(all) == limit && limit > 0 {
			end = all[limit-1].ID // no row from here on gets in
		}
		return nil
	}, int64(below), bit(live))
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanFingerprint(scan Scan, f *store.Fingerprint) error {
	var version, live int64
	err := scan(&f.MAC, &version, &f.Merchant, &live, &f.Surrogate, &f.CreatedAt, &f.ID, &f.Cards, &f.Tag)
	if err != nil {
		return err
	}
	var n narrow
	f.KeyVersion, f.Live = n.uint32(version), n.bool(live)
	return n.err()
}

// InsertFingerprint implements store.FingerprintWriter.
func (t *Tx) InsertFingerprint(ctx context.Context, f *store.Fingerprint) error {
	return t.exec(ctx, t.text.fingerprints.insert,
		f.MAC, int64(f.KeyVersion), f.Merchant, bit(f.Live), f.Surrogate, f.CreatedAt, f.ID, f.Cards, f.Tag)
}

// UpdateFingerprint implements store.FingerprintWriter.
func (t *Tx) UpdateFingerprint(ctx context.Context, f *store.Fingerprint, mac, was []byte) error {
	return t.swap(ctx, t.text.fingerprints.update, f.MAC, int64(f.KeyVersion), f.Cards, f.Tag, mac, was)
}

// DeleteFingerprint implements store.FingerprintWriter.
func (t *Tx) DeleteFingerprint(ctx context.Context, mac, was []byte) error {
	return t.swap(ctx, t.text.fingerprints.remove, mac, was)
}
