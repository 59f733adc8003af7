package vault

import (
	"container/heap"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

const (
	// DefaultCodeRetry is how long a security code outlives the first attempt
	// that failed.
	DefaultCodeRetry = 5 * time.Minute
	// maxCodes bounds the security codes that a process holds, and with them the
	// audit records that wait to be written: about 50 MiB of memory at worst.
	maxCodes = 100_000
)

// codes holds the security codes of unused tokens until their first use. They
// are sealed under a key that this process alone has, in memory alone: PCI DSS
// 3.3.1 forbids keeping one after authorisation, so no file ever gets one, and a
// process that is killed takes them with it.
//
// Every code that is held ends once: released to a payment, or expired. It is
// safe for concurrent use.
type codes struct {
	key    *envelope.EphemeralKey // nil without intake: nothing is held then
	clock  func() time.Time
	random io.Reader
	retry  time.Duration // not positive: no second attempt
	most   int           // maxCodes, but in tests
	log    *slog.Logger
	write  func(context.Context, []audit.Event) error

	flushing sync.Mutex

	mu      sync.Mutex
	held    map[string]*heldCode // by record id
	queue   codeQueue            // the same, by when their time is over
	entered uint64               // how many were held so far
	ended   map[codeEnd]uint64   // how many ended so far
	pending []endedCode          // whose audit records are to be written, oldest first
	closed  bool
}

// openCodes makes the codes of a process. Without intake it holds none.
func (s *Service) openCodes() (err error) {
	s.codes = &codes{
		clock: s.now, random: s.random, retry: s.opts.CodeRetry, most: maxCodes, log: s.log, write: s.recordAll,
		held: make(map[string]*heldCode), ended: make(map[codeEnd]uint64),
	}
	if s.opts.Intake {
		s.codes.key, err = envelope.NewEphemeralKey(s.random)
	}
	return err
}

// hold seals the code of a token that was just committed and keeps it until
// then at most. An empty code is none. When there is no room, the code whose
// time is over first makes some: it is the likeliest to belong to a purchase
// that was given up. Where nothing is held, or sealing fails, the token has no
// code, and its payment goes without.
func (c *codes) hold(record string, code card.SecurityCode, live bool, merchant string, until time.Time) {
	if c.key == nil || code.IsZero() {
		return
	}
	h := &heldCode{record: record, merchant: merchant, live: live, until: until, why: codeLapsed}
	var err error
	code.Use(func(digits []byte) { h.sealed, err = c.key.Seal(c.random, h.binding(), digits) })
	if err != nil {
		c.log.Error("a security code could not be sealed and is not held", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.held[record] != nil {
		clear(h.sealed)
		return
	}
	c.entered++
	if len(c.pending) >= c.most {
		// The audit log takes no records of what has ended. Nobody could have
		// used this one, so that counting it is enough.
		clear(h.sealed)
		c.ended[codeFull]++
		return
	}
	if len(c.queue) >= c.most {
		c.expire()
	}
	if len(c.queue) >= c.most {
		c.end(c.queue[0], codeFull)
	}
	c.held[record] = h
	heap.Push(&c.queue, h)
}

// borrow returns a copy of a token's code for one attempt, which the caller
// wipes and settles. It is empty if none is held, or its time is over.
func (c *codes) borrow(record string) card.SecurityCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.current(record)
	if h == nil {
		return card.SecurityCode{}
	}
	plain, err := c.key.Open(h.binding(), h.sealed)
	if err != nil {
		// Only faulty memory does this: nothing else writes what is sealed.
		c.log.Error("a security code does not open; the payment goes without it", "error", err)
		return card.SecurityCode{}
	}
	defer clear(plain)
	code, err := card.NewSecurityCode(plain)
	if err != nil {
		c.log.Error("a security code does not open; the payment goes without it", "error", err)
		return card.SecurityCode{}
	}
	h.attempts++
	return code
}

// settle ends an attempt. One that succeeded has used the code up. After one
// that failed, another may follow within the retry window, which begins at the
// first failure and is not prolonged by later ones.
func (c *codes) settle(record string, succeeded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.current(record)
	switch {
	case h == nil:
	case succeeded:
		c.end(h, codeReleased)
	case c.retry <= 0:
		c.end(h, codeRetried)
	default:
		// A later failure is later, so that the first one has set the end.
		if last := c.clock().Add(c.retry); last.Before(h.until) {
			h.until, h.why = last, codeRetried
			heap.Fix(&c.queue, h.place)
		}
	}
}

// drop destroys the code of a token that needs none any more, if it is held.
func (c *codes) drop(record string, why codeEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.current(record); h != nil {
		c.end(h, why)
	}
}

// current returns a code whose time is not over; nil for none. The caller holds
// mu.
func (c *codes) current(record string) *heldCode {
	h := c.held[record]
	if h != nil && !c.clock().Before(h.until) {
		c.end(h, h.why)
		return nil
	}
	return h
}

// locked reports whether the key is on a page that cannot be swapped out.
func (c *codes) locked() bool { return c.key == nil || c.key.Locked() }
