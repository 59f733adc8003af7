package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/panvault/panvault/vault"
)

// call is one request on its way through endpoint.
type call struct {
	caller  vault.Caller
	params  value // object: the body's parameters and the query's
	version version
	id      string // path value {id}
	card    string // path value {card}
}

// exchange is what is known of a request for its log line.
type exchange struct {
	request string
	route   string
	key     string
	status  int
	code    string

	live      bool   // mode of the key
	reference string // merchant_txn_ref of a payment, for its errors

	cause error
}

// endpoint wraps a route's function in the steps that all share: request id,
// limits, authentication, decoding, encoding, one log line.
func (a *API) endpoint(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := a.opts.Clock()
		x := &exchange{request: a.requestID(), route: rt.pattern}
		a.commonHeaders(w, x, rt)
		a.metrics.inflight.Inc()
		defer a.metrics.inflight.Dec()
		a.answer(w, r, rt, x)
		a.finish(r, x, a.opts.Clock().Sub(start))
	})
}

// answer runs the call and writes its outcome; a panic becomes an opaque 500.
func (a *API) answer(w http.ResponseWriter, r *http.Request, rt route, x *exchange) {
	ctx, cancel := context.WithTimeout(r.Context(), rt.timeout)
	defer cancel()
	buf := a.buffers.get()
	defer a.buffers.put(buf)
	v := versionOf(r.Header)
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the identity is what net/http documents
				panic(p)
			}
			a.writeError(w, rt, x, v, &vault.Error{Code: vault.Internal, Cause: panicCause(p)})
			a.log.Error("panic", "request", x.request, "stack", string(debug.Stack()))
		}
	}()
	body, err := a.perform(ctx, r, rt, x, v, buf)
	if err != nil {
		a.writeError(w, rt, x, v, err)
		return
	}
	switch body := body.(type) {
	case *vault.Answer: // of an earlier request
		w.Header().Set("Idempotent-Replayed", "true")
		a.write(w, x, v, body.Status, body.Body)
	case vault.Answer:
		a.write(w, x, v, body.Status, body.Body)
	case *secretBody:
		a.writeSecret(w, r, x, v, body)
	default:
		a.writeJSON(w, x, v, http.StatusOK, body)
	}
}

// perform authenticates, decodes and calls, in this order: a wrong key learns
// nothing about what else is wrong.
func (a *API) perform(ctx context.Context, r *http.Request, rt route, x *exchange, v version, buf *buffer) (any, error) {
	if r.ProtoMajor != 1 { // net/http lets the first words of HTTP/2 through
		return nil, errMalformedRequest
	}
	if headerSize(r) > maxHeaders {
		return nil, errHeadersTooLarge
	}
	origin := vault.Origin{IP: a.clientIP(r), Request: x.request}
	caller, err := a.authenticate(ctx, r, rt, origin)
	if err != nil {
		return nil, err
	}
	x.key, x.live = caller.Key, caller.Live
	if rt.action != "" {
		if err := a.svc.Authorize(caller, rt.action); err != nil {
			return nil, err
		}
	}
	if err := checkURL(r.URL); err != nil {
		return nil, err
	}
	if err := readBody(r, rt.maxBody, buf); err != nil {
		return nil, err
	}
	takeTime(r.Context(), rt.timeout)
	if rt.repeat != never {
		keepAsked(r, v, buf) // as it came: it is decoded in place
	}
	params, err := decode(r, buf)
	if err != nil {
		return nil, err
	}
	if rt.repeat == byReference {
		keepMeaning(params, buf)
		x.reference = reference(params)
	}
	key, given, err := idempotencyKey(rt, r, params, buf.asked)
	if err != nil {
		return nil, err
	}
	if given {
		repeated, answer, err := a.svc.Begin(ctx, caller, a.repeatable(rt, r, v, key, buf.asked))
		if err != nil {
			return nil, err
		}
		if answer != nil {
			return answer, nil
		}
		defer a.svc.End(ctx, repeated)
		caller = repeated
	}
	return rt.serve(a, ctx, &call{caller: caller, params: params, version: v, id: r.PathValue("id"), card: r.PathValue("card")})
}

// authenticate finds the caller. A payment needs two keys of one merchant and
// mode (contract 8).
func (a *API) authenticate(ctx context.Context, r *http.Request, rt route, origin vault.Origin) (vault.Caller, error) {
	if !rt.paymentOptions() {
		return a.svc.Authenticate(ctx, credential(r.Header.Get("Authorization")), origin)
	}
	first, second := paymentCredentials(r.Header)
	caller, err := a.svc.Authenticate(ctx, first, origin)
	if err != nil {
		return vault.Caller{}, err
	}
	other, err := a.svc.Authenticate(ctx, second, origin)
	if err == nil && (other.Merchant != caller.Merchant || other.Live != caller.Live) {
		err = &vault.Error{Code: vault.Unauthenticated, Message: "authentication failed"}
	}
	return caller, err
}

// panicCause describes a panic without its value, which may hold anything.
func panicCause(p any) error {
	if e, ok := p.(runtime.Error); ok {
		return fmt.Errorf("panic: %w", e)
	}
	return fmt.Errorf("panic of type %T", p)
}

func (a *API) requestID() string {
	id, err := uuid.NewRandomFromReader(a.opts.Random)
	if err != nil {
		return "" // no randomness: the call itself will fail closed
	}
	return id.String()
}

// statusAbandoned counts requests whose client left before the answer.
const statusAbandoned = 499

// finish counts and logs the exchange: fixed words and ids of ours only.
func (a *API) finish(r *http.Request, x *exchange, took time.Duration) {
	abandoned := errors.Is(x.cause, context.Canceled) && r.Context().Err() != nil // the client is gone
	if abandoned {
		x.status = statusAbandoned
	}
	a.metrics.observe(x.route, x.status, took)
	attrs := []any{
		"request", x.request, "method", methodName(r.Method), "route", x.route, "status", x.status,
		"ms", float64(took.Microseconds()) / 1000, "ip", a.clientIP(r),
	}
	if x.key != "" {
		attrs = append(attrs, "key", x.key)
	}
	if x.code != "" {
		attrs = append(attrs, "code", x.code)
	}
	switch {
	case abandoned:
		a.log.Info("request abandoned", attrs...)
	case x.status >= 500:
		a.log.Error("request", append(attrs, "error", x.cause)...)
	default:
		a.log.Info("request", attrs...)
	}
}

// methodName keeps free text out of the log.
func methodName(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// headerSize is the size of a request's head as it came, but for optional white
// space and the headers that net/http keeps to itself.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(" ") + len(r.RequestURI) + len(" HTTP/1.1\r\n") + len("Host: \r\n") + len(r.Host)
	for k, vs := range r.Header {
		for _, v := range vs {
			n += len(k) + len(v) + 4
		}
	}
	return n
}
