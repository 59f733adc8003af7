package vault_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store/sqlite"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

// sweep sweeps and wants n cards destroyed.
func (s *shop) sweep(t testing.TB, what string, n int) {
	t.Helper()
	if got, err := s.Sweep(t.Context()); err != nil || got != n {
		t.Errorf("%s: a sweep destroys %d (%v), want %d", what, got, err, n)
	}
}

func (s *shop) report(t testing.TB) vault.RetentionReport {
	t.Helper()
	r, err := s.RetentionReport(t.Context(), s.Operator)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// setClock moves the clock to a time.
func (s *shop) setClock(at time.Time) { s.clock.Advance(at.Sub(s.clock.Now())) }

// expiring makes a token of a card that expires in a month.
func (s *shop) expiring(t testing.TB, month, year int) string {
	t.Helper()
	r := request("4242424242424242", "SOMCHAI PRASERT")
	r.Card.ExpirationMonth, r.Card.ExpirationYear = fmt.Append(nil, month), fmt.Append(nil, year)
	token, err := s.Tokenize(t.Context(), s.public, r)
	if err != nil {
		t.Fatal(err)
	}
	return token.ID
}

// attach gives a customer one more card and returns its id.
func (s *shop) attach(t testing.TB, customer, token string) string {
	t.Helper()
	if _, err := s.UpdateCustomer(t.Context(), s.secret, customer, vault.CustomerFields{Token: token}); err != nil {
		t.Fatal(err)
	}
	return cardOf(token)
}

func cardOf(token string) string { return "card_" + strings.TrimPrefix(token, "tokn_") }

func (s *shop) record(t testing.TB, id string) vault.CardRecord {
	t.Helper()
	r, err := s.CardRecord(t.Context(), s.Operator, id)
	if err != nil {
		t.Fatalf("record of %s: %v", id, err)
	}
	return r
}

// states are the states of cards, in order.
func (s *shop) states(t testing.TB, ids ...string) []vault.RecordState {
	t.Helper()
	var out []vault.RecordState
	for _, id := range ids {
		out = append(out, s.record(t, id).State)
	}
	return out
}

// TestSweepOfTokens: a token is destroyed when its merchant's time is over, and
// not a microsecond before.
func TestSweepOfTokens(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Minute, 24 * time.Hour} {
		want := ttl
		if want == 0 {
			want = 30 * time.Minute
		}
		s := newShop(t)
		merchant := s.Merchant(t, vault.MerchantSettings{TokenTTL: ttl})
		s.setClock(s.clock.Now().Truncate(time.Second).Add(123456 * time.Microsecond))
		made := s.clock.Now()
		token := tokenize(t, s.Vault, s.Caller(t, merchant, policy.Public, true), "4242424242424242", "ONE").ID

		s.setClock(made.Add(want - time.Microsecond))
		s.sweep(t, "before its time", 0)
		if r := s.report(t); r.Due != 0 || r.Tokens != 1 || r.Stored != 0 || !r.OldestLapse.IsZero() || s.record(t, token).State != vault.StateUnused {
			t.Errorf("%s: before its time: %+v", want, r)
		}
		s.setClock(made.Add(want))
		if r := s.report(t); r.Due != 1 || r.Past() != 0 || !r.OldestLapse.Equal(made.Add(want)) || s.record(t, token).State != vault.StateLapsed {
			t.Errorf("%s: at its time: %+v, want 1 due since %s", want, r, made.Add(want))
		}
		s.sweep(t, "at its time", 1)
		s.sweep(t, "again", 0)
		if got := s.record(t, token); got.State != vault.StateDestroyed || !got.DeletedAt.Equal(made.Add(want)) || !got.ExpiresAt.IsZero() {
			t.Errorf("%s: record %+v", want, got)
		}
		if r := s.report(t); r.Due != 0 || r.Tokens != 0 || r.Past() != 0 {
			t.Errorf("%s: after the sweep: %+v", want, r)
		}
		got := events(t, s.Store, audit.CardDestroy)
		if len(got) != 1 || got[0].Object != cardOf(token) || got[0].Details["reason"] != "lapsed" || got[0].Actor.Kind != "system" ||
			got[0].Actor.ID != "panvault retention" || got[0].Merchant != merchant || got[0].Mode != "live" {
			t.Errorf("%s: audit has %+v, want one destruction of %s", want, got, token)
		}
	}
}

