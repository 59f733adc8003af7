package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
)

const unavailable = "service is unavailable"

// outage decorates a real keyring and fails on cue.
type outage struct {
	kms.KMS
	err atomic.Pointer[error]
}

func (o *outage) fail(err error) { o.err.Store(&err) }
func (o *outage) mend()          { o.err.Store(nil) }

func (o *outage) current() error {
	if err := o.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Wrap implements kms.KMS.
func (o *outage) Wrap(ctx context.Context, key kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	if err := o.current(); err != nil {
		return nil, err
	}
	return o.KMS.Wrap(ctx, key, items)
}

// Check implements kms.KMS.
func (o *outage) Check(ctx context.Context) error {
	if err := o.current(); err != nil {
		return err
	}
	return o.KMS.Check(ctx)
}

// retryAfter checks that a 503 or 429 says when to come back.
func (a answer) retryAfter(t testing.TB) int {
	t.Helper()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		t.Errorf("status %d: Retry-After %q, want whole seconds", a.status, a.header.Get("Retry-After"))
	}
	return seconds
}

// While the KMS is down prepared keys are used up, then it is 503; masked reads
// go on, and recovery needs no restart.
func TestKMSDown(t *testing.T) {
	down := &outage{}
	w := newWire(t, config{vault: func(o *vault.Options) {
		down.KMS, o.KMS, o.PoolSize = o.KMS, down, 4
		o.RetryAfter = func() time.Duration { return 2500 * time.Millisecond }
	}})
	id := w.token(t)
	down.fail(kms.ErrUnavailable)
	var last answer
	made := 0
	for range 40 {
		if last = w.post(t, cardJSON(nil)); last.status != http.StatusOK {
			break
		}
		made++
	}
	last.want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
	if got := last.retryAfter(t); got != 3 {
		t.Errorf("Retry-After %d, want 3: rounded up", got)
	}
	if made > 16 {
		t.Errorf("%d tokens without a KMS", made)
	}
	w.post(t, cardJSON(nil), version(current)).want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
	w.post(t, cardJSON(map[string]string{"name": ""})).want(t, http.StatusBadRequest, "bad_request", blankName)
	if a := w.get(t, "/tokens/"+id); a.status != http.StatusOK {
		t.Errorf("a masked read while the KMS is down: %d %s", a.status, a.raw)
	}
	down.mend()
	if !eventually(func() bool { return w.post(t, cardJSON(nil)).status == http.StatusOK }) {
		t.Error("no token after the KMS came back")
	}
}

func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// Errors of the KMS that no retry mends are 500, without their text.
func TestKMSDenies(t *testing.T) {
	for _, cause := range []error{kms.ErrDenied, kms.ErrKeyMissing, kms.ErrTampered} {
		down := &outage{}
		w := newWire(t, config{vault: func(o *vault.Options) { down.KMS, o.KMS, o.PoolSize = o.KMS, down, 1 }})
		down.fail(cause)
		var last answer
		if !eventually(func() bool { last = w.post(t, cardJSON(nil)); return last.status != http.StatusOK }) {
			t.Fatal("still serving")
		}
		if errors.Is(cause, kms.ErrTampered) {
			last.want(t, http.StatusInternalServerError, "internal_error", "internal error")
		} else { // set up wrongly or expired: it mends without the caller's doing
			last.want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
			last.retryAfter(t)
		}
		if !strings.Contains(w.log.text(), last.header.Get("X-Request-Id")) || !strings.Contains(w.log.text(), cause.Error()) {
			t.Errorf("%v: the log does not tell the cause of request %s", cause, last.header.Get("X-Request-Id"))
		}
	}
}

func TestStoreClosed(t *testing.T) {
	w := newWire(t, config{})
	id := w.token(t)
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range []answer{w.post(t, cardJSON(nil)), w.get(t, "/tokens/"+id), w.get(t, "/nothing"), w.post(t, `{`)} {
		a.want(t, http.StatusServiceUnavailable, "service_unavailable", unavailable)
		a.retryAfter(t)
	}
}

// failing decorates a real store: reads and writes end in an error.
type failing struct {
	store.Store
	err atomic.Pointer[error]
}

// View implements store.Store.
func (f *failing) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return f.Store.View(ctx, fn)
}

// Update implements store.Store.
func (f *failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return f.Store.Update(ctx, fn)
}

type secretError struct{ text string }

// Error returns the text.
func (e secretError) Error() string { return e.text }

func TestStoreErrors(t *testing.T) {
	broken := &failing{}
	w := newWire(t, config{vault: func(o *vault.Options) { broken.Store, o.Store = o.Store, broken }})
	tests := []struct {
		err    error
		status int
	}{
		{store.ErrUnavailable, 503}, {store.ErrFull, 503}, {store.ErrReadOnly, 503}, {context.DeadlineExceeded, 503},
		{store.ErrCorrupt, 500}, {store.ErrConflict, 500}, {secretError{"details of the defect"}, 500},
	}
	for _, tt := range tests {
		broken.err.Store(&tt.err)
		a := w.post(t, cardJSON(nil))
		broken.err.Store(nil)
		if tt.status == http.StatusServiceUnavailable {
			a.want(t, tt.status, "service_unavailable", unavailable)
			a.retryAfter(t)
			continue
		}
		a.want(t, tt.status, "internal_error", "internal error")
		if strings.Contains(a.raw, tt.err.Error()) {
			t.Errorf("the answer tells the cause: %s", a.raw)
		}
		if log := w.log.text(); !strings.Contains(log, tt.err.Error()) || !strings.Contains(log, a.header.Get("X-Request-Id")) {
			t.Errorf("the log does not tell the cause %q of the request", tt.err)
		}
	}
	if a := w.post(t, cardJSON(nil)); a.status != http.StatusOK {
		t.Errorf("after the errors: %d %s", a.status, a.raw)
	}
}

func TestRateLimits(t *testing.T) {
	w := newWire(t, config{vault: func(o *vault.Options) {
		o.Limits = vault.Limits{PerKey: policy.Limit{Rate: 0.5, Burst: 3}, PerAddress: policy.Limit{Rate: 0.1, Burst: 5}}
	}})
	id := ""
	for range 3 {
		id = w.token(t)
	}
	for _, v := range []string{"", current} {
		a := w.post(t, cardJSON(nil), version(v))
		a.want(t, http.StatusTooManyRequests, "too_many_requests", "too many requests")
		if got := a.retryAfter(t); got != 2 {
			t.Errorf("Retry-After %d, want 2", got)
		}
		if got := a.header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("a page cannot read the answer: Access-Control-Allow-Origin %q", got)
		}
	}
	if a := w.get(t, "/tokens/"+id); a.status != http.StatusOK {
		t.Errorf("reading is limited too: %d %s", a.status, a.raw)
	}
	// Another key of the same address has what is left of the address.
	other := as(w.key(t, policy.Public, false))
	w.token(t, other)
	w.token(t, other)
	a := w.post(t, cardJSON(nil), other)
	a.want(t, http.StatusTooManyRequests, "too_many_requests", "too many requests")
	a.retryAfter(t)
	w.clock.advance(time.Minute)
	w.token(t)
}
