package store

// Page selects part of a list that is ordered by creation time and id, so that
// rows made in one moment keep their order from page to page.
type Page struct {
	From, To int64 // creation time, both ends included
	Newest   bool  // newest first
	Offset   int   // rows to pass over, from 0
	Limit    int   // rows to return, 1..100
}
