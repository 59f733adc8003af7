package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const fingerprintColumns = `mac, key_version, merchant, live, surrogate, created_at, tag`

type fingerprintText struct {
	get, insert, replace string
}

func newFingerprintText(d Dialect) fingerprintText {
	return fingerprintText{
		get: d.sql(`SELECT ` + fingerprintColumns + ` FROM fingerprints WHERE mac = $1`),
		insert: d.sql(`INSERT INTO fingerprints (` + fingerprintColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`),
		replace: d.sql(`UPDATE fingerprints SET mac = $1, key_version = $2, tag = $3 WHERE mac = $4`),
	}
}

// Fingerprint implements store.FingerprintReader.
func (r *Reader) Fingerprint(ctx context.Context, mac []byte) (store.Fingerprint, error) {
	var f store.Fingerprint
	err := r.one(ctx, r.text.fingerprints.get, func(s Scan) error { return scanFingerprint(s, &f) }, mac)
	if err != nil {
		return store.Fingerprint{}, err
	}
	return f, nil
}

func scanFingerprint(scan Scan, f *store.Fingerprint) error {
	var version, live int64
	err := scan(&f.MAC, &version, &f.Merchant, &live, &f.Surrogate, &f.CreatedAt, &f.Tag)
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
		f.MAC, int64(f.KeyVersion), f.Merchant, bit(f.Live), f.Surrogate, f.CreatedAt, f.Tag)
}

// ReplaceFingerprint implements store.FingerprintWriter. Only the MAC, the
// key version and the tag change; ErrConflict if the new MAC exists.
func (t *Tx) ReplaceFingerprint(ctx context.Context, old []byte, f *store.Fingerprint) error {
	return t.change(ctx, t.text.fingerprints.replace, f.MAC, int64(f.KeyVersion), f.Tag, old)
}
