package envelope

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panvault/panvault/kms"
)

// hang is a step that answers nothing until its context is over.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// drain takes n keys, all of which must be ready, and wipes them.
func drain(t *testing.T, p *Pool, n int) {
	t.Helper()
	start := time.Now()
	for range n {
		mustTake(t, p).Wipe()
	}
	if d := time.Since(start); d != 0 {
		t.Errorf("%d keys took %v, want them ready", n, d)
	}
}

// takeFails checks that Take fails with want after exactly the given time.
func takeFails(t *testing.T, p *Pool, want error, after time.Duration) {
	t.Helper()
	start := time.Now()
	key, err := p.Take(t.Context())
	if !errors.Is(err, want) || key != nil {
		t.Errorf("Take: %v, want %v", err, want)
	}
	if d := time.Since(start); d != after {
		t.Errorf("Take failed after %v, want %v", d, after)
	}
}

func TestPoolRefillsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		p := openPool(t, PoolOptions{KMS: s})
		synctest.Wait()
		if p.Depth() != 512 || !slices.Equal(s.batches, []int{128, 128, 128, 128}) {
			t.Errorf("%d keys in batches of %v, want 512 in four", p.Depth(), s.batches)
		}
		drain(t, p, 127)
		synctest.Wait()
		if s.count() != 4 {
			t.Errorf("%d batches, want the fifth to wait until it is full", s.count())
		}
		drain(t, p, 1)
		synctest.Wait()
		if p.Depth() != 512 || s.count() != 5 {
			t.Errorf("%d keys after %d batches, want 512 after five", p.Depth(), s.count())
		}
		checkPlaces(t, p, 0)
	})
}

func TestPoolMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const age = 10 * time.Minute
		p := openPool(t, PoolOptions{KMS: &script{}, Size: 8})
		synctest.Wait()
		time.Sleep(age - time.Minute)
		drain(t, p, 4) // replaced by younger ones
		synctest.Wait()
		first := func() string {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.ready[0].Record
		}
		if got := first(); p.Depth() != 8 || got != "rec5" {
			t.Errorf("%d keys from %s, want 8 from rec5", p.Depth(), got)
		}
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		if got := first(); got != "rec5" {
			t.Errorf("%s is the oldest just before the age of the first batch, want rec5", got)
		}
		time.Sleep(1)
		synctest.Wait()
		if got := first(); got != "rec9" || p.Depth() != 8 {
			t.Errorf("%s is the oldest of %d at the age of the first batch, want rec9 of 8", got, p.Depth())
		}
		checkPlaces(t, p, 0)
		for range 200 { // nobody uses the pool for days
			time.Sleep(17 * time.Minute)
			synctest.Wait()
			p.mu.Lock()
			for _, key := range p.ready {
				if d := time.Since(key.born); d >= age {
					t.Errorf("a key is %v old", d)
				}
			}
			p.mu.Unlock()
		}
		checkPlaces(t, p, 0)
	})
}

// A clock that stands still or goes back must not make the pool spin.
func TestPoolOddClocks(t *testing.T) {
	for _, step := range []time.Duration{0, -time.Hour, time.Nanosecond} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{}
			start, calls := time.Now(), atomic.Int64{}
			clock := func() time.Time { return start.Add(step * time.Duration(calls.Add(1))) }
			p := openPool(t, PoolOptions{KMS: s, Size: 4, MaxAge: time.Minute, Clock: clock})
			time.Sleep(10 * time.Second)
			synctest.Wait()
			drain(t, p, 4)
			if s.count() > 3 {
				t.Errorf("clock %v: %d batches", step, s.count())
			}
		})
	}
}

func TestPoolOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		var log bytes.Buffer
		p := openPool(t, PoolOptions{KMS: s, Size: 16, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		synctest.Wait()
		s.fail(kms.ErrUnavailable)
		drain(t, p, 16)
		synctest.Wait()
		takeFails(t, p, kms.ErrUnavailable, 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		takeFails(t, p, kms.ErrUnavailable, 0)
		if got := s.count(); got < 30 || got > 40 {
			t.Errorf("%d attempts in a minute, want one every 2 s", got)
		}
		checkPlaces(t, p, 0)
		s.fail(kms.ErrDenied)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		takeFails(t, p, kms.ErrDenied, 0)
		if got := strings.Count(log.String(), "cannot be prepared"); got != 2 {
			t.Errorf("%d lines in the log, want one for each kind of failure:\n%s", got, log.String())
		}
		s.fail(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		drain(t, p, 16)
		synctest.Wait()
		checkPlaces(t, p, 0)
	})
}

func TestPoolDownFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.fail(kms.ErrUnavailable)
		p := openPool(t, PoolOptions{KMS: s, Size: 16})
		takeFails(t, p, kms.ErrUnavailable, 0)
		s.fail(nil)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		drain(t, p, 16)
	})
}

