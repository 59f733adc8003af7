package envelope

import (
	"time"

	"github.com/panvault/panvault/kms"
)

// DataKey is a fresh key for one record: the record's id, the 256-bit key in
// locked memory, and the key wrapped under the record's context. It is used
// for one seal and then wiped. It is not safe for concurrent use.
type DataKey struct {
	Record     string // the id the record must take
	Wrapped    []byte // as stored
	KEKVersion uint32

	// The key is found through the pool's memory, whose bytes reflection cannot
	// reach, so that printing a DataKey prints no key.
	pool  *Pool // nil once wiped
	slot  int
	born  time.Time
	drops int  // of the pool, when it was drawn
	taken bool // by a request
}

// Key returns the plaintext key, KeySize bytes of locked memory; nil once
// wiped, or once the pool is closed. Never keep it.
func (d *DataKey) Key() []byte {
	if d.pool == nil {
		return nil
	}
	return d.pool.place(d.slot)
}

// Wipe destroys the plaintext key and gives its place back. It may be called
// more than once.
func (d *DataKey) Wipe() {
	if d.pool == nil {
		return
	}
	clear(d.Key())
	d.pool.free(d)
	d.pool = nil
}

// CardKey returns the KEK that wraps the data keys of a mode's cards.
func CardKey(mode Mode) kms.Key {
	if mode == ModeLive {
		return kms.CardLive
	}
	return kms.CardTest
}
