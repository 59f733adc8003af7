package kms

import (
	"context"
	"errors"
	"time"
)

// The operations a Call reports.
const (
	OpWrap     = "wrap"
	OpUnwrap   = "unwrap"
	OpDescribe = "describe"
	OpCheck    = "check"
)

// The outcomes a Call reports. They are a fixed set, fit for a metric's label.
const (
	OutcomeOK          = "ok"
	OutcomePartial     = "partial"  // some items failed, none of them as tampered
	OutcomeTampered    = "tampered" // at least one item did not authenticate
	OutcomeRetired     = "retired"
	OutcomeMissing     = "missing"
	OutcomeUnsafe      = "unsafe"
	OutcomeUnavailable = "unavailable"
	OutcomeCancelled   = "cancelled" // the caller gave up first
	OutcomeDenied      = "denied"
	OutcomeInvalid     = "invalid"
)

// Call is one finished call of a KMS, for metrics. It holds no input.
type Call struct {
	Op       string        // one of the Op constants
	Key      Key           // "" for OpCheck
	Items    int           // items asked for; 0 for OpDescribe and OpCheck
	Tampered int           // items that failed with ErrTampered
	Attempts int           // attempts made; 0 if refused by a limit or the breaker
	Outcome  string        // one of the Outcome constants
	Duration time.Duration // from call to answer, pauses included
}

// record is a Call in the making.
type record struct {
	Call
	bad   int   // items that failed
	first error // of the first failed item
}

// count takes in the outcome of one item.
func (c *record) count(err error) {
	if err == nil {
		return
	}
	if c.bad++; c.first == nil {
		c.first = err
	}
	if errors.Is(err, ErrTampered) {
		c.Tampered++
	}
}

// finished reports a call that returned results.
func (r *Resilient) finished(c *record) {
	switch {
	case c.Tampered > 0: // an alarm must not hide among others
		c.Outcome = OutcomeTampered
	case c.bad == 0:
		c.Outcome = OutcomeOK
	case c.bad == c.Items:
		c.Outcome = outcomeOf(c.first)
	default:
		c.Outcome = OutcomePartial
	}
	r.opts.Observe(c.Call)
}

// failed reports a call that returned err, and returns err.
func (r *Resilient) failed(c *record, err error) error {
	c.Outcome = outcomeOf(err)
	r.opts.Observe(c.Call)
	return err
}

// outcomeOf names the sentinel that err matches.
func outcomeOf(err error) string {
	switch sentinelOf(err) {
	case ErrTampered:
		return OutcomeTampered
	case ErrVersionRetired:
		return OutcomeRetired
	case ErrKeyMissing:
		return OutcomeMissing
	case ErrUnsafeKey:
		return OutcomeUnsafe
	case ErrDenied:
		return OutcomeDenied
	case ErrInvalid:
		return OutcomeInvalid
	}
	if errors.Is(err, context.Canceled) {
		return OutcomeCancelled
	}
	return OutcomeUnavailable
}

// sentinelOf returns the sentinel of this package that err matches, or nil.
func sentinelOf(err error) error {
	for _, s := range []error{ErrTampered, ErrVersionRetired, ErrKeyMissing,
		ErrUnsafeKey, ErrUnavailable, ErrDenied, ErrInvalid} {
		if errors.Is(err, s) {
			return s
		}
	}
	return nil
}
