package kms

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// breaker is the circuit breaker of a Resilient and the time it opened.
type breaker struct {
	cb      *gobreaker.CircuitBreaker[struct{}]
	openFor time.Duration
	opened  atomic.Pointer[time.Time] // nil unless open
}

// errAbandoned marks an attempt whose caller left, which says nothing about
// the backend.
var errAbandoned = errors.New("kms: caller left")

func newBreaker(tripAfter uint32, openFor time.Duration) *breaker {
	b := &breaker{openFor: openFor}
	b.cb = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "kms",
		MaxRequests:  1, // one probe at a time while half-open
		Timeout:      openFor,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return !errors.Is(err, ErrUnavailable) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errAbandoned) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			b.opened.Store(nil)
			if to == gobreaker.StateOpen {
				now := time.Now()
				b.opened.Store(&now)
			}
		},
	})
	return b
}

// verdict is what the breaker counts for an attempt that ended in err. A
// failure after the caller cancelled is no fault of the backend; one at the
// caller's deadline is, or a backend that hangs would never trip the breaker.
func verdict(ctx context.Context, err error) error {
	if errors.Is(err, ErrUnavailable) && errors.Is(ctx.Err(), context.Canceled) {
		return errAbandoned
	}
	return err
}

// retryAfter rounds the rest of the open time up to whole seconds, the unit of
// HTTP's Retry-After (RFC 9110, 10.2.3), and never says less than one.
func (b *breaker) retryAfter() time.Duration {
	rest := time.Duration(0)
	if at := b.opened.Load(); at != nil {
		rest = b.openFor - time.Since(*at)
	}
	rest = (rest + time.Second - 1).Truncate(time.Second)
	return max(rest, time.Second)
}
