package vault_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// dying is the store of a process that ends, or is held, before its nth
// transaction.
type dying struct {
	store.Store
	calls   atomic.Int64
	last    int64         // transactions that it has
	reached chan struct{} // nil for a process that is gone then
	resume  chan struct{}
}

func (d *dying) Update(ctx context.Context, fn func(store.Tx) error) error {
	if d.calls.Add(1) > d.last {
		if d.reached == nil {
			return store.ErrUnavailable
		}
		if d.calls.Load() == d.last+1 {
			close(d.reached)
			<-d.resume
		}
	}
	return d.Store.Update(ctx, fn)
}

// The transactions of an attempt with an idempotency key: that of the key, and
// those that prepare, send and end it.
const (
	untilPrepared = 2
	untilSending  = 3
)

// process is another process on the same store.
func (s *till) process(t *testing.T, db store.Store, change func(*vault.Options)) *till {
	t.Helper()
	o := vault.Options{Store: db, KMS: s.KMS, Clock: s.clock.Now, Destinations: s.processor.Destinations}
	if change != nil {
		change(&o)
	}
	svc, err := vault.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Close(context.Background()) })
	v := *s.Vault
	v.Service, v.Store = svc, db
	return &till{&shop{&v, s.public, s.secret, s.clock}, s.processor}
}

// doomed is a process that dies after so many transactions.
func (s *till) doomed(t *testing.T, last int64) *till {
	return s.process(t, &dying{Store: s.Store, last: last}, nil)
}

// use forwards or charges a token under a key; id is of the forward or charge.
func (s *till) use(t *testing.T, kind vault.Use, key, token, amount string) (id string, answer *vault.Answer, err error) {
	t.Helper()
	r := vault.Repeatable{Key: key, Endpoint: "POST /" + string(kind), Encode: encodeUse}
	caller, answer, err := s.Begin(t.Context(), s.secret, r)
	if err != nil || answer != nil {
		return "", answer, err
	}
	defer s.End(t.Context(), caller)
	if kind == vault.UseForward {
		f, err := s.Forward(t.Context(), caller, vault.ForwardRequest{Destination: "sandbox", Token: token, Fields: fieldsOf(amount)})
		return f.ID, nil, err
	}
	n, err := strconv.ParseInt(amount, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.CreateCharge(t.Context(), caller, vault.ChargeRequest{Token: token, Amount: n, Currency: "thb", Capture: true})
	return c.ID, nil, err
}

// only is the one line of the ledger.
func (s *till) only(t *testing.T) vault.Forward {
	t.Helper()
	rows, err := s.Forwards(t.Context(), s.Operator, "", 9)
	if err != nil || len(rows) != 1 {
		t.Fatalf("ledger has %d rows, want one: %v", len(rows), err)
	}
	return rows[0]
}

func (s *till) recover(t *testing.T, want int) {
	t.Helper()
	if n, err := s.RecoverForwards(t.Context()); err != nil || n != want {
		t.Errorf("recovered %d (%v), want %d", n, err, want)
	}
}

// used tells what a token looks like.
func (s *till) used(t *testing.T, token string) (used bool, status string) {
	t.Helper()
	got, err := s.Token(t.Context(), s.public, token)
	if err != nil {
		t.Fatal(err)
	}
	return got.Used, got.ChargeStatus
}

// TestDiedBeforeSending: nothing was sent, so everything is as before.
func TestDiedBeforeSending(t *testing.T) {
	for _, kind := range []vault.Use{vault.UseForward, vault.UseCharge} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTill(t)
			token := s.token(t)
			if _, _, err := s.doomed(t, untilPrepared).use(t, kind, "k", token, "10000"); err == nil {
				t.Fatal("a process that died answers")
			}
			if got := s.only(t); got.State != vault.ForwardPrepared {
				t.Fatalf("ledger has %+v", got)
			}
			if _, _, err := s.use(t, kind, "k", token, "10000"); vault.CodeOf(err) != vault.InProgress {
				t.Errorf("meanwhile: %v, want in progress", err)
			}
			if _, _, err := s.use(t, kind, "other", token, "10000"); vault.CodeOf(err) != vault.UsedToken {
				t.Errorf("another meanwhile: %v, want a used token", err)
			}
			s.recover(t, 0)
			s.clock.Advance(time.Minute + time.Second - time.Microsecond) // the timeout is a second
			s.recover(t, 0)
			s.clock.Advance(time.Microsecond)
			s.recover(t, 1)
			s.recover(t, 0)
			f := s.only(t)
			if f.State != vault.ForwardNotSent || f.Reason == "" || f.EndedAt.IsZero() || !f.SentAt.IsZero() {
				t.Errorf("ledger has %+v, want not sent", f)
			}
			if used, status := s.used(t, token); used || status != "unknown" {
				t.Errorf("the token is used %v, %s", used, status)
			}
			if kind == vault.UseCharge {
				c, err := s.Charge(t.Context(), s.secret, f.Charge)
				if err != nil || c.State != vault.ChargeFailed || c.FailureCode != "failed_processing" {
					t.Errorf("the charge is %+v, %v, want a failed one", c, err)
				}
			}
			if got := s.processor.Statistics().Received; got != 0 {
				t.Errorf("the processor received %d", got)
			}
			id, answer, err := s.use(t, kind, "k", token, "10000")
			if err != nil || answer != nil || id == "" {
				t.Errorf("again with the same key and token: %q, %v, %v", id, answer, err)
			}
			if got := s.processor.Statistics(); got.Received != 1 || got.Duplicates != 0 {
				t.Errorf("the processor has %+v, want one", got)
			}
		})
	}
}

