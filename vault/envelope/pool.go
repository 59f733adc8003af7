package envelope

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/panvault/panvault/kms"
)

// PoolOptions configures a Pool. Zero values take the defaults.
type PoolOptions struct {
	Mode   Mode                                       // required
	KMS    kms.KMS                                    // required
	NewID  func(time.Time, io.Reader) (string, error) // required: draws record ids
	Size   int                                        // keys kept ready; default 512, 1..16384
	MaxAge time.Duration                              // an unused key is wiped after it; default 10 minutes
	Wait   time.Duration                              // how long Take waits for a refill; default 2 s
	Clock  func() time.Time                           // default time.Now
	Random io.Reader                                  // default crypto/rand.Reader
	Logger *slog.Logger                               // default discards
}

func (o *PoolOptions) setDefaults() {
	if o.Size == 0 {
		o.Size = 512
	}
	if o.MaxAge == 0 {
		o.MaxAge = 10 * time.Minute
	}
	if o.Wait == 0 {
		o.Wait = 2 * time.Second
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// ErrDowngrade: the KMS wrapped with an older key version than before. Writes
// stop, because the older version may be the compromised one (PCI DSS 3.7.5).
var ErrDowngrade = errors.New("envelope: the KMS went back to an older key version")

// Pool holds data keys that were drawn and wrapped before their card arrived,
// so that the KMS round trip is off the path of a request and a short outage
// is not noticed. Each key is used once and then wiped; an unused key protects
// nothing yet, so this is no cache of plaintext keys. It is safe for
// concurrent use.
type Pool struct {
	opts   PoolOptions
	memory *kms.LockedBuffer
	wake   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
	newest uint32 // highest KEK version seen; only run touches it

	mu       sync.Mutex
	ready    []*DataKey    // oldest first
	slots    []int         // free places in memory
	outcome  chan struct{} // closed at the next outcome of a refill
	failure  error         // of the last refill; nil after a good one
	stopping bool
	halted   error       // why nothing may be encrypted now; nil while it may
	drops    int         // how often keys were dropped
	taken    map[int]int // keys in use, by the drops before they were drawn
}

// NewPool starts filling a pool. Close it to stop and wipe it. It fails only
// if memory cannot be had; a KMS that is down shows in Take.
func NewPool(opts PoolOptions) (*Pool, error) {
	opts.setDefaults()
	if opts.Size < 1 || opts.Size > 16384 {
		return nil, errors.New("envelope: pool size must be between 1 and 16384")
	}
	places := 2 * opts.Size // as many again may be in use by requests
	memory, err := kms.NewLockedBuffer(places * KeySize)
	if err != nil {
		return nil, fmt.Errorf("envelope: locked memory: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Pool{
		opts: opts, memory: memory, stop: cancel,
		wake: make(chan struct{}, 1), done: make(chan struct{}), outcome: make(chan struct{}), taken: make(map[int]int),
	}
	for i := range places {
		p.slots = append(p.slots, i)
	}
	go p.run(ctx)
	return p, nil
}

// Take returns a key that nobody else gets. If none is ready it waits for a
// refill, at most PoolOptions.Wait; then, or at once when the last refill
// failed, it returns an error that matches kms.ErrUnavailable, another
// sentinel of kms, or ErrDowngrade. If ctx ends first the error matches
// kms.ErrUnavailable and that of ctx.
func (p *Pool) Take(ctx context.Context) (*DataKey, error) {
	key, outcome, err := p.pop()
	if key != nil || err != nil {
		return key, err
	}
	limit, cancel := context.WithTimeout(ctx, p.opts.Wait)
	defer cancel()
	for {
		select {
		case <-outcome:
		case <-limit.Done():
			return nil, noKey(ctx)
		}
		if key, outcome, err = p.pop(); key != nil || err != nil {
			return key, err
		}
	}
}

// noKey is the error of a Take that ran out of time, or whose caller gave up.
func noKey(ctx context.Context) error {
	err := kms.ContextError(ctx)
	if err == nil {
		err = kms.ErrUnavailable
	}
	return fmt.Errorf("envelope: no data key is ready: %w", err)
}

// pop returns the oldest key; without one, why there is none, or else what to
// wait for.
func (p *Pool) pop() (*DataKey, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	if p.stopping {
		return nil, nil, fmt.Errorf("envelope: pool is closed: %w", kms.ErrUnavailable)
	}
	if p.halted != nil {
		return nil, nil, p.halted
	}
	if len(p.ready) == 0 {
		p.nudge()
		return nil, p.outcome, p.failure
	}
	key := p.ready[0]
	p.ready[0] = nil
	p.ready = p.ready[1:]
	key.taken = true
	p.taken[key.drops]++
	p.nudge()
	return key, nil, nil
}

// Drop wipes the keys that are ready and those that are being prepared, and
// waits until those that were taken are wiped: every key that is used afterwards
// was wrapped after Drop began. The error is that of ctx.
func (p *Pool) Drop(ctx context.Context) error {
	p.mu.Lock()
	p.wipeAll()
	p.nudge()
	current := p.drops
	p.mu.Unlock()
	for {
		p.mu.Lock()
		older := 0
		for drops, n := range p.taken {
			if drops < current {
				older += n
			}
		}
		p.mu.Unlock()
		if older == 0 {
			return nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Halt wipes the keys that are ready and makes every Take fail with why, until
// Halt(nil): for a KEK that must not protect anything new. Keys that were taken
// stay usable. It does not wait.
func (p *Pool) Halt(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.halted = why; why != nil {
		p.wipeAll()
		p.announce()
	}
	p.nudge()
}

// Halted is the error of the last Halt; nil if keys may be taken.
func (p *Pool) Halted() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted
}

// wipeAll wipes the keys that are ready, and soon those that are being
// prepared. The caller holds mu.
func (p *Pool) wipeAll() {
	p.drops++
	for _, key := range p.ready {
		p.wipeReady(key)
	}
	p.ready = nil
}

// wipeReady gives a ready key's place back. The caller holds mu.
func (p *Pool) wipeReady(key *DataKey) {
	clear(key.Key())
	key.pool = nil
	p.slots = append(p.slots, key.slot)
}

// Depth returns how many keys are ready.
func (p *Pool) Depth() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready)
}

// Locked reports whether the keys are on pages that cannot be swapped out.
func (p *Pool) Locked() bool { return p.memory.Locked() }

// Close stops the refill and wipes every key, also those that were taken,
// which must not be in use. A Take that waits fails at once. Calling it again
// does nothing.
func (p *Pool) Close() {
	p.mu.Lock()
	p.stopping = true
	p.ready = nil
	p.announce()
	p.mu.Unlock()
	p.stop()
	<-p.done
	p.memory.Destroy()
}

// nudge wakes run if there is something to refill. The caller holds mu.
func (p *Pool) nudge() {
	if p.batch() == 0 {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// free takes back the place of a key.
func (p *Pool) free(key *DataKey) {
	p.mu.Lock()
	p.slots = append(p.slots, key.slot)
	if key.taken {
		if p.taken[key.drops]--; p.taken[key.drops] == 0 {
			delete(p.taken, key.drops)
		}
	}
	p.nudge()
	p.mu.Unlock()
}

// place returns the memory of a slot, nil once the pool is closed.
func (p *Pool) place(slot int) []byte {
	memory := p.memory.Bytes()
	if memory == nil {
		return nil
	}
	return memory[slot*KeySize:][:KeySize:KeySize]
}

// expire wipes keys that have reached MaxAge. The caller holds mu.
func (p *Pool) expire() {
	oldest := p.opts.Clock().Add(-p.opts.MaxAge)
	for len(p.ready) > 0 && !p.ready[0].born.After(oldest) {
		key := p.ready[0]
		p.ready[0] = nil
		p.ready = p.ready[1:]
		p.wipeReady(key)
	}
}
