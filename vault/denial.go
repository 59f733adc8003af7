package vault

import (
	"context"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/panvault/panvault/vault/audit"
)

// maxDenials bounds the distinct refusals held for one flush.
const maxDenials = 256

// denials gathers refused attempts and writes them to the audit log about once
// a second, equal ones counted together, so that a flood of bad keys costs
// memory and disk for its variety, not for its volume. A refusal has no effect
// of its own, so its record may follow it.
type denials struct {
	write func(context.Context, []audit.Event) error
	clock func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	pending map[denialKey]*denial
}

type denialKey struct {
	kind               audit.Type
	actor, ip, why, of string
}

type denial struct {
	event audit.Event
	first time.Time
	count int
}

func newDenials(clock func() time.Time, log *slog.Logger, write func(context.Context, []audit.Event) error) *denials {
	return &denials{write: write, clock: clock, log: log, pending: make(map[denialKey]*denial)}
}

func (d *denials) add(e audit.Event) {
	key := denialKey{e.Type, e.Actor.ID, network(e.Origin.IP), e.Details["reason"], e.Details["action"]}
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.pending[key]; ok {
		p.count++
		return
	}
	if len(d.pending) >= maxDenials {
		// Too many to tell apart: count the rest under one address.
		key = denialKey{kind: e.Type, ip: "various"}
		e.Origin = audit.Origin{IP: "various"}
		e.Actor.ID = ""
		if p, ok := d.pending[key]; ok {
			p.count++
			return
		}
	}
	d.pending[key] = &denial{e, d.clock(), 1}
}

// flush writes what has gathered in one transaction. What cannot be written is
// kept for the next flush, merged into what gathered meanwhile.
func (d *denials) flush(ctx context.Context) {
	d.mu.Lock()
	batch := d.pending
	d.pending = make(map[denialKey]*denial)
	d.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	events := make([]audit.Event, 0, len(batch))
	for _, p := range batch {
		events = append(events, p.counted())
	}
	if err := d.write(ctx, events); err != nil {
		d.log.Error("refused attempts could not be recorded", "error", err, "kinds", len(batch))
		for key, p := range batch {
			d.restore(key, p)
		}
	}
}

// counted is the event with how often and since when.
func (p *denial) counted() audit.Event {
	e := p.event
	e.Details = maps.Clone(e.Details)
	if e.Details == nil {
		e.Details = make(map[string]string)
	}
	e.Details["count"], e.Details["first"] = strconv.Itoa(p.count), p.first.UTC().Format(time.RFC3339)
	return e
}

func (d *denials) restore(key denialKey, p *denial) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if later, ok := d.pending[key]; ok {
		p.count += later.count
	}
	if len(d.pending) < 2*maxDenials {
		d.pending[key] = p
	}
}
