package processor

import (
	"sync"
	"time"
)

// status is what became of a payment.
type status string

const (
	approved status = "approved"
	declined status = "declined"
	pending  status = "pending" // until the cardholder has confirmed it
)

// payment is one request for money, answered or not. Nothing secret is in it.
type payment struct {
	id        string
	reference string
	number    int // of all payments, from 1
	status    status
	amount    int64
	currency  string
	capture   bool // as asked for
	captured  bool
	reversed  bool
	duplicate bool // its reference was known
	code      string
	failure   failure // of a declined one
	brand     string
	last4     string
	createdAt time.Time
}

// charged reports whether the cardholder pays.
func (p *payment) charged() bool { return p.captured && !p.reversed }

// ledger is the payments that are remembered, the latest ones, and counts of
// all. It is safe for concurrent use; payments come in and go out as copies.
type ledger struct {
	limit int

	mu          sync.Mutex
	payments    []*payment // a ring once it is full
	oldest      int        // of the ring
	byID        map[string]*payment
	byReference map[string][]*payment // in the order they came
	repeated    int                   // references with more than one payment
	counts      Statistics
}

func newLedger(limit int) *ledger {
	return &ledger{limit: limit, byID: make(map[string]*payment), byReference: make(map[string][]*payment)}
}

// add remembers a payment, and forgets the oldest one if there are too many. It
// returns the payment with what the ledger knows of it.
func (l *ledger) add(p payment) payment {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.payments) == l.limit {
		l.forget(l.payments[l.oldest])
	}
	same := l.byReference[p.reference]
	p.duplicate = len(same) > 0
	if len(same) == 1 {
		l.repeated++
	}
	l.count(&p)
	kept := &p
	l.byReference[p.reference] = append(same, kept)
	l.byID[p.id] = kept
	if len(l.payments) < l.limit {
		l.payments = append(l.payments, kept)
	} else {
		l.payments[l.oldest] = kept
		l.oldest = (l.oldest + 1) % l.limit
	}
	return p
}

func (l *ledger) count(p *payment) {
	l.counts.Received++
	p.number = l.counts.Received
	switch p.status {
	case approved:
		l.counts.Approved++
	case declined:
		l.counts.Declined++
	case pending:
		l.counts.Pending++
	}
	if p.captured {
		l.counts.Captured++
	}
	if p.duplicate {
		l.counts.Duplicates++
	}
}

// forget lets go of a payment, the oldest of all and so of its reference.
func (l *ledger) forget(p *payment) {
	if l.byID[p.id] == p {
		delete(l.byID, p.id)
	}
	rest := l.byReference[p.reference][1:]
	switch len(rest) {
	case 0:
		delete(l.byReference, p.reference)
		return
	case 1:
		l.repeated--
	}
	l.byReference[p.reference] = rest
}

// change applies a step, if any, to a payment and returns it as it is then.
// ok is false when the payment is unknown; an error leaves it as it was.
func (l *ledger) change(id string, step step) (p payment, ok bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.byID[id]
	if !ok {
		return payment{}, false, nil
	}
	if step != nil {
		err = step(kept, &l.counts)
	}
	return *kept, true, err
}

// tally counts in the statistics.
func (l *ledger) tally(count func(*Statistics)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.counts)
}

func (l *ledger) statistics() Statistics {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.counts
	s.ByReference, s.Remembered, s.Limit = l.repeated, len(l.payments), l.limit
	return s
}

func (l *ledger) reference(name string) ReferenceStatistics {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ReferenceStatistics{Reference: name, Payments: []string{}}
	for _, p := range l.byReference[name] {
		s.add(p)
	}
	return s
}
