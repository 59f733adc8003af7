package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// However a request with an idempotency key ends without an effect, its key is
// free again at once.
func TestClaimsAreGivenUp(t *testing.T) {
	b := newBench(t)
	ask := func(timeout time.Duration, serve func(context.Context) (any, error)) int {
		rt := routes()[0]
		rt.repeat, rt.timeout = byHeader, timeout
		rt.serve = func(_ *API, ctx context.Context, _ *call) (any, error) { return serve(ctx) }
		r := b.request("POST", "/tokens", `{}`)
		r.Header.Set("Idempotency-Key", "k")
		rec := httptest.NewRecorder()
		b.endpoint(rt).ServeHTTP(rec, r)
		return rec.Code
	}
	for name, tt := range map[string]struct {
		timeout time.Duration
		serve   func(context.Context) (any, error)
		want    int
	}{
		"error":   {time.Minute, func(context.Context) (any, error) { return nil, errors.New("x") }, http.StatusInternalServerError},
		"panic":   {time.Minute, func(context.Context) (any, error) { panic("x") }, http.StatusInternalServerError},
		"timeout": {500 * time.Millisecond, func(ctx context.Context) (any, error) { <-ctx.Done(); return nil, ctx.Err() }, http.StatusServiceUnavailable},
	} {
		if got := ask(tt.timeout, tt.serve); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		during := 0
		if got := ask(time.Minute, func(context.Context) (any, error) {
			during = ask(time.Minute, func(context.Context) (any, error) { return errorBody{}, nil })
			return errorBody{Object: "x"}, nil
		}); got != http.StatusOK || during != http.StatusConflict {
			t.Errorf("after the %s: %d, and %d meanwhile; want 200 and 409", name, got, during)
		}
	}
}
