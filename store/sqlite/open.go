package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"time"

	"github.com/panvault/panvault/store"
)

// driverName is what modernc.org/sqlite registers with database/sql.
const driverName = "sqlite"

// openPause lies between two tries to open a database that is busy.
const openPause = 10 * time.Millisecond

// Open opens the database at path, a file on a local file system.
//
// Its folder is created with mode 0700 and the file with mode 0600 if
// opts.Migrate allows it; a file that others can reach is refused. Errors:
// store.ErrOldSchema, ErrNewerSchema, ErrUnavailable (locked for longer than
// the busy timeout), ErrFull, ErrReadOnly, ErrCorrupt (also for a file that is
// no database), and those of the file system, which name the path.
//
// ctx bounds the opening, not the life of the Store, which ends with Close.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if opts.ReadOnly && opts.Migrate {
		return nil, errors.New("sqlite: a read-only store cannot be migrated")
	}
	opts = opts.withDefaults()
	path, exists, err := locate(path, opts.Migrate)
	if err != nil {
		return nil, err
	}
	if !exists {
		if !opts.Migrate {
			return nil, absentError{path}
		}
		if err := createFile(path); err != nil {
			return nil, err
		}
	}
	if err := checkModes(path); err != nil {
		return nil, err
	}
	if opts.ReadOnly {
		return openReadOnly(ctx, path, opts)
	}
	return openPatiently(ctx, path, opts)
}

// absentError is a database that is not there and was not to be made: it is
// both store.ErrOldSchema and fs.ErrNotExist.
type absentError struct{ path string }

// Error names the path.
func (e absentError) Error() string { return "there is no database at " + e.path }

// Is matches what it is.
func (e absentError) Is(target error) bool {
	return target == store.ErrOldSchema || target == fs.ErrNotExist
}

// openPatiently tries for as long as the busy timeout: SQLite does not wait by
// itself when two processes turn a new file to WAL at the same moment.
func openPatiently(ctx context.Context, path string, opts Options) (*Store, error) {
	deadline := time.Now().Add(opts.BusyTimeout)
	for {
		s, err := openWritable(ctx, path, opts)
		if !errors.Is(err, store.ErrUnavailable) || time.Now().After(deadline) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(openPause):
		}
	}
}

func openReadOnly(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	db, err := sql.Open(driverName, dsn(path, inspector, opts.BusyTimeout))
	if err != nil {
		return nil, classify(err)
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	if err := checkSchema(ctx, db); err != nil {
		return nil, err
	}
	c, err := connect(ctx, db)
	if err != nil {
		return nil, err
	}
	return newStore(nil, db, nil, c, nil, opts), nil
}

func openWritable(ctx context.Context, path string, opts Options) (_ *Store, err error) {
	writeDB, err := sql.Open(driverName, dsn(path, writing, opts.BusyTimeout))
	if err != nil {
		return nil, classify(err)
	}
	readDB, err := sql.Open(driverName, dsn(path, reading, opts.BusyTimeout))
	if err != nil {
		writeDB.Close()
		return nil, classify(err)
	}
	defer func() {
		if err != nil {
			readDB.Close()
			writeDB.Close()
		}
	}()
	if opts.Migrate {
		err = migrate(ctx, writeDB, opts.Logger)
	} else {
		err = checkSchema(ctx, writeDB)
	}
	if err != nil {
		return nil, err
	}
	w, err := connect(ctx, writeDB)
	if err != nil {
		return nil, err
	}
	r, err := connect(ctx, readDB)
	if err != nil {
		w.discard()
		return nil, err
	}
	return newStore(writeDB, readDB, w, r, openTurn(path, opts.BusyTimeout), opts), nil
}