// TestDiedAfterSending: nobody knows what became of it, and it is not repeated.
func TestDiedAfterSending(t *testing.T) {
	for _, kind := range []vault.Use{vault.UseForward, vault.UseCharge} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTill(t)
			token := s.token(t)
			if _, _, err := s.doomed(t, untilSending).use(t, kind, "k", token, "10000"); vault.CodeOf(err) != vault.OutcomeUnknown {
				t.Fatalf("got %v, want unknown", err)
			}
			if got := s.only(t); got.State != vault.ForwardSending {
				t.Fatalf("ledger has %+v", got)
			}
			if _, _, err := s.use(t, kind, "k", token, "10000"); vault.CodeOf(err) != vault.InProgress {
				t.Errorf("meanwhile: %v, want in progress", err)
			}
			s.clock.Advance(2 * time.Minute)
			s.recover(t, 1)
			f := s.only(t)
			if f.State != vault.ForwardUnknown || f.Reason == "" || f.EndedAt.IsZero() || f.Status != 0 {
				t.Errorf("ledger has %+v, want unknown", f)
			}
			want := map[vault.Use]string{vault.UseForward: "unknown", vault.UseCharge: "pending"}[kind]
			if used, status := s.used(t, token); !used || status != want {
				t.Errorf("the token is used %v, %s, want %s", used, status, want)
			}
			for range 2 {
				_, answer, err := s.use(t, kind, "k", token, "10000")
				switch kind {
				case vault.UseForward:
					var e *vault.Error
					if !errors.As(err, &e) || e.Code != vault.OutcomeUnknown || e.ID != f.ID {
						t.Errorf("the key: %v, want the unknown outcome of %s", err, f.ID)
					}
				default:
					if err != nil || answer == nil || string(answer.Body) != `{"id":"`+f.Charge+`"}` {
						t.Errorf("the key: %+v, %v, want the charge", answer, err)
					}
					if c, err := s.Charge(t.Context(), s.secret, f.Charge); err != nil || c.State != vault.ChargePending {
						t.Errorf("the charge is %+v, %v, want a pending one", c, err)
					}
				}
			}
			if _, err := s.charge(t, vault.ChargeRequest{Token: token}); vault.CodeOf(err) != vault.UsedToken {
				t.Errorf("a charge of the token: %v", err)
			}
			if got := s.processor.Statistics(); got.Received != 1 || got.Duplicates != 0 {
				t.Errorf("the processor has %+v, want one", got)
			}
		})
	}
}

// held is a process that is stopped before a transaction, goes on when released,
// and then returns what it answered.
func (s *till) held(t *testing.T, last int64, kind vault.Use, token string) (release func() error) {
	t.Helper()
	d := &dying{Store: s.Store, last: last, reached: make(chan struct{}), resume: make(chan struct{})}
	slow, done := s.process(t, d, nil), make(chan error, 1)
	go func() {
		_, _, err := slow.use(t, kind, "k", token, "10000")
		done <- err
	}()
	<-d.reached
	return func() error { close(d.resume); return <-done }
}

// TestSlowBeforeSending: who was given up as not sent sends nothing any more, and
// does not take the token from who used it since.
func TestSlowBeforeSending(t *testing.T) {
	for _, kind := range []vault.Use{vault.UseForward, vault.UseCharge} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTill(t)
			token := s.token(t)
			release := s.held(t, untilPrepared, kind, token)
			s.clock.Advance(2 * time.Minute)
			s.recover(t, 1)
			if _, _, err := s.use(t, kind, "k", token, "10000"); err != nil {
				t.Errorf("the next one: %v", err)
			}
			if err := release(); vault.CodeOf(err) != vault.NotSent {
				t.Errorf("the slow one: %v, want not sent", err)
			}
			if got := s.processor.Statistics(); got.Received != 1 {
				t.Errorf("the processor has %+v, want one", got)
			}
			if used, _ := s.used(t, token); !used {
				t.Error("the token is not used")
			}
			if got := s.ledger(t); got[store.ForwardNotSent] != 1 || got[store.ForwardAnswered] != 1 || len(got) != 2 {
				t.Errorf("ledger %v", got)
			}
			if _, answer, err := s.use(t, kind, "k", token, "10000"); err != nil || answer == nil {
				t.Errorf("the key: %v, %v, want the answer of the next one", answer, err)
			}
		})
	}
}

