package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"

	"github.com/panvault/panvault/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// attempts at a migration that another process runs at the same moment.
const migrationAttempts = 3

// newest is the number of the last migration this binary knows.
func newest() (int64, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	last := int64(0)
	for _, e := range entries {
		n, err := goose.NumericComponent(e.Name())
		if err != nil {
			return 0, err
		}
		last = max(last, n)
	}
	return last, nil
}

// current is the number of the last migration the database has had, 0 for an
// empty one. It writes nothing.
func current(ctx context.Context, db *sql.DB) (int64, error) {
	var tables int
	row := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'`)
	if err := row.Scan(&tables); err != nil {
		return 0, classify(err)
	}
	if tables == 0 {
		return 0, nil
	}
	var version int64
	row = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied = 1`)
	if err := row.Scan(&version); err != nil {
		return 0, classify(err)
	}
	return version, nil
}

// checkSchema returns nil for a database this binary was made for, and
// ErrOldSchema or ErrNewerSchema for others.
func checkSchema(ctx context.Context, db *sql.DB) error {
	have, err := current(ctx, db)
	if err != nil {
		return err
	}
	want, err := newest()
	if err != nil {
		return err
	}
	switch {
	case have < want:
		return fmt.Errorf("%w (it is at %d, the binary at %d)", store.ErrOldSchema, have, want)
	case have > want:
		return fmt.Errorf("%w (it is at %d, the binary at %d)", store.ErrNewerSchema, have, want)
	}
	return nil
}

// migrate brings the schema up to date. Processes that start at the same time
// may run into each other; the one that loses finds the work done.
func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	var failure error
	for range migrationAttempts {
		err := checkSchema(ctx, db)
		if !errors.Is(err, store.ErrOldSchema) {
			return err
		}
		if failure = migrateOnce(ctx, db, log); failure == nil {
			return nil
		}
	}
	return failure
}

func migrateOnce(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return fmt.Errorf("sqlite: migrations: %w", err)
	}
	done, err := provider.Up(ctx)
	if code(err) != 0 {
		err = classify(err)
	}
	if err != nil { // goose's own errors quote our files, never a row
		return fmt.Errorf("sqlite: migration failed: %w", err)
	}
	for _, m := range done {
		log.Info("migrated the database", "version", m.Source.Version, "took", m.Duration)
	}
	return nil
}
