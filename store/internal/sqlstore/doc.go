// Package sqlstore holds the one SQL text that every backend runs: it turns
// the roles of package store into statements over a Querier.
//
// It promises that a statement names every column it reads or writes, that
// placeholders are $1, $2 … in the order of their first use, and that nothing
// but TEXT, BLOB, 64-bit integers and 0/1 reaches a driver, so that the text
// runs unchanged on SQLite and PostgreSQL.
//
// It must never put the value of a row or of an argument into an error, begin
// or end a transaction, know which backend it runs on, or ask for a lock: the
// backends promise serializable transactions, so no statement needs FOR UPDATE.
package sqlstore
