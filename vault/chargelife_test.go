package vault_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

func (s *till) tokenOf(t *testing.T, number string) string {
	t.Helper()
	s.clock.Advance(time.Millisecond)
	return tokenize(t, s.Vault, s.public, number, "SOMCHAI PRASERT").ID
}

// TestChargeOutcomes: what each answer makes of a charge and its token.
func TestChargeOutcomes(t *testing.T) {
	s := newTill(t)
	const good = "4242424242424242"
	for _, test := range []struct {
		number  string
		amount  int64
		capture bool
		state   vault.ChargeState
		failure string
		status  string // of the token
	}{
		{good, 10000, true, vault.ChargeSuccessful, "", "successful"},
		{good, 10000, false, vault.ChargeAuthorized, "", "pending"},
		{"4111111111140011", 10000, true, vault.ChargeFailed, "insufficient_fund", "failed"},
		{"4111111111130012", 10000, true, vault.ChargeFailed, "stolen_or_lost_card", "failed"},
		{"4111111111120013", 10000, false, vault.ChargeFailed, "failed_processing", "failed"},
		{"4111111111110014", 10000, false, vault.ChargeFailed, "payment_rejected", "failed"},
		{"4000000000003063", 10000, true, vault.ChargePending, "", "pending"},  // 3-D Secure
		{good, 900023, true, vault.ChargeFailed, "payment_rejected", "failed"}, // HTTP 402
		{good, 900007, true, vault.ChargeSuccessful, "", "successful"},         // with the number in it
		{good, 900004, true, vault.ChargePending, "", "pending"},               // no answer
		{good, 900006, true, vault.ChargePending, "", "pending"},               // half of one
		{good, 900015, true, vault.ChargePending, "", "pending"},               // a page
		{good, 900016, true, vault.ChargePending, "", "pending"},               // invalid JSON
		{good, 900017, true, vault.ChargePending, "", "pending"},               // a server's error
		{good, 900022, true, vault.ChargePending, "", "pending"},               // nothing
	} {
		what := fmt.Sprintf("%s for %d, capture %v", test.number[12:], test.amount, test.capture)
		token := s.tokenOf(t, test.number)
		c, err := s.charge(t, vault.ChargeRequest{Token: token, Amount: test.amount, Capture: test.capture})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if c.State != test.state || c.FailureCode != test.failure || (c.FailureMessage == "") != (test.failure == "") ||
			c.PaidAt.IsZero() != (test.state != vault.ChargeSuccessful) || c.Card.LastDigits != test.number[12:] {
			t.Errorf("%s: got %+v, want %s %s", what, c, test.state, test.failure)
		}
		if used, status := s.used(t, token); !used || status != test.status {
			t.Errorf("%s: the token is used %v, %s, want %s", what, used, status, test.status)
		}
		if got := s.processor.Reference(c.ID); got.Received != 1 {
			t.Errorf("%s: the processor received it %d times", what, got.Received)
		}
		again, err := s.Charge(t.Context(), s.secret, c.ID)
		if err != nil || again.State != c.State || again.FailureMessage != c.FailureMessage {
			t.Errorf("%s: read as %+v, %v", what, again, err)
		}
		for name, use := range map[string]func() error{
			"charge":  func() error { _, err := s.charge(t, vault.ChargeRequest{Token: token}); return err },
			"forward": func() error { _, err := s.forward(t, vault.ForwardRequest{Token: token}); return err },
		} {
			if err := use(); vault.CodeOf(err) != vault.UsedToken {
				t.Errorf("%s: a %s of its token: %v, want a used one", what, name, err)
			}
		}
	}
}

