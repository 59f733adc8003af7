package vault

import (
	"container/heap"
	"context"
	"strconv"
	"time"

	"github.com/panvault/panvault/vault/audit"
)

// codeEnd is why a security code was destroyed, as metrics and audit records
// say it.
type codeEnd string

const (
	codeReleased  codeEnd = "released"     // a payment succeeded with it
	codeLapsed    codeEnd = "lapsed"       // its token was not used in time
	codeRetried   codeEnd = "retry_window" // no later attempt succeeded in time
	codeAttached  codeEnd = "attached"     // its card went to a customer
	codeDestroyed codeEnd = "destroyed"    // so was its card
	codeFull      codeEnd = "full"         // newer ones needed the room
	codeShutdown  codeEnd = "shutdown"     // the process ends
)

// codeExpiries are all ends but a release.
func codeExpiries() []codeEnd {
	return []codeEnd{codeLapsed, codeRetried, codeAttached, codeDestroyed, codeFull, codeShutdown}
}

// codeKeeper is the actor of what ends security codes.
const codeKeeper = "panvault security codes"

// codeBatch is the most ends that one transaction records.
const codeBatch = 500

// endedCode is a code that was destroyed and whose audit record is not written.
type endedCode struct {
	of  *heldCode // without what was sealed
	why codeEnd
	at  time.Time
}

func (e endedCode) event() audit.Event {
	h := e.of
	c := Caller{Key: codeKeeper, Kind: "system", Merchant: h.merchant, Live: h.live}
	event := c.event(audit.CodeExpire, audit.OK, publicID(tokenPrefix, h.live, h.record))
	event.Details = map[string]string{"attempts": strconv.Itoa(h.attempts), "ended": e.at.UTC().Format(time.RFC3339)}
	if e.why == codeReleased {
		event.Type = audit.CodeRelease
	} else {
		event.Details["reason"] = string(e.why)
	}
	return event
}

// end destroys a code and queues its audit record. The caller holds mu.
func (c *codes) end(h *heldCode, why codeEnd) {
	clear(h.sealed)
	h.sealed = nil
	heap.Remove(&c.queue, h.place)
	delete(c.held, h.record)
	c.ended[why]++
	// hold lets no code in while there are too many of these, so that there are
	// never more than twice most.
	c.pending = append(c.pending, endedCode{h, why, c.clock()})
}

// expire destroys the codes whose time is over. The caller holds mu.
func (c *codes) expire() {
	for now := c.clock(); len(c.queue) > 0 && !now.Before(c.queue[0].until); {
		c.end(c.queue[0], c.queue[0].why)
	}
}

// flush destroys what is due and writes the audit records of what has ended. A
// record that cannot be written is kept for the next flush; its code is
// destroyed all the same.
func (c *codes) flush(ctx context.Context) {
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	c.expire()
	c.mu.Unlock()
	for {
		events := c.batch()
		if len(events) == 0 {
			return
		}
		if err := c.write(ctx, events); err != nil {
			c.log.Error("security codes were destroyed and it could not be recorded yet", "error", err, "records", c.unrecorded())
			return
		}
		c.recorded(len(events))
	}
}

// batch returns the audit records that are to be written next.
func (c *codes) batch() []audit.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	events := make([]audit.Event, min(len(c.pending), codeBatch))
	for i := range events {
		events[i] = c.pending[i].event()
	}
	return events
}

// recorded forgets the first n ends, which are written.
func (c *codes) recorded(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.pending[:n])
	if c.pending = c.pending[n:]; len(c.pending) == 0 {
		c.pending = nil
	}
}

func (c *codes) unrecorded() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending)
}

// close destroys every code and the key. A flush has to follow, for the audit
// records. Nothing is held afterwards. Calling it again does nothing.
func (c *codes) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.expire()
	for len(c.queue) > 0 {
		c.end(c.queue[0], codeShutdown)
	}
	if c.key != nil {
		c.key.Destroy()
	}
}
