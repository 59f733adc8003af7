// Package sqlite keeps the store in one SQLite file, the default backend.
//
// It promises:
//
//   - Durability. An Update returns nil only after the commit that holds its
//     writes is on the disk (WAL, synchronous=FULL). Concurrent Updates share
//     one commit, each under a savepoint of its own, so that one that fails
//     takes only its own writes with it.
//   - Honesty. Whatever SQLite rolls back on its own (full disk, I/O error)
//     fails every Update that was in that transaction. One doubt remains, as
//     with any database: when the disk refuses the commit itself, the bytes of
//     the commit may be on it, and a power cut in the next moment may bring
//     them back after ErrUnavailable was answered.
//   - Erasure. secure_delete is on for every connection, and Scrub empties
//     the write-ahead log, so that after it no overwritten byte is left in the
//     files. Copies made by others (backups, snapshots, the flash below) are
//     out of its reach.
//   - Privacy. The files are readable by their owner only, and a database that
//     is not is refused.
//
// Several processes may open one file at the same time, on a local file
// system; a writer waits for another one up to Options.BusyTimeout.
//
// It must never put the value of a row, or text of the driver, into an error
// or a log line; let a caller's context interrupt a statement inside a writing
// transaction; or open the file of a running database by any other way than
// SQLite, because closing such a descriptor drops the locks of the process.
package sqlite