func TestPoolSlowKMS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{step: func(ctx context.Context) error {
			select {
			case <-time.After(5 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		p := openPool(t, PoolOptions{KMS: s, Size: 16, Wait: 3 * time.Second})
		takeFails(t, p, kms.ErrUnavailable, 3*time.Second)
		start := time.Now()
		mustTake(t, p).Wipe()
		if d := time.Since(start); d != 2*time.Second {
			t.Errorf("Take waited %v, want the 2s until the refill", d)
		}
	})
}

func TestPoolTakeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := openPool(t, PoolOptions{KMS: &script{step: hang}, Size: 16})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := p.Take(ctx)
		if !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take: %v, want kms.ErrUnavailable and the context's error", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("Take gave up after %v, want 1s", d)
		}
		takeFails(t, p, kms.ErrUnavailable, 2*time.Second)
		if _, err := p.Take(t.Context()); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take: %v, which is not the caller's deadline", err)
		}
	})
}

func TestPoolItemError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{items: []error{nil, nil, kms.ErrInvalid}}
		p := openPool(t, PoolOptions{KMS: s, Size: 16})
		takeFails(t, p, kms.ErrInvalid, 0)
		if p.Depth() != 0 {
			t.Errorf("%d keys of a failed batch are ready", p.Depth())
		}
		checkPlaces(t, p, 0)
		s.set(func(s *script) { s.items = nil })
		time.Sleep(time.Second)
		synctest.Wait()
		drain(t, p, 16)
	})
}

func TestPoolCountsResults(t *testing.T) {
	for _, extra := range []int{-1, 1} {
		synctest.Test(t, func(t *testing.T) {
			p := openPool(t, PoolOptions{KMS: &script{extra: extra}, Size: 16})
			takeFails(t, p, errResults, 0)
			checkPlaces(t, p, 0)
		})
	}
}

func TestPoolDowngrade(t *testing.T) {
	all := func(v uint32) []uint32 { return slices.Repeat([]uint32{v}, 16) }
	for _, tt := range []struct {
		name          string
		first, second []uint32
		want          error
	}{
		{"same", all(3), all(3), nil},
		{"newer", all(3), all(4), nil},
		{"rotated during the call", all(3), append(all(3)[:7], all(4)...), nil},
		{"older", all(3), all(2), ErrDowngrade},
		{"one older", all(3), append(all(3)[:7], 2, 3, 3, 3, 3, 3, 3, 3, 3), ErrDowngrade},
		{"older than one of the same call", all(3), append([]uint32{4}, all(3)...), ErrDowngrade},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{versions: tt.first}
				p := openPool(t, PoolOptions{KMS: s, Size: 16})
				synctest.Wait()
				s.set(func(s *script) { s.versions = tt.second })
				drain(t, p, 8) // those that remain are of the newer version
				synctest.Wait()
				if tt.want == nil {
					drain(t, p, 16)
					return
				}
				drain(t, p, 8)
				synctest.Wait()
				takeFails(t, p, tt.want, 0)
				checkPlaces(t, p, 0)
				s.set(func(s *script) { s.versions = all(4) })
				time.Sleep(2 * time.Second)
				synctest.Wait()
				drain(t, p, 16)
			})
		})
	}
}

func TestPoolClose(t *testing.T) {
	for _, tt := range []struct {
		name string
		step func(context.Context) error
	}{
		{"idle", nil},
		{"while a refill runs", hang},
		{"while it pauses after a failure", func(context.Context) error { return kms.ErrUnavailable }},
		{"before a refill ends well", func(ctx context.Context) error { <-ctx.Done(); return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := openPool(t, PoolOptions{KMS: &script{step: tt.step}, Size: 4})
				synctest.Wait()
				start := time.Now()
				p.Close()
				if d := time.Since(start); d != 0 || p.Depth() != 0 || p.Locked() || p.memory.Bytes() != nil {
					t.Errorf("after %v: depth %d, locked %v", d, p.Depth(), p.Locked())
				}
				takeFails(t, p, kms.ErrUnavailable, 0)
				p.Close()
			})
		})
	}
}

func TestPoolCloseEndsWaiting(t *testing.T) {
	for name, step := range map[string]func(context.Context) error{"refill": hang, "no place": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := openPool(t, PoolOptions{KMS: &script{step: step}, Size: 1})
				if step == nil {
					mustTake(t, p)
					mustTake(t, p)
				}
				failed := make(chan error)
				go func() {
					_, err := p.Take(t.Context())
					failed <- err
				}()
				synctest.Wait()
				start := time.Now()
				p.Close()
				if err := <-failed; !errors.Is(err, kms.ErrUnavailable) || time.Since(start) != 0 {
					t.Errorf("Take: %v after %v, want kms.ErrUnavailable at once", err, time.Since(start))
				}
			})
		})
	}
}

// A key that outlives its pool is gone, and says so.
func TestPoolKeyAfterClose(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 4})
	key := mustTake(t, p)
	p.Close()
	if key.Key() != nil {
		t.Error("the key outlives its pool")
	}
	if _, err := Seal(p.opts.Random, key.Key(), Binding{}, nil); !errors.Is(err, ErrSize) {
		t.Errorf("Seal: %v, want ErrSize", err)
	}
	key.Wipe()
}
