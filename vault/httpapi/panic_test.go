package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A panic is an opaque 500. Its value may hold anything, so the log has the
// request id and a stack, never the value.
func TestPanics(t *testing.T) {
	const secret = "5454545454545454"
	values := map[string]func() any{
		"text":         func() any { return secret },
		"error":        func() any { return errors.New(secret) },
		"struct":       func() any { return struct{ number string }{secret} },
		"nil":          func() any { return nil },
		"out of range": func() any { var none []int; return none[len(secret)] },
		"nil map":      func() any { var none map[string]int; none[secret] = 1; return 0 },
		"assertion":    func() any { var any any = secret; return any.(int) },
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			rec := b.run(b.request("POST", "/tokens", `{"card":{"number":"`+secret+`"}}`), func(context.Context, *call) (any, error) {
				panic(value())
			})
			var body errorBody
			if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil || rec.Code != http.StatusInternalServerError ||
				body != (errorBody{"error", defaultErrorBase + "#internal-error", "internal_error", "internal error"}) {
				t.Errorf("%d %s (%v)", rec.Code, rec.Body, err)
			}
			log := b.log.String()
			if strings.Contains(log+rec.Body.String(), secret) {
				t.Errorf("the panic's value is told:\n%s", log)
			}
			id := rec.Header().Get("X-Request-Id")
			if strings.Count(log, id) < 2 || !strings.Contains(log, "panic_test.go") {
				t.Errorf("the log lacks the id %s or the stack:\n%s", id, log)
			}
		})
	}
}

// http.ErrAbortHandler is net/http's own way to end a connection.
func TestAbortPasses(t *testing.T) {
	b := newBench(t)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // the identity is what net/http documents
			t.Errorf("recovered %v", p)
		}
	}()
	b.run(b.request("POST", "/tokens", `{}`), func(context.Context, *call) (any, error) { panic(http.ErrAbortHandler) })
	t.Error("no panic")
}

// A client that leaves is no failure of ours: counted as 499, logged at info.
func TestAbandoned(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	rec := b.run(b.request("POST", "/tokens", `{}`).WithContext(ctx), func(ctx context.Context, _ *call) (any, error) {
		cancel()
		return nil, ctx.Err()
	})
	if rec.Code != http.StatusServiceUnavailable || rec.Header().Get("Retry-After") != "1" { // it may still be reading
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if log := b.log.String(); !strings.Contains(log, `"status":499`) || strings.Contains(log, "ERROR") {
		t.Errorf("log: %s", log)
	}
}

// An answer that cannot be encoded is an internal error in the wire's form.
func TestUnencodable(t *testing.T) {
	b := newBench(t)
	rec := b.run(b.request("POST", "/tokens", `{}`), func(context.Context, *call) (any, error) { return func() {}, nil })
	var body errorBody
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil || rec.Code != http.StatusInternalServerError || body.Code != "internal_error" {
		t.Errorf("%d %s (%v)", rec.Code, rec.Body, err)
	}
}

// Without randomness there is no request id, and no crash.
func TestNoRandomness(t *testing.T) {
	b := newBench(t)
	b.opts.Random = strings.NewReader("")
	rec := httptest.NewRecorder()
	b.Handler(Public).ServeHTTP(rec, b.request("GET", "/tokens/x", ""))
	if rec.Code != http.StatusNotFound {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}
