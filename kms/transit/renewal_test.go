package transit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panvault/panvault/kms"
)

// clerk is an authority that keeps a diary instead of asking a Vault: time in
// a synctest bubble does not pass while the network is waited for.
type clerk struct {
	mu     sync.Mutex // over all that follows
	start  time.Time
	diary  []string
	ttl    time.Duration // of every login
	most   time.Duration // life of a token at most; 0 for any
	born   time.Time
	down   bool // Vault is unavailable
	dead   bool // Vault refuses the token
	waits  bool // a newer token is in the file
	logins int
}

// set changes the clerk's world while the session runs.
func (c *clerk) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// note is called with mu held.
func (c *clerk) note(what string) {
	c.diary = append(c.diary, fmt.Sprintf("%s@%s", what, time.Since(c.start).Round(time.Minute)))
}

func (c *clerk) login(context.Context) (lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		c.note("login down")
		return lease{}, kms.ErrUnavailable
	}
	c.note("login")
	c.born, c.dead, c.waits = time.Now(), false, false
	c.logins++
	return lease{token: newSecret(fmt.Sprint("token", c.logins)), ttl: c.ttl, since: time.Now(), renewable: true}, nil
}

func (c *clerk) renew(_ context.Context, l lease) (lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		c.note("renew down")
		return lease{}, kms.ErrUnavailable
	}
	if c.dead {
		c.note("renew denied")
		return lease{}, kms.ErrDenied
	}
	c.note("renew")
	l.since, l.ttl = time.Now(), c.ttl
	if left := c.most - time.Since(c.born); c.most != 0 && left < l.ttl {
		l.ttl = left
	}
	return l, nil
}

func (c *clerk) alive(context.Context, secret) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.dead, nil
}

func (c *clerk) changed(secret) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waits
}

func (c *clerk) revoke(context.Context, secret) {}

// bubble runs test with a session that has logged in and is kept alive.
func bubble(t *testing.T, c *clerk, test func(t *testing.T, s *session)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.start = time.Now()
		s := newSession(c, slog.New(slog.DiscardHandler))
		if err := s.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.run(ctx) }()
		test(t, s)
		cancel()
		<-done
	})
}

// entries is the diary so far.
func (c *clerk) entries() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.diary)
}

// count counts the entries of the diary about what.
func (c *clerk) count(what string) (n int) {
	for _, entry := range c.entries() {
		if strings.HasPrefix(entry, what+"@") {
			n++
		}
	}
	return n
}

func TestRenewsAtTwoThirds(t *testing.T) {
	c := &clerk{ttl: time.Hour}
	bubble(t, c, func(t *testing.T, _ *session) {
		time.Sleep(35 * time.Minute)
		if c.count("renew") != 0 {
			t.Errorf("after 35 of 60 minutes: %v, want no renewal yet", c.entries())
		}
		time.Sleep(6 * time.Minute)
		if c.count("renew") != 1 {
			t.Errorf("after 41 of 60 minutes: %v, want one renewal", c.entries())
		}
		time.Sleep(24 * time.Hour)
		if n := c.count("renew"); n < 35 || n > 42 || c.count("login") != 1 {
			t.Errorf("after a day: %d renewals and %d logins, want about 38 and 1", n, c.count("login"))
		}
	})
}

func TestLogsInBeforeMaxTTL(t *testing.T) {
	c := &clerk{ttl: time.Hour, most: 24 * time.Hour}
	bubble(t, c, func(t *testing.T, s *session) {
		for range 3 * 24 * 60 {
			time.Sleep(time.Minute)
			if s.current.Load().ended() {
				t.Fatalf("the token ended at %s: %v", time.Since(c.start), c.entries())
			}
		}
	})
	if c.count("login") < 3 || c.count("login") > 5 {
		t.Errorf("%d logins in three days, want one a day: %v", c.count("login"), c.entries())
	}
}

func TestLogsInWhenRenewalIsDenied(t *testing.T) {
	c := &clerk{ttl: time.Hour}
	bubble(t, c, func(t *testing.T, s *session) {
		c.set(func() { c.dead = true })
		time.Sleep(41 * time.Minute)
		if token, err := s.token(); err != nil || token.reveal() != "token2" {
			t.Errorf("token %q, %v, want the second: %v", token.reveal(), err, c.entries())
		}
	})
}

// TestOutage: while Vault is down it is asked with growing pauses, first for a
// renewal and, once the token has ended, for a login.
func TestOutage(t *testing.T) {
	c := &clerk{ttl: time.Hour}
	bubble(t, c, func(t *testing.T, _ *session) {
		c.set(func() { c.down = true })
		time.Sleep(90 * time.Minute)
		if n := c.count("renew down") + c.count("login down"); n < 50*6 || n > 50*12+10 {
			t.Errorf("%d attempts in 50 minutes, want one every 5 to 10 seconds", n)
		}
		if !slices.Contains(c.entries(), "login down@1h1m0s") {
			t.Errorf("no login was tried after the token had ended: %v", c.entries())
		}
		c.set(func() { c.down = false })
		time.Sleep(11 * time.Second)
		if c.count("login") != 2 {
			t.Errorf("%d logins after the outage, want 2", c.count("login"))
		}
	})
}

func TestNewTokenInFile(t *testing.T) {
	c := &clerk{} // ttl 0: a token that never ends
	bubble(t, c, func(t *testing.T, s *session) {
		time.Sleep(50 * time.Hour)
		if len(c.entries()) != 1 {
			t.Errorf("a token that never ends: %v, want the login only", c.entries())
		}
		c.set(func() { c.waits = true })
		time.Sleep(filePoll + time.Second)
		if token, _ := s.token(); token.reveal() != "token2" {
			t.Errorf("the file's new token is not in use: %v", c.entries())
		}
	})
}

// TestReplace: of many callers with the same dead token one logs in; and a
// token that is refused right after a login is not replaced again.
func TestReplace(t *testing.T) {
	c := &clerk{ttl: time.Hour}
	bubble(t, c, func(t *testing.T, s *session) {
		old, _ := s.token()
		c.set(func() { c.dead = true })
		got := make(chan string, 20)
		for range cap(got) {
			go func() { token, _ := s.replace(t.Context(), old); got <- token.reveal() }()
		}
		for range cap(got) {
			if token := <-got; token != "token2" {
				t.Errorf("replace gave %s, want token2", token)
			}
		}
		second, _ := s.token()
		if token, err := s.replace(t.Context(), second); err != nil || !token.equal(second) {
			t.Errorf("replace of a living token gave %v, want the same: the policy is to blame", err)
		}
		c.set(func() { c.dead = true })
		if token, _ := s.replace(t.Context(), second); !token.equal(second) || c.count("login") != 2 {
			t.Errorf("%d logins, want 2: not again within a second", c.count("login"))
		}
		time.Sleep(forcedPause)
		if token, _ := s.replace(t.Context(), second); token.equal(second) || c.count("login") != 3 {
			t.Errorf("%d logins, want 3 after a second", c.count("login"))
		}
	})
}

func TestReplaceHonoursContext(t *testing.T) {
	s := newSession(&clerk{}, slog.New(slog.DiscardHandler))
	s.lock <- struct{}{} // somebody is logging in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.replace(ctx, secret{}); kms.ContextError(ctx) == nil || err == nil {
		t.Errorf("replace = %v, want the context's error", err)
	}
}
