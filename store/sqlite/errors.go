package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"github.com/panvault/panvault/store"
)

// Result codes of SQLite, https://www.sqlite.org/rescode.html. The low byte is
// the primary code, the rest refines it.
const (
	codeError      = 1
	codePerm       = 3
	codeBusy       = 5
	codeLocked     = 6
	codeNoMem      = 7
	codeReadOnly   = 8
	codeInterrupt  = 9
	codeIOErr      = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCantOpen   = 14
	codeProtocol   = 15
	codeConstraint = 19
	codeNotADB     = 26

	codeUnique      = codeConstraint | 8<<8
	codePrimaryKey  = codeConstraint | 6<<8
	codeRowID       = codeConstraint | 10<<8
	codeIOData      = codeIOErr | 32<<8 // a checksum of a page is wrong
	codeIOCorruptFS = codeIOErr | 33<<8
)

// code is the extended result code of an error of the driver, 0 for others.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// classify turns an error of the driver into one of package store that says no
// more than the code: the driver's own text may quote a value.
//
// An I/O error is ErrUnavailable, because the disk may come back; so are lack
// of memory, an interrupt and a file that cannot be opened. A quota that the
// system reports as an I/O error cannot be told from one. A broken constraint
// other than uniqueness is a mistake of the program and matches no sentinel.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("%w: the connection is gone", store.ErrUnavailable)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	c := code(err)
	if c == 0 {
		return errors.New("sqlite: the driver failed without a code")
	}
	if sentinel := sentinelOf(c); sentinel != nil {
		return fmt.Errorf("%w (sqlite code %d)", sentinel, c)
	}
	return fmt.Errorf("sqlite: statement failed (sqlite code %d)", c)
}

// sentinelOf maps an extended result code, nil if no sentinel fits.
func sentinelOf(c int) error {
	switch c {
	case codeUnique, codePrimaryKey, codeRowID:
		return store.ErrConflict
	case codeIOData, codeIOCorruptFS:
		return store.ErrCorrupt
	}
	switch c & 0xff {
	case codeBusy, codeLocked, codeProtocol, codeInterrupt, codeNoMem, codeCantOpen, codeIOErr:
		return store.ErrUnavailable
	case codeFull:
		return store.ErrFull
	case codeReadOnly, codePerm:
		return store.ErrReadOnly
	case codeCorrupt, codeNotADB:
		return store.ErrCorrupt
	}
	return nil
}
