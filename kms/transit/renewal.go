package transit

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/panvault/panvault/kms"
)

// run keeps the token alive until ctx ends: it renews at about two thirds of
// the token's life, logs in again when it cannot be renewed any more, and
// takes over a token file that changed.
func (s *session) run(ctx context.Context) {
	due, failures := dueAt(*s.current.Load()), 0
	for {
		timer := time.NewTimer(pause(due, failures))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.fresh:
			timer.Stop()
			due, failures = dueAt(*s.current.Load()), 0
			continue
		case <-timer.C:
		}
		l, err := s.tend(ctx, due)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
			s.log.Warn("keeping the vault token alive failed; trying again", "failures", failures, "error", err)
		case l != nil:
			due, failures = dueAt(*l), 0
		}
	}
}

// tend does what is to be done now: nothing, take over a changed file, renew
// or log in. It returns the new lease, or nil if nothing was due.
func (s *session) tend(ctx context.Context, due time.Time) (*lease, error) {
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	old := *s.current.Load()
	if !s.auth.changed(old.token) && time.Now().Before(due) {
		return nil, nil
	}
	next, err := s.extend(ctx, old)
	if err != nil {
		return nil, err
	}
	s.current.Store(&next)
	return &next, nil
}

// extend renews l, or logs in where renewing is impossible, refused or no
// longer gains anything.
func (s *session) extend(ctx context.Context, l lease) (lease, error) {
	if !l.renewable || l.ended() || s.auth.changed(l.token) {
		return s.auth.login(ctx)
	}
	next, err := s.auth.renew(ctx, l)
	switch {
	case errors.Is(err, kms.ErrDenied):
		return s.auth.login(ctx)
	case err != nil:
		return lease{}, err
	}
	s.log.Debug("vault token renewed", "ttl", next.ttl)
	if next.ttl != 0 && next.ttl < l.ttl/2 {
		// The end of its life is near (max_ttl): do not renew again.
		next.renewable = false
	}
	return next, nil
}

func (l lease) ended() bool { return l.ttl != 0 && time.Since(l.since) >= l.ttl }

// dueAt is 60 to 67 percent into the life of l, so that a fleet started
// together does not renew together, and no sooner than in a second; it is far
// off if l never ends.
func dueAt(l lease) time.Time {
	if l.ttl == 0 {
		return l.since.AddDate(100, 0, 0)
	}
	part := time.Duration(float64(l.ttl) * (0.60 + 0.07*rand.Float64()))
	return l.since.Add(max(part, time.Second))
}

// pause is how long to sleep: until due but at most filePoll, or after
// failures a backoff with jitter.
func pause(due time.Time, failures int) time.Duration {
	if failures == 0 {
		return max(0, min(time.Until(due), filePoll))
	}
	backoff := min(retryFirst<<min(failures-1, 10), retryMost)
	return backoff/2 + rand.N(backoff/2)
}