// TestSweepAfterExpiry: a card is kept for the given days after its last month
// has ended everywhere, which is noon of the next first in UTC.
func TestSweepAfterExpiry(t *testing.T) {
	at := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	}
	for _, tt := range []struct {
		month, year, days int
		want              time.Time
	}{
		{1, 2030, 1, at(2030, 2, 2)}, {12, 2030, 1, at(2031, 1, 2)}, {2, 2032, 1, at(2032, 3, 2)},
		{4, 2030, 30, at(2030, 5, 31)}, {4, 2030, 31, at(2030, 6, 1)}, {12, 2031, 90, at(2032, 3, 31)}, {1, 2030, 400, at(2031, 3, 8)},
	} {
		what := fmt.Sprintf("%d/%d and %d days", tt.month, tt.year, tt.days)
		s := newShopWith(t, func(o *vault.Options) { o.Retention.AfterExpiry = tt.days })
		card := s.customer(t, vault.CustomerFields{Token: s.expiring(t, tt.month, tt.year)}).DefaultCard
		s.setClock(tt.want.Add(-time.Microsecond))
		s.sweep(t, what+", before", 0)
		s.setClock(tt.want)
		if r := s.report(t); r.Due != 1 || r.Past() != 0 {
			t.Errorf("%s: %+v, want one due and none past retention", what, r)
		}
		s.setClock(tt.want.Add(time.Minute - time.Microsecond))
		if r := s.report(t); r.Past() != 0 {
			t.Errorf("%s: %+v, want none past retention within a minute", what, r)
		}
		s.setClock(tt.want.Add(time.Minute))
		if r := s.report(t); r.Past() != 1 || r.ExpiredCards != 1 {
			t.Errorf("%s: %+v, want one past retention", what, r)
		}
		s.sweep(t, what, 1)
		if got := events(t, s.Store, audit.CardDestroy); s.record(t, card).State != vault.StateDestroyed || len(got) != 1 || got[0].Details["reason"] != "expired" {
			t.Errorf("%s: audit has %+v", what, got)
		}
	}
}

// TestSweepAfterUse: the days count from the last use, to the microsecond.
func TestSweepAfterUse(t *testing.T) {
	s := newShopWith(t, func(o *vault.Options) { o.Retention.AfterUse = 10 })
	s.setClock(s.clock.Now().Truncate(time.Second))
	token := s.token(t)
	used := s.clock.Now().Add(5 * time.Minute)
	s.setClock(used)
	card := s.customer(t, vault.CustomerFields{Token: token}).DefaultCard
	for _, step := range []struct {
		after     time.Duration
		due, past int
	}{{0, 0, 0}, {240 * time.Hour, 0, 0}, {240*time.Hour + time.Microsecond, 1, 0}, {240*time.Hour + time.Minute, 1, 0}, {240*time.Hour + time.Minute + time.Microsecond, 1, 1}} {
		s.setClock(used.Add(step.after))
		if r := s.report(t); r.Due != step.due || r.UnusedCards != step.past || r.Past() != step.past {
			t.Errorf("%s after the use: %+v, want %d due and %d past", step.after, r, step.due, step.past)
		}
	}
	s.sweep(t, "after use", 1)
	if got := events(t, s.Store, audit.CardDestroy); s.record(t, card).State != vault.StateDestroyed || len(got) != 1 || got[0].Details["reason"] != "unused" {
		t.Errorf("audit has %+v", got)
	}
}

// TestSweepWithoutRules: stored cards stay for ever unless a rule says otherwise.
func TestSweepWithoutRules(t *testing.T) {
	s := newShop(t)
	card := s.customer(t, vault.CustomerFields{Token: s.expiring(t, 1, 2030)}).DefaultCard
	s.setClock(time.Date(2057, 1, 1, 0, 0, 0, 0, time.UTC))
	s.sweep(t, "without rules", 0)
	if r := s.report(t); s.record(t, card).State != vault.StateStored || r.Due != 0 || r.Past() != 0 || r.Stored != 1 {
		t.Errorf("%+v", r)
	}
}

// TestSweepMovesTheDefault: the card that was attached last takes the place of
// a default one that was destroyed; a customer stays when its last card goes.
func TestSweepMovesTheDefault(t *testing.T) {
	s := newShopWith(t, func(o *vault.Options) { o.Retention.AfterExpiry = 1 })
	c := s.customer(t, vault.CustomerFields{Token: s.expiring(t, 1, 2030), Description: []byte("stays")})
	first := c.DefaultCard
	s.clock.Advance(time.Minute)
	second := s.attach(t, c.ID, s.expiring(t, 3, 2030))
	s.clock.Advance(time.Minute)
	third := s.attach(t, c.ID, s.expiring(t, 2, 2030))
	s.clock.Advance(time.Minute)
	fourth := s.attach(t, c.ID, s.expiring(t, 2, 2030))
	for _, step := range []struct {
		at   time.Time
		n    int
		want string
	}{
		{time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC), 0, first},
		{time.Date(2030, 2, 5, 0, 0, 0, 0, time.UTC), 1, fourth},
		{time.Date(2030, 3, 5, 0, 0, 0, 0, time.UTC), 2, second}, // both of February at once
		{time.Date(2030, 4, 5, 0, 0, 0, 0, time.UTC), 1, ""},
	} {
		s.setClock(step.at)
		s.sweep(t, step.at.String(), step.n)
		got, err := s.Service.Customer(t.Context(), s.secret, c.ID)
		if err != nil || got.DefaultCard != step.want || got.Description != "stays" {
			t.Errorf("%s: default card %q (%v), want %q", step.at, got.DefaultCard, err, step.want)
		}
	}
	if got, want := s.states(t, first, second, third, fourth), slices.Repeat([]vault.RecordState{vault.StateDestroyed}, 4); !slices.Equal(got, want) {
		t.Errorf("states %v, want %v", got, want)
	}
	if r, err := s.CustomerRecord(t.Context(), s.Operator, c.ID); err != nil || r.State != vault.StateActive || r.Cards != 0 {
		t.Errorf("customer %+v (%v), want it active and without cards", r, err)
	}
	for _, e := range events(t, s.Store, audit.CardDestroy) {
		if e.Details["customer"] != c.ID {
			t.Errorf("%s: customer %q, want %s", e.Object, e.Details["customer"], c.ID)
		}
	}
}