// TestSlowAfterSending: an answer that comes after all is better than none.
func TestSlowAfterSending(t *testing.T) {
	for _, kind := range []vault.Use{vault.UseForward, vault.UseCharge} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTill(t)
			token := s.token(t)
			release := s.held(t, untilSending, kind, token)
			s.clock.Advance(2 * time.Minute)
			s.recover(t, 1)
			if got := s.only(t); got.State != vault.ForwardUnknown {
				t.Errorf("ledger has %+v", got)
			}
			if err := release(); err != nil {
				t.Errorf("the slow one: %v", err)
			}
			f := s.only(t)
			if f.State != vault.ForwardAnswered || f.Status != 200 || f.Reason != "" {
				t.Errorf("ledger has %+v, want the answer", f)
			}
			if _, answer, err := s.use(t, kind, "k", token, "10000"); err != nil || answer == nil {
				t.Errorf("the key: %v, %v, want the answer", answer, err)
			}
			if kind == vault.UseCharge {
				if c, err := s.Charge(t.Context(), s.secret, f.Charge); err != nil || c.State != vault.ChargeSuccessful {
					t.Errorf("the charge is %+v, %v", c, err)
				}
				if _, status := s.used(t, token); status != "successful" {
					t.Errorf("the token is %s", status)
				}
			}
			s.recover(t, 0)
			if got := s.processor.Statistics().Received; got != 1 {
				t.Errorf("the processor received %d", got)
			}
		})
	}
}

// abandon leaves lines that are prepared and sending.
func (s *till) abandon(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		until := int64(untilPrepared + i%2)
		if _, _, err := s.doomed(t, until).use(t, vault.UseForward, strconv.Itoa(i), s.token(t), "10000"); err == nil {
			t.Fatal("a process that died answers")
		}
	}
	s.clock.Advance(2 * time.Minute)
}

// TestRecoverTogether: many processes that look at once end each line once.
func TestRecoverTogether(t *testing.T) {
	s := newTill(t)
	const n = 12
	s.abandon(t, n)
	var sum atomic.Int64
	var g sync.WaitGroup
	for range 4 {
		other := s.process(t, s.Store, nil)
		g.Go(func() {
			got, err := other.RecoverForwards(t.Context())
			if err != nil {
				t.Error(err)
			}
			sum.Add(int64(got))
		})
	}
	g.Wait()
	if got := s.ledger(t); sum.Load() != n || got[store.ForwardNotSent] != n/2 || got[store.ForwardUnknown] != n/2 {
		t.Errorf("%d were ended: %v, want %d", sum.Load(), got, n)
	}
	if got := len(events(t, s.Store, audit.ForwardEnd)); got != n {
		t.Errorf("%d records of an end, want %d", got, n)
	}
}

// TestRecoverBesideEvidence: an edited line stays as it is, is recorded once,
// and does not keep the others from their end.
func TestRecoverBesideEvidence(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := newTillWith(t, func(o *vault.Options) { o.Metrics = registry })
	w := &world{Vault: s.Vault, registry: registry, db: rawDB(t, s.Vault)}
	s.abandon(t, 4)
	first := w.rowids(t, "forwards", "")[0]
	w.setCell(t, "forwards", "destination", first, "elsewhere")
	s.recover(t, 3)
	s.recover(t, 0)
	if got := w.tamperEvents(t); got != 1 {
		t.Errorf("%d records of tampering, want one", got)
	}
	if got := s.ledger(t); got[store.ForwardPrepared] != 1 || len(got) != 3 {
		t.Errorf("ledger %v, want one that has not ended", got)
	}
	w.setCell(t, "forwards", "destination", first, "sandbox")
	s.clock.Advance(time.Hour)
	s.recover(t, 1)
}

// TestRecoverOfEditedCard: an edited card is evidence too; its attempt ends.
func TestRecoverOfEditedCard(t *testing.T) {
	s := newTill(t)
	w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
	s.abandon(t, 1)
	w.setCell(t, "cards", "brand", w.rowids(t, "cards", "")[0], "edited")
	s.recover(t, 1)
	if got := s.only(t); got.State != vault.ForwardNotSent {
		t.Errorf("ledger has %+v", got)
	}
	if w.cell(t, "cards", "brand", w.rowids(t, "cards", "")[0]) != "edited" {
		t.Error("the evidence was written over")
	}
}

