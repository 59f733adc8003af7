package httpapi

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

// defaultErrorBase starts the location of errors, as in the real API.
const defaultErrorBase = "https://www.omise.co/api-errors"

// problem is an error as a caller sees it: a status and the four keys of
// contract 5.6.
type problem struct {
	status  int
	code    string
	message string
}

// Errors that arise before the service is called.
var (
	errMalformedRequest = &requestError{http.StatusBadRequest, "request is malformed"}
	errHeadersTooLarge  = &requestError{http.StatusRequestEntityTooLarge, "request headers are too large"}
	errBodyTooLarge     = &requestError{http.StatusRequestEntityTooLarge, "request body is too large"}
	errCardInURL        = &requestError{http.StatusBadRequest, "card data must not be sent in the url"}
	errNumberInText     = &requestError{http.StatusBadRequest, "card data is accepted when a token is made and nowhere else"}
	errContentType      = &requestError{http.StatusBadRequest, "content type must be application/json or application/x-www-form-urlencoded"}
	errMalformedJSON    = &requestError{http.StatusBadRequest, "request body is not a valid json object"}
	errMalformedForm    = &requestError{http.StatusBadRequest, "request parameters are not a valid form"}
	errDuplicate        = &requestError{http.StatusBadRequest, "a parameter is given twice"}
	errTooMany          = &requestError{http.StatusBadRequest, "too many parameters"}
	errTooDeep          = &requestError{http.StatusBadRequest, "parameters are nested too deeply"}
	errWrongType        = &requestError{http.StatusBadRequest, "a card parameter has the wrong type"}
	errRevealCard       = &requestError{http.StatusBadRequest, "card must be the id of a stored card"}
	errRevealReason     = &requestError{http.StatusBadRequest, "reason must be text"}
	errRevealFields     = &requestError{http.StatusBadRequest, "fields must be of number, expiration, name, brand and last_digits, each once"}
	errUnreadable       = &requestError{http.StatusBadRequest, "request body could not be read"}
	errTwoKeys          = &requestError{http.StatusBadRequest, "the idempotency keys of header and body differ"}
	errNoRoute          = &requestError{http.StatusNotFound, "the requested object was not found"}
)

// requestError is a malformed request. Its message never quotes the input.
type requestError struct {
	status  int
	message string
}

// Error returns the message that the caller sees.
func (e *requestError) Error() string { return e.message }

// problemOf is the one table from errors to statuses. What it does not know is
// an opaque 500, whose cause is in the log under the request id.
func problemOf(err error, v version) problem {
	var re *requestError
	if errors.As(err, &re) {
		if re.status == http.StatusNotFound {
			return problem{re.status, "not_found", re.message}
		}
		return problem{re.status, "bad_request", re.message}
	}
	var e *vault.Error
	if !errors.As(err, &e) {
		return problem{http.StatusInternalServerError, "internal_error", "internal error"}
	}
	switch e.Code {
	case vault.Unauthenticated:
		return problem{http.StatusUnauthorized, "authentication_failure", "authentication failed"}
	case vault.NotFound:
		return problem{http.StatusNotFound, "not_found", strings.TrimRight(e.Object+" "+echo(e.ID), " ") + " was not found"}
	case vault.BadRequest:
		return problem{http.StatusBadRequest, "bad_request", e.Message}
	case vault.MissingCard:
		return missingCard(v)
	case vault.Forbidden:
		return problem{http.StatusForbidden, "forbidden", e.Message}
	case vault.InvalidCharge:
		return problem{http.StatusBadRequest, "invalid_charge", e.Message}
	case vault.FailedCapture:
		return problem{http.StatusBadRequest, "failed_capture", e.Message}
	case vault.NotSent:
		return problem{http.StatusBadGateway, "forward_not_sent", e.Message}
	case vault.OutcomeUnknown:
		return problem{http.StatusGatewayTimeout, "forward_unknown", "the outcome of " + echo(e.ID) + " is unknown: " + e.Message}
	case vault.UsedToken:
		return problem{http.StatusBadRequest, "used_token", "token was already used"}
	case vault.InvalidCard:
		return invalidCard(e.Problems, v)
	case vault.RateLimited:
		return problem{http.StatusTooManyRequests, "too_many_requests", "too many requests"}
	case vault.NotApproved:
		return problem{http.StatusForbidden, "approval_required", e.Message}
	case vault.IdempotencyConflict:
		return problem{http.StatusConflict, "idempotency_conflict", e.Message}
	case vault.InProgress:
		return problem{http.StatusConflict, "idempotency_in_progress", e.Message}
	case vault.Unavailable:
		return problem{http.StatusServiceUnavailable, "service_unavailable", "service is unavailable"}
	case vault.Internal, vault.Conflict:
	}
	return problem{http.StatusInternalServerError, "internal_error", "internal error"}
}

func (a *API) writeError(w http.ResponseWriter, rt route, x *exchange, v version, err error) {
	if rt.paymentOptions() {
		v = version{} // it knows no dialects; a card that is no good is 400
	}
	p := problemOf(err, v)
	ended := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) // nothing was done: try again
	if ended && p.status == http.StatusInternalServerError {
		p = problem{http.StatusServiceUnavailable, "service_unavailable", "service is unavailable"}
	}
	x.code, x.cause = p.code, err
	h := w.Header()
	switch p.status {
	case http.StatusUnauthorized:
		if rt.tier != Public {
			h.Set("WWW-Authenticate", `Basic realm="panvault"`)
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway:
		h.Set("Retry-After", retryAfter(err))
	case http.StatusConflict:
		if vault.CodeOf(err) == vault.InProgress {
			h.Set("Retry-After", retryAfter(err))
		}
	}
	if rt.paymentOptions() {
		a.writeJSON(w, x, v, p.status, p.envelope(x))
		return
	}
	a.writeJSON(w, x, v, p.status, p.body(a.opts.ErrorBase))
}

func (p problem) body(base string) errorBody {
	return errorBody{
		Object:   "error",
		Location: base + "#" + strings.ReplaceAll(p.code, "_", "-"),
		Code:     p.code,
		Message:  p.message,
	}
}

// errorBody has exactly the four keys that clients decode.
type errorBody struct {
	Object   string `json:"object"`
	Location string `json:"location"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// retryAfter is whole seconds, at least one.
func retryAfter(err error) string {
	wait := time.Second
	var e *vault.Error
	if errors.As(err, &e) {
		wait = max(wait, e.RetryAfter)
	}
	return strconv.Itoa(int(math.Ceil(wait.Seconds())))
}

// echo makes an id from a request fit to be shown: id characters only, at most
// 64, and nothing that could be a card number.
func echo(id string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', r == '-':
			return r
		}
		return -1
	}, id)
	if len(clean) > 64 {
		clean = clean[:64]
	}
	return card.RedactPANs(clean)
}
