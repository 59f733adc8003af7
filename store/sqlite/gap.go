package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/store/internal/sqlstore"
)

// SQLite moves cells between pages when it balances a tree, and leaves copies of
// them in the unallocated space between a page's cell pointers and its cells;
// secure_delete clears what is freed, but not that. A copy of a wrapped key
// would outlive its card, so Scrub clears this space on every page of a table
// or index, which nothing ever reads (SQLite file format, §1.6).

const (
	gapPages = 1024 // pages that one read transaction looks at
	gapFixes = 64   // pages that one write transaction clears
	gapTry   = "PRAGMA busy_timeout = 5000"
	readPage = "SELECT data FROM sqlite_dbpage WHERE pgno = ?"
	lockByte = 1 << 30      // the page with this byte is never used
	maxPages = 0x02<<24 - 1 // from here on an overflow page could look like a page of a tree
)

// clearGaps clears the unallocated space of all pages that have something there
// and returns how many those were. Others can write in between.
func clearGaps(ctx context.Context, c *conn) (cleared int, err error) {
	if _, err := c.exec(gapTry); err != nil {
		return 0, classify(err)
	}
	for first := int64(1); ; first += gapPages {
		if err := ctx.Err(); err != nil {
			return cleared, err
		}
		found, last, err := findGaps(c, first)
		if err != nil {
			return cleared, err
		}
		for len(found) > 0 {
			n := min(gapFixes, len(found))
			if err := fixGaps(c, found[:n]); err != nil {
				return cleared, err
			}
			cleared, found = cleared+n, found[n:]
		}
		if last {
			return cleared, nil
		}
	}
}

// findGaps returns the pages from first on that have something in their gap;
// last says that there are no further pages.
func findGaps(c *conn, first int64) (found []int64, last bool, err error) {
	err = inTransaction(c, "BEGIN", func() error {
		var pages int64
		if err := c.read("PRAGMA page_count", &pages); err != nil {
			return err
		}
		if pages > maxPages {
			return fmt.Errorf("%w: the database is too large to scrub; copies of destroyed rows may remain", store.ErrUnavailable)
		}
		last = first+gapPages > pages
		for n := first; n < min(first+gapPages, pages+1); n++ {
			page, err := c.page(n)
			if err != nil {
				return err
			}
			if space := gap(page, n); !isZero(space) {
				found = append(found, n)
			}
		}
		return nil
	})
	return found, last, err
}

// fixGaps clears pages, as they are now: they may have changed since.
func fixGaps(c *conn, pages []int64) error {
	return inTransaction(c, "BEGIN IMMEDIATE", func() error {
		for _, n := range pages {
			page, err := c.page(n)
			if err != nil {
				return err
			}
			clear(gap(page, n))
			if _, err := c.exec("UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", page, n); err != nil {
				return classify(err)
			}
		}
		return nil
	})
}

// gap returns the unallocated space of a page of a tree, nil for any other page
// and for one whose header makes no sense.
func gap(page []byte, number int64) []byte {
	size := len(page)
	if size < 512 || number == lockByte/int64(size)+1 {
		return nil
	}
	header := 0
	if number == 1 {
		header = 100 // behind the header of the file
	}
	var pointers int
	switch page[header] {
	case 0x02, 0x05: // interior pages of an index and of a table
		pointers = header + 12
	case 0x0a, 0x0d: // leaves
		pointers = header + 8
	default:
		return nil
	}
	begin := pointers + 2*int(binary.BigEndian.Uint16(page[header+3:]))
	end := int(binary.BigEndian.Uint16(page[header+5:]))
	if end == 0 {
		end = 1 << 16
	}
	if begin > end || end > size {
		return nil
	}
	return page[begin:end]
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// page reads a page as the transaction sees it.
func (c *conn) page(number int64) (page []byte, err error) {
	err = c.read(readPage, &page, number)
	return page, err
}

// read runs a query for one value.
func (c *conn) read(query string, dst any, args ...any) error {
	fromEach, err := c.query(query, func(scan sqlstore.Scan) error { return scan(dst) }, args...)
	if fromEach {
		return err
	}
	return classify(err)
}

// inTransaction runs fn in a transaction of c's and undoes it if fn fails.
func inTransaction(c *conn, begin string, fn func() error) error {
	if _, err := c.exec(begin); err != nil {
		return classify(err)
	}
	err := fn()
	if err == nil {
		if _, err = c.exec("COMMIT"); err == nil {
			return nil
		}
		err = classify(err)
	}
	_, _ = c.exec("ROLLBACK") // the error says why; the connection is discarded
	return err
}
