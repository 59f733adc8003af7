package card

import "sync/atomic"

// IINSource is an issuer table that can be replaced while it is in use. The
// zero value and a nil pointer hold no table and find nothing. All methods
// are safe for concurrent use; an IINSource must not be copied.
type IINSource struct{ table atomic.Pointer[IINTable] }

// Swap makes t the table of all later lookups; nil empties the source. It
// returns the table that was in use.
func (s *IINSource) Swap(t *IINTable) *IINTable { return s.table.Swap(t) }

// Lookup is IINTable.Lookup on the current table.
func (s *IINSource) Lookup(digits []byte) (Issuer, bool) {
	if s == nil {
		return Issuer{}, false
	}
	return s.table.Load().Lookup(digits)
}
