package vault

import (
	"errors"
	"fmt"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/envelope"
)

// Code classifies an Error. vault/httpapi/problem.go is the only place that
// turns it into a status.
type Code string

// The codes.
const (
	Unauthenticated Code = "unauthenticated" // no, unknown, revoked or wrong kind of key
	NotFound        Code = "not_found"       // absent or not the caller's: the two look the same
	BadRequest      Code = "bad_request"     // the request itself is malformed
	MissingCard     Code = "missing_card"    // no card parameters
	UsedToken       Code = "used_token"      // the token was used before
	InvalidCard     Code = "invalid_card"    // Problems says what
	RateLimited     Code = "rate_limited"    // RetryAfter says when
	Unavailable     Code = "unavailable"     // KMS or store is down; RetryAfter says when
	Internal        Code = "internal"        // a defect or tampered data; nothing of it is shown
	Conflict        Code = "conflict"        // the state does not allow it
	Forbidden       Code = "forbidden"       // the key is good, and not for this
	InvalidCharge   Code = "invalid_charge"  // amount or currency
	FailedCapture   Code = "failed_capture"  // there is nothing to capture
	NotSent         Code = "not_sent"        // the processor was not reached: nothing happened
	OutcomeUnknown  Code = "outcome_unknown" // the processor may have done what was asked; ID is that of the forward
	NotApproved     Code = "not_approved"    // it takes an operator's consent, and none gave it in time

	IdempotencyConflict Code = "idempotency_conflict"    // the idempotency key was used for another request
	InProgress          Code = "idempotency_in_progress" // a request with this idempotency key is being answered; RetryAfter says when
)

// Error is the only error type the service returns. Its text is for logs and
// operators; it never quotes input.
type Error struct {
	Code       Code
	Message    string        // a short lower-case sentence, safe to show
	Object     string        // NotFound: token, card, merchant, key …; OutcomeUnknown: forward
	ID         string        // NotFound: the id asked for; OutcomeUnknown: of the forward
	Problems   card.Problems // InvalidCard
	RetryAfter time.Duration // RateLimited, Unavailable, InProgress
	Cause      error         // for the log only
}

// Error returns the text for logs.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func notFound(object, id string) *Error {
	return &Error{Code: NotFound, Object: object, ID: id, Message: object + " was not found"}
}

func badRequest(message string) *Error { return &Error{Code: BadRequest, Message: message} }

func internal(cause error) *Error { return &Error{Code: Internal, Cause: cause} }

// minRetryAfter is what callers are told when nothing better is known.
const minRetryAfter = time.Second

// fail classifies an error of the layers below. An Error passes unchanged.
func (s *Service) fail(err error) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return err
	case isOutage(err):
		return &Error{Code: Unavailable, Message: "service is unavailable", RetryAfter: s.retryAfter(), Cause: err}
	default:
		return internal(err)
	}
}

// isOutage reports whether an error is of something that is down or set up
// wrongly, and that mends without the caller's doing: nothing was written, and
// the same request may work later.
func isOutage(err error) bool {
	for _, outage := range []error{
		kms.ErrUnavailable, kms.ErrDenied, kms.ErrKeyMissing, kms.ErrUnsafeKey, envelope.ErrDowngrade, ErrSubstituted, ErrOverdue,
		store.ErrUnavailable, store.ErrFull, store.ErrReadOnly,
	} {
		if errors.Is(err, outage) {
			return true
		}
	}
	return false
}

func (s *Service) retryAfter() time.Duration {
	if s.opts.RetryAfter != nil {
		return max(minRetryAfter, s.opts.RetryAfter())
	}
	return minRetryAfter
}

// CodeOf returns the code of an error of this package, Internal for any other.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

func wrapf(err error, format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, err)...)
}