// tokens makes n tokens, many at once, and returns their ids.
func (s *shop) tokens(t testing.TB, n int) []string {
	t.Helper()
	out := make([]string, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				token, err := s.Tokenize(context.Background(), s.public, request("4242424242424242", "ONE"))
				if err != nil {
					t.Errorf("tokenize: %v", err)
					return
				}
				out[i] = token.ID
			}
		})
	}
	wg.Wait()
	return out
}

// destroyedOnce wants one record of destruction for each token.
func (s *shop) destroyedOnce(t testing.TB, tokens []string) {
	t.Helper()
	times := make(map[string]int)
	for _, e := range events(t, s.Store, audit.CardDestroy) {
		times[e.Object]++
	}
	for _, token := range tokens {
		if n := times[cardOf(token)]; n != 1 {
			t.Errorf("%s was destroyed %d times on record, want once", token, n)
		}
	}
	if len(times) != len(tokens) {
		t.Errorf("%d cards were destroyed, want %d", len(times), len(tokens))
	}
}

// TestSweepsAtOnce: sweeps of two processes on one store destroy each card once.
func TestSweepsAtOnce(t *testing.T) {
	s := newShop(t)
	tokens := s.tokens(t, 730)
	db, err := sqlite.Open(t.Context(), s.Path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := vault.New(t.Context(), vault.Options{Store: db, KMS: s.KMS, Clock: s.clock.Now, Node: "other"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	s.clock.Advance(time.Hour)
	var total atomic.Int64
	var wg sync.WaitGroup
	for _, svc := range []*vault.Service{s.Service, other, s.Service, other} {
		wg.Go(func() {
			n, err := svc.Sweep(t.Context())
			if err != nil {
				t.Errorf("sweep: %v", err)
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	if got := int(total.Load()); got != len(tokens) {
		t.Errorf("the sweeps count %d, want %d", got, len(tokens))
	}
	s.destroyedOnce(t, tokens)
	if r := s.report(t); r.Due != 0 || r.Tokens != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSweepKeepsUp: while many clients make tokens that lapse at once, sweeps in
// a loop leave nothing that is due, and every card has both of its records.
func TestSweepKeepsUp(t *testing.T) {
	s := newShop(t)
	s.public = s.Caller(t, s.Merchant(t, vault.MerchantSettings{TokenTTL: time.Minute}), policy.Public, false)
	done := make(chan struct{})
	var made []string
	go func() {
		defer close(done)
		made = s.tokens(t, 1500)
	}()
	swept := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		s.clock.Advance(10 * time.Second)
		n, err := s.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		swept += n
	}
	s.clock.Advance(time.Minute)
	n, err := s.Sweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if swept += n; swept != len(made) {
		t.Errorf("%d cards destroyed, want %d", swept, len(made))
	}
	if r := s.report(t); r.Due != 0 || r.Tokens != 0 || r.Past() != 0 {
		t.Errorf("%+v", r)
	}
	if got := len(events(t, s.Store, audit.TokenCreate)); got != len(made) {
		t.Errorf("%d token.create events, want %d", got, len(made))
	}
	s.destroyedOnce(t, made)
}

// TestSweepInTheBackground: a server destroys what is due, forgets requests and
// counts by itself.
func TestSweepInTheBackground(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := newShopWith(t, func(o *vault.Options) { o.Sweep, o.Metrics = true, registry })
	token := s.token(t)
	caller, _, err := s.Begin(t.Context(), s.secret, once("k", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateCustomer(t.Context(), caller, vault.CustomerFields{}); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(25 * time.Hour)
	w := &world{Vault: s.Vault, db: rawDB(t, s.Vault), registry: registry}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if s.record(t, token).State == vault.StateDestroyed && len(w.rowids(t, "idempotency", "")) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %s, %d requests are remembered", token, s.record(t, token).State, len(w.rowids(t, "idempotency", "")))
		}
	}
}

// BenchmarkSweep destroys tokens that have lapsed; a round is a thousand.
func BenchmarkSweep(b *testing.B) {
	const n = 1000
	s := newShop(b)
	for b.Loop() {
		b.StopTimer()
		s.tokens(b, n)
		s.clock.Advance(time.Hour)
		b.StartTimer()
		s.sweep(b, "benchmark", n)
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "cards/s")
}
