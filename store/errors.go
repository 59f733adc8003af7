package store

import "errors"

// The sentinels every backend maps its failures to, by code and never by text.
// They are matched with errors.Is; no error of a backend quotes a stored or
// submitted value.
var (
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict: a unique value exists already, or a compare-and-set lost.
	ErrConflict = errors.New("store: conflict")
	// ErrUnavailable: busy, locked, disconnected or closing. Retry later.
	ErrUnavailable = errors.New("store: unavailable")
	// ErrFull: the disk or the quota is full.
	ErrFull = errors.New("store: disk full")
	// ErrReadOnly: the store cannot be written.
	ErrReadOnly = errors.New("store: read-only")
	// ErrCorrupt: the backend says its files are damaged. Restore a backup.
	ErrCorrupt = errors.New("store: database is corrupt")
	// ErrNewerSchema: a newer release migrated the database. Run that release.
	ErrNewerSchema = errors.New("store: database schema is newer than this binary")
	// ErrOldSchema: the database needs a migration that was not allowed here.
	ErrOldSchema = errors.New("store: database schema is older than this binary; run 'panvault init'")
)
