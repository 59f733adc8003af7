package policy

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that stands still until it is told.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// spend takes until it is refused, at most limit times.
func spend(l *Limiter, subject string, limit int) (taken int, wait time.Duration) {
	for ; taken < limit; taken++ {
		if wait = l.Take(subject); wait > 0 {
			return taken, wait
		}
	}
	return taken, 0
}

func TestLimiter(t *testing.T) {
	for _, tt := range []struct {
		name    string
		limit   Limit
		advance time.Duration // after the first burst
		first   int
		wait    time.Duration // after the first burst
		again   int
	}{
		{"one a second", Limit{1, 5}, time.Second, 5, time.Second, 1},
		{"not yet", Limit{1, 5}, time.Second - time.Microsecond, 5, time.Second, 0},
		{"some", Limit{2, 5}, 1500 * time.Millisecond, 5, 500 * time.Millisecond, 3},
		{"never above the burst", Limit{100, 5}, time.Hour, 5, 10 * time.Millisecond, 5},
		{"slow", Limit{1.0 / 60, 1}, time.Minute, 1, time.Minute, 1},
		{"a third", Limit{3, 1}, 333333334, 1, 333333334, 1},
		{"no burst is one", Limit{1, 0}, time.Second, 1, time.Second, 1},
		{"hardly ever", Limit{1e-12, 1}, time.Hour, 1, math.MaxInt64, 0},
	} {
		c := newClock()
		l := NewLimiter(tt.limit, c.now)
		first, wait := spend(l, "a", 1000)
		if first != tt.first || wait != tt.wait {
			t.Errorf("%s: %d events, then wait %v; want %d, %v", tt.name, first, wait, tt.first, tt.wait)
		}
		c.advance(tt.advance)
		if again, _ := spend(l, "a", 1000); again != tt.again {
			t.Errorf("%s: %d events after %v, want %d", tt.name, again, tt.advance, tt.again)
		}
	}
}

// The wait is true: a microsecond less is refused, and being refused often does
// not make it longer.
func TestLimiterWait(t *testing.T) {
	for _, rate := range []float64{0.1, 0.3, 1, 3, 7, 333, 12345.678} {
		c := newClock()
		l := NewLimiter(Limit{rate, 3}, c.now)
		for range 200 {
			_, wait := spend(l, "a", 10)
			for range 5 {
				if again := l.Take("a"); again != wait {
					t.Fatalf("rate %v: wait %v, then %v", rate, wait, again)
				}
			}
			c.advance(wait - time.Microsecond)
			if wait > 2*time.Microsecond && l.Take("a") == 0 {
				t.Fatalf("rate %v: one is there before the wait of %v", rate, wait)
			}
			c.advance(time.Microsecond)
			if got := l.Take("a"); got != 0 {
				t.Fatalf("rate %v: still %v after the wait of %v", rate, got, wait)
			}
		}
	}
}

func TestLimiterUnlimited(t *testing.T) {
	for _, limit := range []Limit{{}, {0, 5}, {-1, 5}} {
		l := NewLimiter(limit, newClock().now)
		if taken, wait := spend(l, "a", 10_000); taken != 10_000 || wait != 0 {
			t.Errorf("%+v: refused after %d", limit, taken)
		}
		if len(l.buckets) != 0 {
			t.Errorf("%+v: it keeps %d buckets", limit, len(l.buckets))
		}
	}
}

func TestLimiterSubjects(t *testing.T) {
	l := NewLimiter(Limit{1, 2}, newClock().now)
	for _, subject := range []string{"a", "b", ""} {
		if taken, _ := spend(l, subject, 10); taken != 2 {
			t.Errorf("subject %q: %d events, want 2 of its own", subject, taken)
		}
	}
}

func TestLimiterIsBounded(t *testing.T) {
	c := newClock()
	l := NewLimiter(Limit{0.1, 2}, c.now)
	for i := range maxSubjects {
		l.Take(fmt.Sprint(i))
	}
	if got, _ := spend(l, "one more", 10); got != 2 {
		t.Errorf("%d events of the first one too many, want those of the shared bucket", got)
	}
	if got, _ := spend(l, "another", 10); got != 0 || len(l.buckets) != maxSubjects {
		t.Errorf("%d events of the second, %d buckets, want none and %d", got, len(l.buckets), maxSubjects)
	}
	if got, _ := spend(l, "0", 10); got != 1 {
		t.Errorf("%d events of one that was there, want 1", got)
	}
	c.advance(10 * time.Second) // all but "0" are full again
	if got, _ := spend(l, "another", 10); got != 2 || len(l.buckets) != 2 {
		t.Errorf("%d events after the sweep, %d buckets, want 2 of its own and 2", got, len(l.buckets))
	}
	if got, _ := spend(l, "0", 10); got != 1 {
		t.Errorf("%d events of the one that was not full, want 1: it must not be forgotten", got)
	}
}

// With no burst a bucket holds one: an empty one must survive the sweep.
func TestLimiterSweepWithoutBurst(t *testing.T) {
	c := newClock()
	l := NewLimiter(Limit{0.1, 0}, c.now)
	for i := range maxSubjects {
		l.Take(fmt.Sprint(i))
	}
	c.advance(2 * time.Second)
	l.Take("one more")
	if wait := l.Take("0"); wait == 0 {
		t.Error("a flood of subjects gave a spent one a new bucket")
	}
}

// A clock that was set back must neither stop the sweep nor give events away.
func TestLimiterClockSetBack(t *testing.T) {
	c := newClock()
	l := NewLimiter(Limit{1, 2}, c.now)
	l.sweep(c.now())
	spend(l, "a", 10)
	c.advance(-time.Hour)
	if got, wait := spend(l, "a", 10); got != 0 || wait > time.Second {
		t.Errorf("%d events, then wait %v, want none and at most 1s", got, wait)
	}
	l.sweep(c.now())
	if !l.swept.Equal(c.now()) {
		t.Error("no sweep until the clock has caught up")
	}
}

func TestLimiterConcurrently(t *testing.T) {
	c := newClock()
	l := NewLimiter(Limit{1, 100}, c.now)
	var taken atomic.Int64
	burst := func() {
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 200 {
					if l.Take("a") == 0 {
						taken.Add(1)
					}
				}
			})
		}
		wg.Wait()
	}
	burst()
	if got := taken.Swap(0); got != 100 {
		t.Errorf("%d events of a burst of 100", got)
	}
	c.advance(10 * time.Second)
	burst()
	if got := taken.Swap(0); got != 10 {
		t.Errorf("%d events after 10 s, want 10: refusals must cost nothing", got)
	}
}

func TestLimiterDefaultClock(t *testing.T) {
	l := NewLimiter(Limit{1000, 1}, nil)
	l.Take("a")
	if wait := l.Take("a"); wait > time.Millisecond {
		t.Errorf("wait %v, want at most 1ms", wait)
	}
}

func BenchmarkTake(b *testing.B) {
	l := NewLimiter(Limit{1e9, 1 << 30}, nil)
	b.ReportAllocs()
	for b.Loop() {
		l.Take("akey_0mf3k2a9x7c1v5b8n4q6w2e0r")
	}
}
