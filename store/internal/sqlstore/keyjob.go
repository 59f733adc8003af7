package sqlstore

import (
	"context"

	"github.com/panvault/panvault/store"
)

const keyJobColumns = `id, verb, key, target, cursor, moved, skipped, failed, started_at, updated_at, finished_at, started_by, tag`

type keyJobText struct {
	get, open, list, insert, update string
}

func newKeyJobText(d Dialect) keyJobText {
	return keyJobText{
		get: d.sql(`SELECT ` + keyJobColumns + ` FROM key_jobs WHERE id = $1`),
		// Spelled as the partial index is, so that it is used.
		open: d.sql(`SELECT ` + keyJobColumns + ` FROM key_jobs WHERE verb = $1 AND key = $2 AND finished_at = 0`),
		list: d.sql(`SELECT ` + keyJobColumns + ` FROM key_jobs ORDER BY id DESC LIMIT $1`),
		insert: d.sql(`INSERT INTO key_jobs (` + keyJobColumns + `)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`),
		update: d.sql(`UPDATE key_jobs SET cursor = $1, moved = $2, skipped = $3, failed = $4, updated_at = $5,
			finished_at = $6, tag = $7
			WHERE id = $8 AND tag = $9`),
	}
}

// KeyJob implements store.KeyJobReader.
func (r *Reader) KeyJob(ctx context.Context, id string) (store.KeyJob, error) {
	return r.keyJob(ctx, r.text.keyJobs.get, id)
}

// OpenKeyJob implements store.KeyJobReader.
func (r *Reader) OpenKeyJob(ctx context.Context, verb, key string) (store.KeyJob, error) {
	return r.keyJob(ctx, r.text.keyJobs.open, verb, key)
}

func (r *Reader) keyJob(ctx context.Context, query string, args ...any) (store.KeyJob, error) {
	var j store.KeyJob
	if err := r.one(ctx, query, func(s Scan) error { return scanKeyJob(s, &j) }, args...); err != nil {
		return store.KeyJob{}, err
	}
	return j, nil
}

// KeyJobs implements store.KeyJobReader.
func (r *Reader) KeyJobs(ctx context.Context, limit int) ([]store.KeyJob, error) {
	var all []store.KeyJob
	err := r.q.Query(ctx, r.text.keyJobs.list, func(s Scan) error {
		var j store.KeyJob
		err := scanKeyJob(s, &j)
		all = append(all, j)
		return err
	}, int64(limit))
	if err != nil {
		return nil, err
	}
	return all, nil
}

func scanKeyJob(scan Scan, j *store.KeyJob) error {
	var target int64
	err := scan(&j.ID, &j.Verb, &j.Key, &target, &j.Cursor, &j.Moved, &j.Skipped, &j.Failed,
		&j.StartedAt, &j.UpdatedAt, &j.FinishedAt, &j.StartedBy, &j.Tag)
	if err != nil {
		return err
	}
	var n narrow
	j.Target = n.uint32(target)
	return n.err()
}

// InsertKeyJob implements store.KeyJobWriter.
func (t *Tx) InsertKeyJob(ctx context.Context, j *store.KeyJob) error {
	return t.exec(ctx, t.text.keyJobs.insert, j.ID, j.Verb, j.Key, int64(j.Target), j.Cursor, j.Moved, j.Skipped, j.Failed,
		j.StartedAt, j.UpdatedAt, j.FinishedAt, j.StartedBy, j.Tag)
}

// UpdateKeyJob implements store.KeyJobWriter.
func (t *Tx) UpdateKeyJob(ctx context.Context, j *store.KeyJob, was []byte) error {
	return t.swap(ctx, t.text.keyJobs.update, j.Cursor, j.Moved, j.Skipped, j.Failed,
		j.UpdatedAt, j.FinishedAt, j.Tag, j.ID, was)
}
