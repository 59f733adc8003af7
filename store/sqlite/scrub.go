package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
)

// How long Scrub tries, and how long one try may hold up the writer.
const (
	scrubTime  = time.Second
	scrubTry   = "PRAGMA busy_timeout = 250"
	scrubPause = 20 * time.Millisecond
)

// Scrub implements store.Store: it clears what moved rows have left inside
// pages, copies the write-ahead log into the database and truncates it to
// nothing. Overwritten values themselves have been zeroed by secure_delete when
// they were overwritten. It reads the whole database.
//
// ErrUnavailable if a View or another process keeps the log in use for a
// second; Updates wait up to a quarter of a second at a time meanwhile.
func (s *Store) Scrub(ctx context.Context) error {
	if s.writer == nil {
		return store.ErrReadOnly
	}
	s.maintenance.RLock()
	defer s.maintenance.RUnlock()
	if s.closed {
		return errClosed()
	}
	c, err := connect(ctx, s.writeDB)
	if err != nil {
		return err
	}
	defer c.discard()
	if _, err := clearGaps(ctx, c); err != nil {
		return err
	}
	if _, err := c.exec(scrubTry); err != nil {
		return classify(err)
	}
	deadline := time.Now().Add(scrubTime)
	for {
		done, err := truncate(c)
		if err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: the write-ahead log is in use", store.ErrUnavailable)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(scrubPause):
		}
	}
}

// truncate tries once; not done means that someone uses the log.
func truncate(c *conn) (done bool, err error) {
	var busy, pages, copied int64
	fromEach, err := c.query("PRAGMA wal_checkpoint(TRUNCATE)", func(scan sqlstore.Scan) error {
		return scan(&busy, &pages, &copied)
	})
	switch {
	case fromEach:
		return false, err
	case code(err)&0xff == codeBusy:
		return false, nil
	}
	return busy == 0, classify(err)
}
