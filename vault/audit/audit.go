// Package audit is the record of what happened to every card and every key.
//
// It promises that a record is written in the same transaction as the change
// it describes, so that a change without a record cannot exist, and that its
// bytes are canonical and final (FORMAT.md).
//
// It must never hold card data: details are ids, codes and counts.
package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/panvault/panvault/store"
)

// MaxRecord is the largest record in bytes.
const MaxRecord = 16 << 10

// ErrRecord: the event breaks a rule of FORMAT.md, so nothing was written.
var ErrRecord = errors.New("audit: record does not fit the format")

// Outcome says how the event ended (PCI DSS 10.2.2).
type Outcome string

// The outcomes.
const (
	OK     Outcome = "ok"     // it was done
	Denied Outcome = "denied" // it was not allowed
	Failed Outcome = "failed" // it was allowed and could not be done
)

func (o Outcome) known() bool { return o == OK || o == Denied || o == Failed }

// Actor is who did it.
type Actor struct {
	ID   string // akey_ id, or a process name for kind system; "" if not known
	Kind string // public, secret, reveal, operator, system, unknown
}

// Origin is where the request came from.
type Origin struct {
	IP      string // textual address; "" for the command line
	Request string // request id, as in the logs
}

// Event is one thing that happened, before it becomes a record.
type Event struct {
	Type     Type
	Outcome  Outcome
	Actor    Actor
	Origin   Origin
	Merchant string
	Mode     string // test, live or ""
	Object   string
	Details  map[string]string // keys of 1 to 32 characters of [a-z_]; see types.go
}

// Log makes records. It keeps no state and is safe for concurrent use.
type Log struct {
	clock  func() time.Time
	random io.Reader
	node   string
}

// NewLog returns a Log that stamps records with this node's name. A nil clock
// is time.Now, a nil random crypto/rand.Reader.
func NewLog(node string, clock func() time.Time, random io.Reader) *Log {
	if clock == nil {
		clock = time.Now
	}
	if random == nil {
		random = rand.Reader
	}
	return &Log{clock, random, node}
}

// Append writes the event's record in tx and returns the record's id. The
// caller must let an error undo the whole transaction: no record, no effect.
// Errors: ErrRecord, those of the store, those of random.
func (l *Log) Append(ctx context.Context, tx store.EventWriter, e Event) (string, error) {
	row, err := l.record(e)
	if err != nil {
		return "", err
	}
	if err := tx.AppendEvent(ctx, row); err != nil {
		return "", fmt.Errorf("audit: %w", err)
	}
	return row.ID, nil
}

func (l *Log) record(e Event) (*store.Event, error) {
	now := l.clock().UTC()
	suffix, err := store.NewID(now, l.random)
	if err != nil {
		return nil, fmt.Errorf("audit: draw id: %w", err)
	}
	var salt [saltSize]byte
	if _, err := io.ReadFull(l.random, salt[:]); err != nil {
		return nil, fmt.Errorf("audit: draw salt: %w", err)
	}
	r := Record{
		ID: idPrefix + suffix, At: now.Truncate(time.Microsecond),
		Node: l.node, Salt: hex.EncodeToString(salt[:]), Event: e,
	}
	body, err := r.Encode()
	if err != nil {
		return nil, err
	}
	return &store.Event{ID: r.ID, At: now.UnixMicro(), Type: string(e.Type), Body: body, Leaf: Leaf(body)}, nil
}

// Leaf returns the RFC 6962 leaf hash of a record's bytes, 32 bytes.
func Leaf(body []byte) []byte {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(body)
	return h.Sum(nil)
}
