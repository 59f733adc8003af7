package store

import "context"

// KeyJob is how far a run over the records of a key has come. It is updated in
// the transaction that changes the records, so that another process can go on
// where this one was killed.
type KeyJob struct {
	ID         string // job_ + 24
	Verb       string // e.g. "rewrap"; 1..32 runes
	Key        string // as in KeyVersion
	Target     uint32 // version or generation to move to; 0 for none
	Cursor     string // the last record it has dealt with; "" at the start, up to 64 runes
	Moved      int64
	Skipped    int64 // had moved already
	Failed     int64 // could not be moved
	StartedAt  int64
	UpdatedAt  int64
	FinishedAt int64  // 0 until the end was reached
	StartedBy  string // akey_ id or name of a process; 1..255 runes
	Tag        []byte // 20 bytes over all other columns
}

// KeyJobReader reads jobs.
type KeyJobReader interface {
	// KeyJob returns one row. ErrNotFound.
	KeyJob(ctx context.Context, id string) (KeyJob, error)
	// OpenKeyJob returns the job of a verb and key that has not finished.
	// ErrNotFound.
	OpenKeyJob(ctx context.Context, verb, key string) (KeyJob, error)
	// KeyJobs lists the newest rows first, at most limit.
	KeyJobs(ctx context.Context, limit int) ([]KeyJob, error)
}

// KeyJobWriter writes jobs.
type KeyJobWriter interface {
	// InsertKeyJob adds a row. ErrConflict if the id exists, or a job of the
	// same verb and key that has not finished.
	InsertKeyJob(ctx context.Context, j *KeyJob) error
	// UpdateKeyJob writes cursor, counts, UpdatedAt and FinishedAt of the row
	// with the same id whose tag is was. ErrConflict if there is none: somebody
	// else goes on with it.
	UpdateKeyJob(ctx context.Context, j *KeyJob, was []byte) error
}