// forging is a KMS that finds every data key forged.
type forging struct{ kms.KMS }

func (forging) Unwrap(_ context.Context, _ kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	out := make([]kms.UnwrapResult, len(items))
	for i := range out {
		out[i].Err = kms.ErrTampered
	}
	return out, nil
}

// TestForwardOfForgedKey: a number that does not open is not sent, and the
// attempt has an end.
func TestForwardOfForgedKey(t *testing.T) {
	s := newTill(t)
	token := s.token(t)
	deceived := s.process(t, s.Store, func(o *vault.Options) { o.KMS = &switching{KMS: o.KMS, then: forging{o.KMS}} })
	_, err := deceived.forward(t, vault.ForwardRequest{Token: token})
	if !errors.Is(err, envelope.ErrTampered) {
		t.Errorf("got %v, want tampered", err)
	}
	if got := s.only(t); got.State != vault.ForwardNotSent || got.Reason == "" {
		t.Errorf("ledger has %+v", got)
	}
	if used, _ := s.used(t, token); used {
		t.Error("the token is used")
	}
	if got := s.processor.Statistics().Received; got != 0 {
		t.Errorf("the processor received %d", got)
	}
}

// switching is a KMS that is another one for cards.
type switching struct {
	kms.KMS
	then kms.KMS
}

func (s *switching) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if key == envelope.CardKey(envelope.ModeOf(false)) {
		return s.then.Unwrap(ctx, key, items)
	}
	return s.KMS.Unwrap(ctx, key, items)
}

// TestOneTokenManyAttempts: of those who use a token at once, in whatever way,
// one does.
func TestOneTokenManyAttempts(t *testing.T) {
	s := newTill(t)
	token := s.token(t)
	var won atomic.Int64
	var g sync.WaitGroup
	for i := range 50 {
		g.Go(func() {
			var err error
			switch i % 5 {
			case 0:
				_, err = s.charge(t, vault.ChargeRequest{Token: token, Capture: true})
			default:
				_, err = s.forward(t, vault.ForwardRequest{Token: token})
			}
			switch vault.CodeOf(err) {
			case vault.UsedToken:
			default:
				if err != nil {
					t.Error(err)
				}
				won.Add(1)
			}
		})
	}
	g.Wait()
	if got := s.processor.Statistics(); won.Load() != 1 || got.Received != 1 {
		t.Errorf("%d attempts won, and the processor has %+v", won.Load(), got)
	}
}

// TestLastForwardDecides: whether a token can be used again depends on what was
// tried last, in whatever order ids are drawn: within a millisecond, or by a
// server whose clock is behind.
func TestLastForwardDecides(t *testing.T) {
	s := newTill(t)
	behind := s.process(t, s.Store, func(o *vault.Options) {
		o.Clock = func() time.Time { return s.clock.Now().Add(-3 * time.Second) }
	})
	for _, next := range []*till{s, behind} {
		for range 12 {
			token := s.token(t)
			for i, step := range []struct {
				by     *till
				amount string
				want   vault.Code
			}{{s, "900017", ""}, {next, "10000", ""}, {s, "10000", vault.UsedToken}, {next, "10000", vault.UsedToken}} {
				_, err := step.by.forward(t, vault.ForwardRequest{Token: token, Fields: fieldsOf(step.amount)})
				if vault.CodeOf(err) != step.want && (err != nil || step.want != "") {
					t.Fatalf("step %d: %v, want %q", i, err, step.want)
				}
			}
		}
	}
}

// TestRecoverLeavesLaterKeys: a key that was forgotten and claimed anew is not
// given up with the attempt that it led to a day ago.
func TestRecoverLeavesLaterKeys(t *testing.T) {
	s := newTill(t)
	if _, _, err := s.doomed(t, untilPrepared).use(t, vault.UseForward, "k", s.token(t), "10000"); err == nil {
		t.Fatal("a process that died answers")
	}
	s.clock.Advance(25 * time.Hour) // in which no server was up
	r := vault.Repeatable{Key: "k", Endpoint: "POST /forward", Encode: encodeUse}
	if _, answer, err := s.Begin(t.Context(), s.secret, r); err != nil || answer != nil {
		t.Fatalf("%v, %v", answer, err)
	}
	s.recover(t, 1)
	if _, _, err := s.Begin(t.Context(), s.secret, r); vault.CodeOf(err) != vault.InProgress {
		t.Errorf("a second one: %v, want in progress", err)
	}
}
