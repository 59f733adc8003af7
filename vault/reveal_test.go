package vault_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/audit"
)

const revealNumber = "4242424242424242"

// desk is an office with a stored card and a reveal key, in test mode unless
// live.
type desk struct {
	*office
	registry *prometheus.Registry
	kms      *gatekeeper
	live     bool
	key      vault.Caller
	card     string
}

// gatekeeper is the KMS, with a door that can be shut and a look at who enters.
type gatekeeper struct {
	kms.KMS
	down   atomic.Bool
	opened atomic.Int64 // cards
	event  atomic.Value // of the last one
}

func (g *gatekeeper) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if key != kms.Work {
		if g.down.Load() {
			return nil, kms.ErrUnavailable
		}
		g.opened.Add(int64(len(items)))
		g.event.Store(items[0].Event)
	}
	return g.KMS.Unwrap(ctx, key, items)
}

func newDesk(t *testing.T, live bool, change func(*vault.Options)) *desk {
	t.Helper()
	d := &desk{registry: prometheus.NewRegistry(), kms: new(gatekeeper), live: live}
	d.office = newOffice(t, func(o *vault.Options) {
		d.kms.KMS, o.KMS, o.Metrics = o.KMS, d.kms, d.registry
		if change != nil {
			change(o)
		}
	})
	d.key = d.Caller(t, d.merchant, policy.Reveal, live)
	d.card = d.storedCard(t, d.merchant, live)
	d.clock.Advance(time.Second)
	return d
}

// storedCard makes a customer with one card, and returns the card's id.
func (d *desk) storedCard(t testing.TB, merchant string, live bool) string {
	t.Helper()
	token := tokenize(t, d.Vault, d.Caller(t, merchant, policy.Public, live), revealNumber, "JANE DOE")
	_, err := d.CreateCustomer(t.Context(), d.Caller(t, merchant, policy.Secret, live), vault.CustomerFields{Token: token.ID})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(token.ID, "tokn_", "card_", 1)
}

func (d *desk) request(fields ...vault.RevealField) vault.RevealRequest {
	return vault.RevealRequest{Card: d.card, Fields: fields, Reason: "case 17"}
}

// see reveals a card and returns its number, "" unless it came in full.
func (d *desk) see(ctx context.Context, c vault.Caller, in vault.RevealRequest) (vault.Revealed, string, error) {
	r, err := d.Reveal(ctx, c, in)
	number := ""
	r.Number.Use(func(digits []byte) { number = string(digits) })
	r.Wipe()
	return r, number, err
}

