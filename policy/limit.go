package policy

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a token bucket: Rate events a second on average, Burst at once, at
// least one. A zero Rate means no limit.
type Limit struct {
	Rate  float64
	Burst int
}

// maxSubjects bounds the memory of a Limiter: about 200 bytes each.
const maxSubjects = 100_000

// Limiter keeps one bucket for each subject (a key id, an address). Buckets
// that have filled up again are forgotten; if more than 100,000 are in use, new
// subjects share one bucket, so a flood of addresses cannot exhaust memory. It
// is safe for concurrent use.
type Limiter struct {
	limit Limit
	clock func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	shared  *rate.Limiter
	swept   time.Time
}

// NewLimiter returns a Limiter on the given clock; nil is time.Now.
func NewLimiter(limit Limit, clock func() time.Time) *Limiter {
	if clock == nil {
		clock = time.Now
	}
	l := &Limiter{limit: limit, clock: clock, buckets: make(map[string]*rate.Limiter)}
	l.shared = l.bucket()
	return l
}

// Take spends one event of subject. When none is left it returns how long
// until there is one; 0 means it was spent.
func (l *Limiter) Take(subject string) time.Duration {
	if l.limit.Rate <= 0 {
		return 0
	}
	now := l.clock()
	l.mu.Lock()
	bucket := l.find(subject, now)
	l.mu.Unlock()
	// Not a reservation that is cancelled when it has to wait: cancelling gives
	// nothing back once a later one was made, so refusals would cost events.
	if bucket.AllowN(now, 1) {
		return 0
	}
	return l.wait(bucket.TokensAt(now))
}

// wait returns how long until a bucket that holds tokens holds one, at least a
// nanosecond.
func (l *Limiter) wait(tokens float64) time.Duration {
	wait := math.Ceil((1 - tokens) / l.limit.Rate * float64(time.Second))
	if wait >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(1, time.Duration(wait))
}

func (l *Limiter) find(subject string, now time.Time) *rate.Limiter {
	if bucket, ok := l.buckets[subject]; ok {
		return bucket
	}
	if len(l.buckets) >= maxSubjects {
		l.sweep(now)
	}
	if len(l.buckets) >= maxSubjects {
		return l.shared
	}
	bucket := l.bucket()
	l.buckets[subject] = bucket
	return bucket
}

// sweep forgets full buckets, at most once a second.
func (l *Limiter) sweep(now time.Time) {
	if since := now.Sub(l.swept); since >= 0 && since < time.Second {
		return
	}
	l.swept = now
	for subject, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(bucket.Burst()) {
			delete(l.buckets, subject)
		}
	}
}

func (l *Limiter) bucket() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.limit.Rate), max(1, l.limit.Burst))
}
