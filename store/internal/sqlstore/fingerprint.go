package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const fingerprintColumns = `mac, key_version, merchant, live, surrogate, created_at, id, cards, tag`

type fingerprintText struct {
	get, byID, insert, update, remove string
}

func newFingerprintText(d Dialect) fingerprintText {
	return fingerprintText{
		get: d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints WHERE mac = $1`),
		// Spelled as the partial index is, so that it is used.
		byID: d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints WHERE id = $1 AND id <> ''`),
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