// outcomes counts the metric.
func (d *desk) outcomes(t *testing.T, outcome string) int {
	t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "panvault_reveals_total" && m.GetLabel()[0].GetValue() == outcome {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

func TestReveal(t *testing.T) {
	d := newDesk(t, true, nil)
	all := []vault.RevealField{vault.FieldNumber, vault.FieldExpiration, vault.FieldName, vault.FieldBrand, vault.FieldLastDigits}
	r, number, err := d.see(t.Context(), d.key, d.request(all...))
	if err != nil || number != revealNumber || r.Name != "JANE DOE" || !r.NameShown || r.Expiry.Month != 12 || r.Expiry.Year != 2040 ||
		r.Brand != "Visa" || r.LastDigits != "4242" || r.Card != d.card || !r.Live || r.Masked != "" {
		t.Fatalf("got %+v and %q (%v)", r, number, err)
	}
	got := events(t, d.Store, audit.CardReveal)
	if len(got) != 1 {
		t.Fatalf("%d records, want 1", len(got))
	}
	want := map[string]string{
		"reveal": r.ID, "fields": "number,expiration,name,brand,last_digits", "number": "full", "reason": "case 17",
	}
	e := got[0]
	if e.Object != d.card || e.Outcome != audit.OK || e.Actor.ID != d.key.Key || e.Actor.Kind != "reveal" || e.Merchant != d.merchant || e.Mode != "live" {
		t.Errorf("the record is %+v", e)
	}
	for name, value := range want {
		if e.Details[name] != value || len(e.Details) != len(want) {
			t.Errorf("details %v, want %v", e.Details, want)
		}
	}
	if d.kms.event.Load() != e.ID {
		t.Errorf("the KMS heard of event %v, want %s", d.kms.event.Load(), e.ID)
	}
	opened := d.kms.opened.Load()
	r, number, err = d.see(t.Context(), d.key, d.request(vault.FieldExpiration))
	if err != nil || number != "" || r.Masked != "" || r.Name != "" || r.NameShown {
		t.Errorf("without the number: %+v and %q (%v)", r, number, err)
	}
	if d.kms.opened.Load() != opened {
		t.Error("the number was opened, which nobody asked for")
	}
	if d.outcomes(t, "opened") != 1 || d.outcomes(t, "masked") != 1 {
		t.Errorf("%d opened and %d masked in the metrics, want one each", d.outcomes(t, "opened"), d.outcomes(t, "masked"))
	}
}

// Only a key of the kind that is made for it may reveal, and it may do nothing
// else.
func TestRevealTakesItsOwnKindOfKey(t *testing.T) {
	d := newDesk(t, false, nil)
	for _, c := range []vault.Caller{
		d.Caller(t, d.merchant, policy.Public, false), d.Caller(t, d.merchant, policy.Secret, false), d.Operator, {},
		{Kind: policy.Reveal, Live: false}, vault.System("x"),
	} {
		if _, _, err := d.see(t.Context(), c, d.request(vault.FieldNumber)); codeOr(err) != vault.Unauthenticated && codeOr(err) != vault.NotFound || c.Kind != policy.Reveal && codeOr(err) != vault.Unauthenticated {
			t.Errorf("kind %q: %v, want unauthenticated", c.Kind, err)
		}
	}
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"tokenize":  func() error { _, err := d.Tokenize(ctx, d.key, request(revealNumber, "X")); return err },
		"customers": func() error { _, err := d.Customers(ctx, d.key, vault.Page{}); return err },
		"merchants": func() error { _, err := d.Merchants(ctx, d.key); return err },
		"approve":   func() error { _, err := d.GrantApproval(ctx, d.key, "appr_000000000000000000000000"); return err },
		"approvals": func() error { _, err := d.Approvals(ctx, d.key); return err },
		"make a key": func() error {
			_, _, err := d.CreateAPIKey(ctx, d.key, vault.NewAPIKey{Merchant: d.merchant, Kind: policy.Reveal})
			return err
		},
	} {
		if err := do(); codeOr(err) != vault.Unauthenticated {
			t.Errorf("%s with a reveal key: %v, want unauthenticated", name, err)
		}
	}
	if d.kms.opened.Load() != 0 {
		t.Error("a card was opened")
	}
}

func TestRevealRefuses(t *testing.T) {
	d := newDesk(t, false, nil)
	good := d.request(vault.FieldNumber)
	token := tokenize(t, d.Vault, d.Caller(t, d.merchant, policy.Public, false), revealNumber, "UNUSED")
	other := d.Merchant(t, vault.MerchantSettings{})
	destroyed := d.storedCard(t, d.merchant, false)
	d.deleteCard(t, destroyed)
	for _, tt := range []struct {
		name string
		edit func(*vault.RevealRequest)
		want vault.Code
	}{
		{"good", func(*vault.RevealRequest) {}, ""},
		{"absent", func(r *vault.RevealRequest) { r.Card = "card_test_" + strings.Repeat("0", 24) }, vault.NotFound},
		{"empty", func(r *vault.RevealRequest) { r.Card = "" }, vault.NotFound},
		{"a token of no customer", func(r *vault.RevealRequest) { r.Card = strings.Replace(token.ID, "tokn_", "card_", 1) }, vault.NotFound},
		{"a token's spelling", func(r *vault.RevealRequest) { r.Card = strings.Replace(r.Card, "card_", "tokn_", 1) }, vault.NotFound},
		{"live spelling", func(r *vault.RevealRequest) { r.Card = strings.Replace(r.Card, "_test", "", 1) }, vault.NotFound},
		{"another merchant's", func(r *vault.RevealRequest) { r.Card = d.storedCard(t, other, false) }, vault.NotFound},
		{"another mode's", func(r *vault.RevealRequest) { r.Card = d.storedCard(t, d.merchant, true) }, vault.NotFound},
		{"destroyed", func(r *vault.RevealRequest) { r.Card = destroyed }, vault.NotFound},
		{"no fields", func(r *vault.RevealRequest) { r.Fields = nil }, vault.BadRequest},
		{"unknown field", func(r *vault.RevealRequest) { r.Fields = []vault.RevealField{"security_code"} }, vault.BadRequest},
		{"a field twice", func(r *vault.RevealRequest) { r.Fields = []vault.RevealField{"name", "name"} }, vault.BadRequest},
		{"no reason", func(r *vault.RevealRequest) { r.Reason = "" }, vault.BadRequest},
		{"long reason", func(r *vault.RevealRequest) { r.Reason = strings.Repeat("é", 256) }, vault.BadRequest},
		{"lines in the reason", func(r *vault.RevealRequest) { r.Reason = "a\nb" }, vault.BadRequest},
		{"a number as reason", func(r *vault.RevealRequest) { r.Reason = "is it 4242 4242 4242 4242?" }, vault.BadRequest},
	} {
		in := good
		tt.edit(&in)
		_, number, err := d.see(t.Context(), d.key, in)
		if codeOr(err) != tt.want || (number != "") != (tt.want == "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, number, err, tt.want)
		}
		if e, ok := err.(*vault.Error); ok && tt.want == vault.NotFound && (e.Object != "card" || e.ID != in.Card || e.Cause != nil || e.Message != "card was not found") {
			t.Errorf("%s: %+v, want what every absent card gets", tt.name, e)
		}
	}
	if got := len(events(t, d.Store, audit.CardReveal)); got != 1 {
		t.Errorf("%d reveals are on record, want 1", got)
	}
}

// deleteCard destroys a card through its customer.
func (d *desk) deleteCard(t *testing.T, card string) {
	t.Helper()
	record, err := d.CardRecord(t.Context(), d.Operator, card)
	if err == nil {
		_, err = d.DeleteCard(t.Context(), d.Caller(t, record.Merchant, policy.Secret, record.Live), record.Customer, card)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What the policies do not permit is masked, and the number stays sealed.
func TestRevealIsNarrowedByPolicy(t *testing.T) {
	only := func(actions string) func(*vault.Options) {
		return func(o *vault.Options) {
			engine, err := policy.New("site.cedar", []byte(string(policy.DefaultPolicies())+`
				forbid (principal, action in [`+actions+`], resource) when { principal.kind == "reveal" };`))
			if err != nil {
				t.Fatal(err)
			}
			o.Policies = engine
		}
	}
	for _, tt := range []struct {
		forbidden   string
		first       bool // the merchant shows first digits
		masked      string
		name        string
		numberShown bool
		code        vault.Code
	}{
		{`Action::"reveal:number"`, false, "************4242", "JANE DOE", false, ""},
		{`Action::"reveal:number"`, true, "424242******4242", "JANE DOE", false, ""},
		{`Action::"reveal:holder"`, false, "", "", true, ""},
		{`Action::"reveal:number", Action::"reveal:holder"`, false, "************4242", "", false, ""},
		{`Action::"reveal:masked"`, false, "", "", false, vault.Unauthenticated},
	} {
		d := newDesk(t, true, only(tt.forbidden))
		if tt.first {
			d.merchant = d.Merchant(t, vault.MerchantSettings{ShowFirstDigits: true})
			d.key, d.card = d.Caller(t, d.merchant, policy.Reveal, true), d.storedCard(t, d.merchant, true)
		}
		r, number, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber, vault.FieldName))
		if codeOr(err) != tt.code || r.Masked != tt.masked || r.Name != tt.name || r.NameShown != (tt.name != "") || (number != "") != tt.numberShown {
			t.Errorf("without %s: %+v and %q (%v)", tt.forbidden, r, number, err)
		}
		if (d.kms.opened.Load() != 0) != tt.numberShown {
			t.Errorf("without %s: %d cards were opened", tt.forbidden, d.kms.opened.Load())
		}
		for _, e := range events(t, d.Store, audit.CardReveal) {
			if want := map[bool]string{true: "full", false: "masked"}[tt.numberShown]; e.Details["number"] != want {
				t.Errorf("without %s: the record says %q, want %q", tt.forbidden, e.Details["number"], want)
			}
		}
	}
}

// A reveal is on record before the KMS is asked, and that it failed after it.
func TestRevealIsOnRecordFirst(t *testing.T) {
	d := newDesk(t, true, nil)
	d.kms.down.Store(true)
	r, number, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber, vault.FieldName))
	if vault.CodeOf(err) != vault.Unavailable || number != "" || r.Name != "" || r.Card != "" {
		t.Errorf("without a KMS: %+v and %q (%v)", r, number, err)
	}
	got := events(t, d.Store, audit.CardReveal)
	slices.SortFunc(got, func(a, b audit.Record) int { return -strings.Compare(string(a.Outcome), string(b.Outcome)) }) // of one moment
	if len(got) != 2 || got[0].Outcome != audit.OK || got[1].Outcome != audit.Failed || got[1].Details["result"] != "failed" || got[0].Details["reveal"] != got[1].Details["reveal"] {
		t.Fatalf("records %+v, want the reveal and its failure", got)
	}
	if row := d.rows(t)[0]; row.Outcome != "failed" {
		t.Errorf("the row says %q", row.Outcome)
	}
	if d.outcomes(t, "failed") != 1 || d.outcomes(t, "opened") != 0 {
		t.Error("the metrics do not say that it failed")
	}

	w := &witness{KMS: d.kms.KMS}
	db := rawDB(t, d.Vault)
	w.onRecord = func(event string) bool {
		var n int
		err := db.QueryRow(`SELECT count(*) FROM events WHERE id = ? AND type = 'card.reveal'`, event).Scan(&n)
		return err == nil && n == 1
	}
	d.kms.KMS = w
	d.kms.down.Store(false)
	if _, number, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber)); err != nil || number != revealNumber {
		t.Errorf("got %q (%v)", number, err)
	}
	if w.opened != 1 || len(w.secret) != 0 {
		t.Errorf("%d openings, %d of them not on record", w.opened, len(w.secret))
	}
}

