package sqlstore

import (
	"fmt"
	"math"

	"github.com/panvault/panvault/store"
)

// bit is how a bool is stored.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// narrow turns columns back into the smaller types of a row and remembers
// whether one did not fit, which a schema with its checks in place rules out.
type narrow struct {
	bad bool
}

func (n *narrow) bool(v int64) bool {
	n.bad = n.bad || v < 0 || v > 1
	return v == 1
}

func (n *narrow) uint32(v int64) uint32 {
	n.bad = n.bad || v < 0 || v > math.MaxUint32
	return uint32(v)
}

func (n *narrow) int(v int64) int {
	n.bad = n.bad || v < 0 || v > math.MaxInt32
	return int(v)
}

func (n *narrow) err() error {
	if n.bad {
		return fmt.Errorf("%w: a column is out of its range", store.ErrCorrupt)
	}
	return nil
}
