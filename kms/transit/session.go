package transit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/panvault/panvault/kms"
)

const (
	filePoll    = 10 * time.Second // how often a token file is looked at
	forcedPause = time.Second      // at most one login per pause because of a 403
	retryFirst  = time.Second      // first pause after a failed renewal
	retryMost   = 10 * time.Second // longest one
)

// session holds the token in use. One goroutine (run) keeps it alive; callers
// whose token was refused replace it.
type session struct {
	auth    authority
	log     *slog.Logger
	lock    chan struct{} // held around every call of auth; a channel so that waiting ends with ctx
	current atomic.Pointer[lease]
	fresh   chan struct{} // tells run that a caller put in a new lease
	forced  time.Time     // last login because of a 403; under lock
}

func newSession(auth authority, log *slog.Logger) *session {
	return &session{auth: auth, log: log, lock: make(chan struct{}, 1), fresh: make(chan struct{}, 1)}
}

// open logs in for the first time.
func (s *session) open(ctx context.Context) error {
	l, err := s.auth.login(ctx)
	if err != nil {
		return err
	}
	s.current.Store(&l)
	return nil
}

// token returns the token to use now.
func (s *session) token() (secret, error) {
	if l := s.current.Load(); l != nil {
		return l.token, nil
	}
	return secret{}, &callError{op: "use client", kind: kms.ErrUnavailable, hint: "it is closed"}
}

// replace is called with a token that got 403. It returns the same token if
// that is alive, so that the policy is to blame; a newer one if there is one
// by now; or the result of one new login.
func (s *session) replace(ctx context.Context, refused secret) (secret, error) {
	if err := s.acquire(ctx); err != nil {
		return secret{}, err
	}
	defer s.unlock()
	now, err := s.token()
	if err != nil || !now.equal(refused) {
		return now, err
	}
	if !s.auth.changed(refused) {
		if alive, err := s.auth.alive(ctx, refused); err != nil || alive {
			return refused, err
		}
		if time.Since(s.forced) < forcedPause {
			return refused, nil
		}
		s.forced = time.Now()
	}
	s.log.Warn("vault no longer accepts the token; logging in again")
	l, err := s.auth.login(ctx)
	if err != nil {
		return secret{}, err
	}
	s.current.Store(&l)
	select {
	case s.fresh <- struct{}{}:
	default:
	}
	return l.token, nil
}

// close forgets the token, and revokes it if it is the session's own.
func (s *session) close(ctx context.Context) {
	if s.acquire(ctx) != nil {
		return
	}
	defer s.unlock()
	if l := s.current.Swap(nil); l != nil {
		s.auth.revoke(ctx, l.token)
	}
}

func (s *session) acquire(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return networkError("log in", "", ctx.Err())
	}
}

func (s *session) unlock() { <-s.lock }