// TestChargeChanges: which changes a charge of each state takes.
func TestChargeChanges(t *testing.T) {
	s := newTill(t)
	for _, test := range []struct {
		name             string
		number           string
		amount           int64
		capture          bool
		captured         vault.Code // of capturing it; "" if that works
		reversed         vault.Code
		afterCapture     vault.ChargeState
		status           string // of the token in the end
		capturedReversed bool   // as the processor has it
	}{
		{"authorized", "4242424242424242", 10000, false, "", "", vault.ChargeSuccessful, "reversed", true},
		{"paid", "4242424242424242", 10000, true, vault.FailedCapture, "", vault.ChargeSuccessful, "reversed", true},
		{"failed", "4111111111140011", 10000, false, vault.FailedCapture, vault.BadRequest, vault.ChargeFailed, "failed", false},
		{"pending", "4242424242424242", 900022, false, vault.FailedCapture, vault.BadRequest, vault.ChargePending, "pending", false},
	} {
		token := s.tokenOf(t, test.number)
		c, err := s.charge(t, vault.ChargeRequest{Token: token, Amount: test.amount, Capture: test.capture})
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Second)
		got, err := s.CaptureCharge(t.Context(), s.secret, c.ID)
		if vault.CodeOf(err) != test.captured && (err != nil || test.captured != "") || err == nil && got.State != vault.ChargeSuccessful {
			t.Errorf("%s: captured: %+v, %v, want %q", test.name, got, err, test.captured)
		}
		if got, err = s.Charge(t.Context(), s.secret, c.ID); err != nil || got.State != test.afterCapture {
			t.Errorf("%s: then %s, %v, want %s", test.name, got.State, err, test.afterCapture)
		}
		s.clock.Advance(time.Second)
		got, err = s.ReverseCharge(t.Context(), s.secret, c.ID)
		if vault.CodeOf(err) != test.reversed && (err != nil || test.reversed != "") || err == nil && (got.State != vault.ChargeReversed || got.ReversedAt.IsZero()) {
			t.Errorf("%s: reversed: %+v, %v, want %q", test.name, got, err, test.reversed)
		}
		for _, change := range []func() error{
			func() error { _, err := s.CaptureCharge(t.Context(), s.secret, c.ID); return err },
			func() error { _, err := s.ReverseCharge(t.Context(), s.secret, c.ID); return err },
		} {
			if err := change(); vault.CodeOf(err) != vault.FailedCapture && vault.CodeOf(err) != vault.BadRequest {
				t.Errorf("%s: changed once more: %v", test.name, err)
			}
		}
		if _, status := s.used(t, token); status != test.status {
			t.Errorf("%s: the token is %s, want %s", test.name, status, test.status)
		}
		if p := s.processor.Reference(c.ID); (p.Reversed == 1) != test.capturedReversed || p.Charges != 0 && test.capturedReversed {
			t.Errorf("%s: the processor has %+v", test.name, p)
		}
	}
}

// changes is a processor of captures and reversals that a test scripts.
type changes struct {
	calls  atomic.Int64
	answer atomic.Pointer[func(http.ResponseWriter)]
}

func (c *changes) set(answer func(http.ResponseWriter)) { c.answer.Store(&answer) }

