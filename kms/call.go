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
	OpRotate   = "rotate"
	OpRewrap   = "rewrap"
	OpRetire   = "retire"
	OpTrim     = "trim"
)

// The outcomes a Call reports. They are a fixed set, fit for a metric's label.
const (
	OutcomeOK          = "ok"
	OutcomePartial     = "partial"  // some items failed, none of them as tampered or downgraded
	OutcomeTampered    = "tampered" // at least one item did not authenticate
	OutcomeRetired     = "retired"
	OutcomeMissing     = "missing"
	OutcomeUnsafe      = "unsafe"
	OutcomeUnavailable = "unavailable"
	OutcomeCancelled   = "cancelled" // the caller gave up first
	OutcomeDenied      = "denied"
	OutcomeInvalid     = "invalid"
	OutcomeConflict    = "conflict"  // another newest version than expected, or two new ones
	OutcomeDowngrade   = "downgrade" // at least one item came back under an older version
)

// Call is one finished call of a KMS, for metrics. It holds no input.
type Call struct {
	Op       string        // one of the Op constants
	Key      Key           // "" for OpCheck
	Items    int           // items asked for; 0 for operations on a whole key
	Tampered int           // items that failed with ErrTampered
	Attempts int           // attempts made; 0 if refused by a limit or the breaker
	Outcome  string        // one of the Outcome constants
	Duration time.Duration // from call to answer, pauses included
}

// batch reports whether the operation takes items.
func (c Call) batch() bool { return c.Op == OpWrap || c.Op == OpUnwrap || c.Op == OpRewrap }

// slow reports whether no request waits for the call: a large batch, or a
// change of a key, which is several requests in one.
func (c Call) slow() bool {
	return c.Items > SmallBatch || c.Op == OpRotate || c.Op == OpRetire || c.Op == OpTrim
}

// record is a Call in the making.
type record struct {
	Call
	bad        int   // items that failed
	downgraded int   // items that failed with ErrDowngrade
	first      error // of the first failed item
}

// count takes in the outcome of one item.
func (c *record) count(err error) {
	if err == nil {
		return
	}
	if c.bad++; c.first == nil {
		c.first = err
	}
	switch {
	case errors.Is(err, ErrTampered):
		c.Tampered++
	case errors.Is(err, ErrDowngrade):
		c.downgraded++
	}
}

// finished reports a call that returned results.
func (r *Resilient) finished(c *record) {
	switch {
	case c.Tampered > 0: // an alarm must not hide among others
		c.Outcome = OutcomeTampered
	case c.downgraded > 0: // nor this one
		c.Outcome = OutcomeDowngrade
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
	case ErrConflict, ErrRotatedTwice:
		return OutcomeConflict
	case ErrDowngrade:
		return OutcomeDowngrade
	}
	if errors.Is(err, context.Canceled) {
		return OutcomeCancelled
	}
	return OutcomeUnavailable
}

// sentinelOf returns the sentinel of this package that err matches, or nil.
func sentinelOf(err error) error {
	for _, s := range []error{ErrTampered, ErrVersionRetired, ErrKeyMissing,
		ErrUnsafeKey, ErrUnavailable, ErrDenied, ErrInvalid, ErrConflict, ErrRotatedTwice, ErrDowngrade} {
		if errors.Is(err, s) {
			return s
		}
	}
	return nil
}
