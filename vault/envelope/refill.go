package envelope

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/panvault/panvault/kms"
)

// run keeps the pool full until ctx ends. After a failure it pauses, longer
// each time up to 2 s, and goes on, so that the pool recovers by itself when
// the KMS does.
func (p *Pool) run(ctx context.Context) {
	defer close(p.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures, logged := 0, ""
	for {
		if n := p.missing(); n > 0 {
			err := p.refill(ctx, n)
			p.settle(err)
			if err == nil {
				failures, logged = 0, ""
				continue
			}
			if ctx.Err() != nil {
				return
			}
			failures++
			if text := err.Error(); text != logged {
				p.opts.Logger.Warn("data keys cannot be prepared", "mode", p.opts.Mode, "error", err)
				logged = text
			}
		}
		wake, wait := p.wake, p.untilExpiry()
		if failures > 0 {
			wake, wait = nil, pause(failures) // requests do not shorten the pause
		}
		timer.Reset(wait)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// pause returns how long to wait after so many failures in a row: 100 ms, then
// twice as long each time, at most 2 s.
func pause(failures int) time.Duration {
	return min(100*time.Millisecond<<min(failures-1, 10), 2*time.Second)
}

// missing wipes what is too old and returns how many keys to draw now.
func (p *Pool) missing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	return p.batch()
}

// batch returns how many keys the next refill should draw. It is 0 while some
// are ready and a fuller batch is worth waiting for, when every place is taken,
// and while the pool is halted. The caller holds mu.
func (p *Pool) batch() int {
	if p.halted != nil {
		return 0
	}
	n := min(p.opts.Size-len(p.ready), len(p.slots), kms.MaxBatch)
	if len(p.ready) > 0 && n < min(kms.MaxBatch, (p.opts.Size+1)/2) {
		return 0
	}
	return n
}

// untilExpiry returns when the oldest key has to be wiped, so that MaxAge holds
// in a pool that nobody uses. It is between 1 ms and MaxAge, whatever the clock.
func (p *Pool) untilExpiry() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ready) == 0 {
		return p.opts.MaxAge
	}
	left := p.ready[0].born.Add(p.opts.MaxAge).Sub(p.opts.Clock())
	return max(time.Millisecond, min(left, p.opts.MaxAge))
}

// settle publishes the outcome of a refill to those who wait for it.
func (p *Pool) settle(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failure = err
	p.announce()
}

// announce lets those who wait look again. The caller holds mu.
func (p *Pool) announce() {
	close(p.outcome)
	p.outcome = make(chan struct{})
}

// refill draws n keys with their record ids, wraps them in one call and makes
// them ready. On any error none of them is kept.
func (p *Pool) refill(ctx context.Context, n int) error {
	keys, err := p.draw(n)
	if err != nil {
		p.discard(keys)
		return err
	}
	if err := p.wrap(ctx, keys); err != nil {
		p.discard(keys)
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return nil // Close wipes the memory
	}
	for _, key := range keys {
		if key.drops != p.drops { // dropped while it was wrapped
			p.wipeReady(key)
			continue
		}
		p.ready = append(p.ready, key)
	}
	return nil
}

func (p *Pool) draw(n int) ([]*DataKey, error) {
	p.mu.Lock()
	slots := append([]int(nil), p.slots[len(p.slots)-n:]...)
	p.slots = p.slots[:len(p.slots)-n]
	drops := p.drops
	p.mu.Unlock()
	now := p.opts.Clock()
	keys := make([]*DataKey, n)
	for i, slot := range slots {
		keys[i] = &DataKey{slot: slot, pool: p, born: now, drops: drops}
	}
	for _, key := range keys {
		if _, err := io.ReadFull(p.opts.Random, key.Key()); err != nil {
			return keys, fmt.Errorf("envelope: draw data key: %w", err)
		}
		id, err := p.opts.NewID(now, p.opts.Random)
		if err != nil {
			return keys, fmt.Errorf("envelope: draw record id: %w", err)
		}
		key.Record = id
	}
	return keys, nil
}

func (p *Pool) wrap(ctx context.Context, keys []*DataKey) error {
	items := make([]kms.WrapItem, len(keys))
	for i, key := range keys {
		items[i] = kms.WrapItem{Plaintext: key.Key(), Context: DataKeyContext(p.opts.Mode, key.Record)}
	}
	results, err := p.opts.KMS.Wrap(ctx, CardKey(p.opts.Mode), items)
	if err != nil {
		return fmt.Errorf("envelope: wrap data keys: %w", err)
	}
	if len(results) != len(keys) {
		return fmt.Errorf("envelope: wrap data keys: %w", errResults)
	}
	for i, r := range results {
		if r.Err != nil {
			return fmt.Errorf("envelope: wrap data key: %w", r.Err)
		}
		if r.Version < p.newest {
			return fmt.Errorf("%w: %s wrapped with version %d after %d", ErrDowngrade, CardKey(p.opts.Mode), r.Version, p.newest)
		}
		p.newest = r.Version
		keys[i].Wrapped, keys[i].KEKVersion = r.Wrapped, r.Version
	}
	return nil
}

func (p *Pool) discard(keys []*DataKey) {
	for _, key := range keys {
		key.Wipe()
	}
}