func status(code int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// withChanges is a till whose captures and reversals go to a script.
func withChanges(t *testing.T) (*till, *changes) {
	t.Helper()
	script := &changes{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		script.calls.Add(1)
		(*script.answer.Load())(w)
	}))
	t.Cleanup(server.Close)
	return newTillWith(t, func(o *vault.Options) {
		for i := range o.Destinations {
			d := &o.Destinations[i]
			if d.Use != vault.UseCapture && d.Use != vault.UseReverse {
				continue
			}
			endpoint, err := forward.New(forward.Destination{
				Name: "script-" + string(d.Use), URL: server.URL, Method: "POST", Path: "/{{.Fields.processor_reference}}/" + string(d.Use),
				ContentType: "application/json", Body: "{}", AllowPlaintext: true, AllowPrivate: true, Timeout: 2 * time.Second,
				Outcome: forward.OutcomeRules{Path: "ok", Approved: []string{"true"}, Declined: []string{"false"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			d.Endpoint = endpoint
		}
	}), script
}

// TestChargeChangeAnswers: a change that was refused, or of which nobody knows,
// leaves the charge as it is.
func TestChargeChangeAnswers(t *testing.T) {
	s, script := withChanges(t)
	owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	for _, test := range []struct {
		name    string
		answer  func(http.ResponseWriter)
		code    vault.Code
		refused bool
	}{
		{"refused", status(200, `{"ok":false}`), "", true},
		{"refused by status", status(409, `{"error":"no"}`), "", true},
		{"a server's error", status(500, `{"ok":true}`), "", false},
		{"an answer that says nothing", status(200, `{}`), "", false},
		{"no JSON", status(200, `<html>`), "", false},
		{"no answer", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, vault.OutcomeUnknown, false},
	} {
		for use, change := range map[vault.Use]func(id string) (vault.Charge, error){
			vault.UseCapture: func(id string) (vault.Charge, error) { return s.CaptureCharge(t.Context(), s.secret, id) },
			vault.UseReverse: func(id string) (vault.Charge, error) { return s.ReverseCharge(t.Context(), s.secret, id) },
		} {
			c, err := s.charge(t, vault.ChargeRequest{Customer: owner.ID})
			if err != nil {
				t.Fatal(err)
			}
			script.set(test.answer)
			got, err := change(c.ID)
			if vault.CodeOf(err) != test.code && (err != nil || test.code != "") || got.Refused != test.refused {
				t.Errorf("%s, %s: %+v, %v", test.name, use, got, err)
			}
			if got, err = s.Charge(t.Context(), s.secret, c.ID); err != nil || got.State != vault.ChargeAuthorized || got.Refused {
				t.Errorf("%s, %s: the charge is %+v, %v, want it as before", test.name, use, got, err)
			}
			script.set(status(200, `{"ok":true}`))
			if got, err = change(c.ID); err != nil || got.State == vault.ChargeAuthorized {
				t.Errorf("%s, %s: then %+v, %v, want it to work", test.name, use, got, err)
			}
		}
	}
}

// TestConcurrentCaptures: the processor gets one request for a charge at a time,
// and none after it said yes.
func TestConcurrentCaptures(t *testing.T) {
	s, script := withChanges(t)
	owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	c, err := s.charge(t, vault.ChargeRequest{Customer: owner.ID})
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	script.set(func(w http.ResponseWriter) {
		close(entered) // a second one would panic
		<-leave
		status(200, `{"ok":true}`)(w)
	})
	done := make(chan error, 1)
	go func() {
		_, err := s.CaptureCharge(t.Context(), s.secret, c.ID)
		done <- err
	}()
	<-entered
	for range 5 {
		if _, err := s.CaptureCharge(t.Context(), s.secret, c.ID); vault.CodeOf(err) != vault.InProgress {
			t.Errorf("a second capture: %v, want in progress", err)
		}
		if _, err := s.ReverseCharge(t.Context(), s.secret, c.ID); vault.CodeOf(err) != vault.InProgress {
			t.Errorf("a reversal meanwhile: %v, want in progress", err)
		}
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	var g sync.WaitGroup
	for range 16 {
		g.Go(func() {
			if _, err := s.CaptureCharge(t.Context(), s.secret, c.ID); vault.CodeOf(err) != vault.FailedCapture {
				t.Errorf("afterwards: %v, want a failed capture", err)
			}
		})
	}
	g.Wait()
	if n := script.calls.Load(); n != 1 {
		t.Errorf("the processor got %d captures, want one", n)
	}
}

// TestLateCapture: an answer that comes after its attempt was given up does not
// undo what was done since.
func TestLateCapture(t *testing.T) {
	s, script := withChanges(t)
	owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	c, err := s.charge(t, vault.ChargeRequest{Customer: owner.ID})
	if err != nil {
		t.Fatal(err)
	}
	script.set(status(200, `{"ok":true}`))
	d := &dying{Store: s.Store, last: 2, reached: make(chan struct{}), resume: make(chan struct{})}
	slow, done := s.process(t, d, func(o *vault.Options) { o.Destinations = s.processor.Destinations }), make(chan error, 1)
	go func() {
		_, err := slow.CaptureCharge(t.Context(), s.secret, c.ID)
		done <- err
	}()
	<-d.reached
	s.clock.Advance(2 * time.Minute)
	s.recover(t, 1)
	if got, err := s.ReverseCharge(t.Context(), s.secret, c.ID); err != nil || got.State != vault.ChargeReversed {
		t.Errorf("reversed: %+v, %v", got, err)
	}
	close(d.resume)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, err := s.Charge(t.Context(), s.secret, c.ID); err != nil || got.State != vault.ChargeReversed || !got.PaidAt.IsZero() {
		t.Errorf("the charge is %+v, %v, want it reversed", got, err)
	}
}

// TestChargeOfDestroyedCard: all that stays of a card in its charges is its brand
// and last digits.
func TestChargeOfDestroyedCard(t *testing.T) {
	for name, destroy := range map[string]func(s *till, owner vault.Customer) error{
		"card deleted": func(s *till, owner vault.Customer) error {
			_, err := s.DeleteCard(t.Context(), s.secret, owner.ID, owner.DefaultCard)
			return err
		},
		"customer deleted": func(s *till, owner vault.Customer) error {
			_, err := s.DeleteCustomer(t.Context(), s.secret, owner.ID)
			return err
		},
	} {
		for _, last := range []int64{0, 2, 3} { // not in flight, before sending, before its end
			t.Run(fmt.Sprintf("%s, %d", name, last), func(t *testing.T) {
				s := newTill(t)
				owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
				var c vault.Charge
				var err error
				if last == 0 {
					c, err = s.charge(t, vault.ChargeRequest{Customer: owner.ID, Capture: true})
					if err == nil {
						err = destroy(s, owner)
					}
				} else {
					c, err = s.chargeWhile(t, owner.ID, last, func() error { return destroy(s, owner) })
				}
				if err != nil {
					t.Fatal(err)
				}
				list, err := s.Charges(t.Context(), s.secret, vault.Page{})
				if err != nil || len(list.Rows) != 1 || list.Total != 1 {
					t.Fatalf("%d charges of %d, %v", len(list.Rows), list.Total, err)
				}
				got, err := s.Charge(t.Context(), s.secret, c.ID)
				if err != nil {
					t.Fatal(err)
				}
				views := []vault.Charge{got, list.Rows[0]}
				if last > 0 { // else it was answered before
					views = append(views, c)
				}
				for _, c := range views {
					want := vault.Card{ID: owner.DefaultCard, Deleted: true, Brand: "Visa", LastDigits: "4242", Customer: owner.ID,
						Expiry: c.Card.Expiry, CreatedAt: c.CreatedAt}
					if fmt.Sprintf("%+v", c.Card) != fmt.Sprintf("%+v", want) || c.Card.Expiry.Year != 1970 || c.State != vault.ChargeSuccessful {
						t.Errorf("got %+v of a charge that is %s, want %+v", c.Card, c.State, want)
					}
				}
				if p := s.processor.Reference(c.ID); p.Received != 1 || p.Charges != 1 {
					t.Errorf("the processor has %+v", p)
				}
			})
		}
	}
}

// chargeWhile charges a customer and does something before the attempt's nth
// transaction.
func (s *till) chargeWhile(t *testing.T, owner string, last int64, do func() error) (vault.Charge, error) {
	t.Helper()
	d := &dying{Store: s.Store, last: last - 1, reached: make(chan struct{}), resume: make(chan struct{})}
	other := s.process(t, d, nil)
	var c vault.Charge
	done := make(chan error, 1)
	go func() {
		var err error
		c, err = other.charge(t, vault.ChargeRequest{Customer: owner, Capture: true})
		done <- err
	}()
	<-d.reached
	if err := do(); err != nil {
		t.Error(err)
	}
	close(d.resume)
	err := <-done
	return c, err
}

// TestNoAnswerAboutDeletedCustomer: what a processor said about a customer's card
// is not kept if the customer was deleted before it said so.
func TestNoAnswerAboutDeletedCustomer(t *testing.T) {
	for _, kind := range []vault.Use{vault.UseForward, vault.UseCharge} {
		t.Run(string(kind), func(t *testing.T) {
			s := newTill(t)
			owner := s.customer(t, vault.CustomerFields{Token: s.token(t)})
			d := &dying{Store: s.Store, last: untilSending, reached: make(chan struct{}), resume: make(chan struct{})}
			other := s.process(t, d, nil)
			r := vault.Repeatable{Key: "k", Endpoint: "POST /", Encode: encodeUse}
			done := make(chan error, 1)
			go func() {
				caller, _, err := other.Begin(t.Context(), s.secret, r)
				if err == nil && kind == vault.UseForward {
					_, err = other.Forward(t.Context(), caller, vault.ForwardRequest{Destination: "sandbox", Card: owner.DefaultCard, Fields: fieldsOf("10000")})
				} else if err == nil {
					_, err = other.CreateCharge(t.Context(), caller, vault.ChargeRequest{Customer: owner.ID, Amount: 10000, Currency: "thb"})
				}
				done <- err
			}()
			<-d.reached
			if _, err := s.DeleteCustomer(t.Context(), s.secret, owner.ID); err != nil {
				t.Error(err)
			}
			close(d.resume)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if _, answer, err := s.Begin(t.Context(), s.secret, r); vault.CodeOf(err) != vault.NotFound || answer != nil {
				t.Errorf("the key: %v, %v, want not found", answer, err)
			}
			w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
			if n := len(w.rowids(t, "idempotency", " WHERE answer IS NOT NULL")); n != 0 {
				t.Errorf("%d answers are kept", n)
			}
			if got := s.ledger(t); got[store.ForwardAnswered] != 1 || s.processor.Statistics().Received != 1 {
				t.Errorf("ledger %v", got)
			}
		})
	}
}

// TestSpentTokens: the number of a used token is destroyed an hour later, and
// its charge and its line of the ledger stay.
func TestSpentTokens(t *testing.T) {
	s := newTill(t)
	charged, forwarded, kept := s.token(t), s.token(t), s.token(t)
	c, err := s.charge(t, vault.ChargeRequest{Token: charged, Capture: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.forward(t, vault.ForwardRequest{Token: forwarded})
	if err != nil {
		t.Fatal(err)
	}
	s.customer(t, vault.CustomerFields{Token: kept})
	sweep := func(want int) {
		t.Helper()
		if n, err := s.Sweep(t.Context()); err != nil || n != want {
			t.Errorf("swept %d (%v), want %d", n, err, want)
		}
	}
	s.clock.Advance(time.Hour)
	sweep(0)
	s.clock.Advance(time.Microsecond)
	if report, err := s.RetentionReport(t.Context(), s.Operator); err != nil || report.Due != 2 || report.Past() != 0 {
		t.Errorf("report %+v, %v, want two that are due", report, err)
	}
	s.clock.Advance(time.Minute)
	if report, err := s.RetentionReport(t.Context(), s.Operator); err != nil || report.SpentCards != 2 || report.Past() != 2 {
		t.Errorf("report %+v, %v, want two that are past", report, err)
	}
	sweep(2)
	sweep(0)
	w := &world{Vault: s.Vault, db: rawDB(t, s.Vault)}
	if n := len(w.rowids(t, "cards", " WHERE sealed_pan IS NOT NULL")); n != 1 {
		t.Errorf("%d numbers are left, want that of the customer", n)
	}
	got, err := s.Charge(t.Context(), s.secret, c.ID)
	if err != nil || got.State != vault.ChargeSuccessful || got.Card.LastDigits != "4242" || !got.Card.Deleted || got.Amount != c.Amount {
		t.Errorf("the charge is %+v, %v", got, err)
	}
	if line, err := s.ForwardRecord(t.Context(), s.secret, f.ID); err != nil || line.Card != f.Card || line.Status != 200 {
		t.Errorf("the line is %+v, %v", line, err)
	}
	if got, err := s.ReverseCharge(t.Context(), s.secret, c.ID); err != nil || got.State != vault.ChargeReversed {
		t.Errorf("reversed: %+v, %v", got, err)
	}
	for _, token := range []string{charged, forwarded} {
		if _, err := s.forward(t, vault.ForwardRequest{Token: token}); vault.CodeOf(err) != vault.NotFound && vault.CodeOf(err) != vault.UsedToken {
			t.Errorf("a forward of a token that is gone: %v", err)
		}
	}
}

// TestForwardCountsAsUse: retention.after_use begins anew with every forward and
// charge.
func TestForwardCountsAsUse(t *testing.T) {
	s := newTillWith(t, func(o *vault.Options) { o.Retention.AfterUse = 1 })
	first := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	second := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	third := s.customer(t, vault.CustomerFields{Token: s.token(t)})
	s.clock.Advance(23 * time.Hour)
	if _, err := s.forward(t, vault.ForwardRequest{Card: first.DefaultCard}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.charge(t, vault.ChargeRequest{Customer: second.ID}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		swept int
		left  []bool
	}{{2 * time.Hour, 1, []bool{true, true, false}}, {21 * time.Hour, 0, []bool{true, true, false}}, {2 * time.Hour, 2, []bool{false, false, false}}} {
		s.clock.Advance(step.after)
		if n, err := s.Sweep(t.Context()); err != nil || n != step.swept {
			t.Errorf("swept %d (%v), want %d", n, err, step.swept)
		}
		for i, c := range []vault.Customer{first, second, third} {
			_, err := s.Card(t.Context(), s.secret, c.ID, c.DefaultCard)
			if (err == nil) != step.left[i] {
				t.Errorf("card %d: %v, want it there: %v", i, err, step.left[i])
			}
		}
	}
}

// TestRetryNotSent: a token that was forwarded before stays used when its second
// attempt sends nothing.
func TestRetryNotSent(t *testing.T) {
	s := newTill(t)
	token := s.token(t)
	if _, err := s.forward(t, vault.ForwardRequest{Token: token, Fields: fieldsOf("900017")}); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(time.Second)
	if _, err := s.doomed(t, 1).forward(t, vault.ForwardRequest{Token: token}); err == nil {
		t.Fatal("a process that died answers")
	}
	s.clock.Advance(2 * time.Minute)
	s.recover(t, 1)
	if used, _ := s.used(t, token); !used {
		t.Error("the token is unused")
	}
	if got := s.ledger(t); got[store.ForwardNotSent] != 1 || got[store.ForwardAnswered] != 1 {
		t.Errorf("ledger %v", got)
	}
	if _, err := s.charge(t, vault.ChargeRequest{Token: token}); vault.CodeOf(err) != vault.UsedToken {
		t.Errorf("a charge: %v, want a used token", err)
	}
	if _, err := s.forward(t, vault.ForwardRequest{Token: token}); err != nil {
		t.Errorf("the third attempt, two minutes later: %v", err)
	}
}