// rows are the reveals of the desk's key, oldest first.
func (d *desk) rows(t *testing.T) []store.Reveal {
	t.Helper()
	var rows []store.Reveal
	err := d.Store.View(t.Context(), func(r store.Reader) (err error) {
		rows, err = r.Reveals(t.Context(), d.key.Key, 0, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(rows)
	return rows
}

// A store that does not take the record shows nothing.
func TestRevealWithoutRecord(t *testing.T) {
	d := newDesk(t, true, nil)
	if err := d.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, number, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber)); err == nil || number != "" || d.kms.opened.Load() != 0 {
		t.Errorf("without a store: %q (%v), %d opened", number, err, d.kms.opened.Load())
	}
}

func TestRevealBudget(t *testing.T) {
	d := newDesk(t, false, func(o *vault.Options) { o.Reveals.PerHour = 3 })
	try := func(wantWait time.Duration) {
		t.Helper()
		_, _, err := d.see(t.Context(), d.key, d.request(vault.FieldExpiration))
		var e *vault.Error
		switch {
		case wantWait == 0 && err != nil:
			t.Errorf("refused: %v", err)
		case wantWait != 0 && (!errors.As(err, &e) || e.Code != vault.RateLimited || e.RetryAfter != wantWait):
			t.Errorf("got %v (%+v), want to wait %v", err, e, wantWait)
		}
	}
	try(0)
	d.clock.Advance(10 * time.Minute)
	try(0)
	try(0)
	try(50 * time.Minute)
	in := d.request(vault.FieldNumber)
	in.Card = "card_test_" + strings.Repeat("0", 24)
	if _, _, err := d.see(t.Context(), d.key, in); codeOr(err) != vault.RateLimited {
		t.Errorf("an absent card over budget: %v; it tells which cards exist", err)
	}
	other := d.Caller(t, d.merchant, policy.Reveal, false)
	if _, _, err := d.see(t.Context(), other, d.request(vault.FieldNumber)); err != nil {
		t.Errorf("another key: %v", err)
	}
	d.clock.Advance(50*time.Minute - time.Microsecond)
	try(time.Microsecond)
	d.clock.Advance(time.Microsecond)
	try(0)
	try(10 * time.Minute)

	// Neither a restart nor another node gives more.
	again, err := vault.New(t.Context(), vault.Options{Store: d.Store, KMS: d.KMS, Clock: d.clock.Now, Reveals: vault.Reveals{PerHour: 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(context.Background())
	if _, err := again.Reveal(t.Context(), d.key, d.request(vault.FieldNumber)); codeOr(err) != vault.RateLimited {
		t.Errorf("another node: %v, want rate limited", err)
	}
	await(t, "the refusals to be on record", func() bool {
		for _, e := range events(t, d.Store, audit.ActionDenied) {
			if e.Details["action"] == "reveal" && e.Details["reason"] == "budget" && e.Actor.ID == d.key.Key {
				return true
			}
		}
		return false
	})
	if got := d.outcomes(t, "over_budget"); got != 4 {
		t.Errorf("%d over budget in the metrics, want 4", got)
	}
}

// Fifty at once get what twenty get.
func TestRevealBudgetConcurrently(t *testing.T) {
	d := newDesk(t, false, func(o *vault.Options) { o.Reveals.PerHour = 20 })
	var wg sync.WaitGroup
	var shown, refused atomic.Int64
	for range 50 {
		wg.Go(func() {
			_, number, err := d.see(t.Context(), d.key, d.request(vault.FieldNumber))
			switch {
			case err == nil && number == revealNumber:
				shown.Add(1)
			case codeOr(err) == vault.RateLimited && number == "":
				refused.Add(1)
			default:
				t.Errorf("got %q (%v)", number, err)
			}
		})
	}
	wg.Wait()
	if shown.Load() != 20 || refused.Load() != 30 || d.kms.opened.Load() != 20 || len(events(t, d.Store, audit.CardReveal)) != 20 {
		t.Errorf("%d shown, %d refused, %d opened, want 20, 30 and 20", shown.Load(), refused.Load(), d.kms.opened.Load())
	}
}

func TestRevealOptions(t *testing.T) {
	d := newDesk(t, false, nil)
	for _, r := range []vault.Reveals{
		{PerHour: -1}, {PerHour: vault.MaxRevealsPerHour + 1}, {Approval: vault.MinRevealWait - 1}, {Approval: vault.MaxRevealWait + 1}, {Approval: -1},
	} {
		if s, err := vault.New(t.Context(), vault.Options{Store: d.Store, KMS: d.KMS, Reveals: r}); err == nil {
			s.Close(context.Background())
			t.Errorf("%+v is taken", r)
		}
	}
}
