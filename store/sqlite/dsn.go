package sqlite

import (
	"fmt"
	"net/url"
	"time"
)

// role is what a connection is for.
type role int

const (
	reading   role = iota // beside a writer: query_only
	writing               // the one writer, migrations, checkpoints
	inspector             // of a store opened read-only: never creates or writes the file
)

// wal_autocheckpoint is in pages of 4 KiB; by measurement, 4000 is the best that
// keeps the log small (16 MiB). cache_size is in KiB, negative.
const (
	checkpointPages = 4000
	writerCache     = -32 << 10
	readerCache     = -8 << 10
)

// dsn names a database for the driver, with the settings that every connection
// must have: the driver runs them, busy_timeout first, whenever it opens one.
// recursive_triggers lets the append-only triggers see INSERT OR REPLACE.
func dsn(path string, r role, busy time.Duration) string {
	cache := readerCache
	q := url.Values{"mode": {"rw"}}
	switch r {
	case writing:
		cache = writerCache
		q.Set("_txlock", "immediate")
	case reading:
		q.Set("_query_only", "1")
	case inspector:
		q.Set("mode", "ro")
		q.Set("_query_only", "1")
	}
	q.Set("_dqs", "0")
	q.Set("_pragma", fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()))
	if r != inspector {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	for _, pragma := range []string{
		"synchronous(FULL)", "secure_delete(ON)", "foreign_keys(ON)", "temp_store(MEMORY)",
		"trusted_schema(OFF)", "cell_size_check(ON)", "recursive_triggers(ON)",
		fmt.Sprintf("cache_size(%d)", cache),
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
	} {
		q.Add("_pragma", pragma)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}
