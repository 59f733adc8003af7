package sqlite

import (
	"log/slog"
	"runtime"
	"time"
)

// Options say how to open a database. The zero value opens an existing,
// current one for reading and writing.
type Options struct {
	// Migrate allows Open to create the file and to bring its schema up to
	// date. Without it an absent or older database is store.ErrOldSchema.
	Migrate bool
	// ReadOnly opens without a writer: Update, Scrub and Check answer
	// store.ErrReadOnly. It cannot be combined with Migrate.
	ReadOnly bool
	// Readers is how many Views run at once; others wait. 0 takes twice the
	// number of processors, at least 4.
	Readers int
	// BusyTimeout is how long a transaction waits for another process that
	// writes before it is store.ErrUnavailable. 0 takes 5 seconds.
	BusyTimeout time.Duration
	// Optimistic leaves out the savepoint of each Update in a group, which is
	// half of what a small insert costs. If one fails after it wrote, the
	// group is rolled back and the others run a second time, with savepoints.
	// Set it only if every closure keeps the rule of store.Store that it may
	// run again.
	Optimistic bool
	// Logger is told of migrations, and of commits that failed. Nil logs nothing.
	Logger *slog.Logger
	// Observe, if set, is called once for each commit or failed attempt, by
	// the one goroutine that writes and before the callers are answered: it
	// must be quick and must not use the Store.
	Observe func(Commit)
}

// Commit is what happened to one group of Updates.
type Commit struct {
	Closures int           // Updates in the group, 1..257, those that failed included
	Duration time.Duration // from the begin of the transaction to the end of its commit
	Err      error         // nil if the group was committed; matches a sentinel of package store
}

func (o Options) withDefaults() Options {
	if o.Readers <= 0 {
		o.Readers = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Observe == nil {
		o.Observe = func(Commit) {}
	}
	return o
}
