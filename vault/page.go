package vault

import (
	"time"

	"github.com/panvault/panvault/store"
)

// Page asks for part of a list. The zero value asks for the first 20, oldest
// first.
type Page struct {
	From, To time.Time // creation time, both included; zero From is the beginning, zero To is now
	Newest   bool      // newest first
	Offset   int       // 0 or more
	Limit    int       // 1..100; 0 takes 20, more takes 100
}

// List is a page of rows with what it was asked and how many there are.
type List[T any] struct {
	Page  Page // with the defaults filled in
	Total int  // rows between From and To
	Rows  []T
}

const (
	defaultPage = 20
	maxPage     = 100
)

func (p Page) filled(now time.Time) Page {
	if p.From.IsZero() {
		p.From = time.Unix(0, 0).UTC()
	}
	if p.To.IsZero() {
		p.To = now.UTC()
	}
	if p.Limit == 0 {
		p.Limit = defaultPage
	}
	p.Limit = min(p.Limit, maxPage)
	return p
}

// stored is the page as the store takes it.
func (p Page) stored() store.Page {
	return store.Page{
		From: p.From.UnixMicro(), To: p.To.UnixMicro(), Newest: p.Newest, Offset: p.Offset, Limit: p.Limit,
	}
}
