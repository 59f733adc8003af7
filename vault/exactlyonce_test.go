package vault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// carelessAmounts are how a processor behaves, chaos above all; see the sandbox
// processor's index.
var carelessAmounts = []int64{
	900099, 900099, 900099, 900001, 900004, 900005, 900006, 900007, 900008, 900009, 900010, 900011, 900012, 900013, 900014,
	900099, 900099, 900015, 900016, 900017, 900018, 900019, 900021, 900022, 900023, 900024, 900026, 900027, 900003, 900020, 10000,
}

// rush makes requests of every kind, many at a time.
type rush struct {
	*till
	cards  []string
	owners []string
	leaks  atomic.Int64
}

const rushers = 16

func newRush(t *testing.T, change func(*vault.Options)) *rush {
	r := &rush{till: newTillWith(t, func(o *vault.Options) {
		o.Destinations = append(o.Destinations, vaulttest.Closed(t)...)
		if change != nil {
			change(o)
		}
	})}
	for range 6 {
		c := r.customer(t, vault.CustomerFields{Token: r.token(t)})
		r.owners, r.cards = append(r.owners, c.ID), append(r.cards, c.DefaultCard)
	}
	return r
}

// run makes n requests, and fails the test for an error of another kind.
func (r *rush) run(t *testing.T, n int, allowed ...vault.Code) {
	t.Helper()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range rushers {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := r.request(t, i)
				if code := vault.CodeOf(err); err != nil && !slices.Contains(allowed, code) {
					t.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	workers.Wait()
}

// request is the ith of a rush: three quarters are forwards, the rest charges,
// half of each with a token, and some forwards go where nobody listens.
func (r *rush) request(t *testing.T, i int) error {
	amount := carelessAmounts[i%len(carelessAmounts)]
	token := ""
	if i%2 == 0 {
		made, err := r.Tokenize(t.Context(), r.public, request("4242424242424242", "SOMCHAI PRASERT"))
		if err != nil {
			return err
		}
		token = made.ID
	}
	caller, answer, err := r.Begin(t.Context(), r.secret, vault.Repeatable{
		Key: strconv.Itoa(i), Endpoint: "POST /", Request: nil, Encode: encodeUse,
	})
	if err != nil || answer != nil {
		return err
	}
	defer r.End(t.Context(), caller)
	if i%4 >= 2 {
		in := vault.ChargeRequest{Amount: amount, Currency: "thb", Capture: true, Token: token}
		if token == "" {
			in.Customer = r.owners[i%len(r.owners)]
		}
		c, err := r.CreateCharge(t.Context(), caller, in)
		r.inspect(fmt.Sprintf("%+v", c))
		return err
	}
	in := vault.ForwardRequest{Destination: "sandbox", Token: token, Fields: fieldsOf(strconv.FormatInt(amount, 10))}
	if token == "" {
		in.Card = r.cards[i%len(r.cards)]
	}
	if i%20 == 1 {
		in.Destination = "closed"
	}
	f, err := r.Forward(t.Context(), caller, in)
	r.inspect(fmt.Sprint(f.Header, string(f.Body)))
	return err
}

// inspect counts answers with the number in them, in each spelling that the
// processor has.
func (r *rush) inspect(text string) {
	text = strings.NewReplacer(" ", "", "-", "").Replace(text)
	for _, spelling := range []string{"42424242", "NDI0MjQyNDI", "%34%32", `\u0034\u0032`} {
		if strings.Contains(text, spelling) {
			r.leaks.Add(1)
		}
	}
}

// encodeUse is an answer for a repetition.
func encodeUse(result any) (vault.Answer, error) {
	id := ""
	switch v := result.(type) {
	case vault.Forward:
		id = v.ID
	case vault.Charge:
		id = v.ID
	}
	body, err := json.Marshal(map[string]string{"id": id})
	return vault.Answer{Status: 200, Body: body}, err
}

// check compares the ledger with what the processor received.
func (r *rush) check(t *testing.T) (byState map[vault.ForwardState]int) {
	t.Helper()
	rows, err := r.Forwards(t.Context(), r.Operator, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	byState = make(map[vault.ForwardState]int)
	received, unread := 0, 0
	for _, f := range rows {
		byState[f.State]++
		reference := f.ID
		if f.Charge != "" {
			reference = f.Charge
		}
		got := r.processor.Reference(reference)
		received += got.Received
		if got.Received > 1 || got.Charges > 1 {
			t.Errorf("%s, %s: the processor received it %d times and charged %d times", f.ID, f.State, got.Received, got.Charges)
		}
		switch f.State {
		case vault.ForwardAnswered:
			if got.Received != 1 || f.Status == 0 {
				t.Errorf("%s was answered with %d and received %d times", f.ID, f.Status, got.Received)
			}
		case vault.ForwardUnknown:
			if f.Reason == "" || f.Status != 0 {
				t.Errorf("%s is unknown for no reason, or with status %d", f.ID, f.Status)
			}
			if got.Received == 0 { // the time was over before the processor had read it
				unread++
				t.Logf("%s was written and not received: %s", f.ID, f.Reason)
			}
		case vault.ForwardNotSent:
			if got.Received != 0 || f.Reason == "" || !f.SentAt.IsZero() && f.Status != 0 {
				t.Errorf("%s was not sent and received %d times; reason %q", f.ID, got.Received, f.Reason)
			}
		default:
			t.Errorf("%s is %s: it has not ended", f.ID, f.State)
		}
	}
	total := r.processor.Statistics()
	if total.Received != received || total.Received != byState[vault.ForwardAnswered]+byState[vault.ForwardUnknown]-unread ||
		total.Duplicates != 0 || total.ByReference != 0 || total.Malformed != 0 {
		t.Errorf("the processor has %+v; the ledger has %v, %d of them received and %d unread", total, byState, received, unread)
	}
	if n := r.leaks.Load(); n != 0 {
		t.Errorf("%d answers had the number in them", n)
	}
	return byState
}

// TestExactlyOnce: whatever a processor does, it received what the ledger says
// was sent, once.
func TestExactlyOnce(t *testing.T) {
	r := newRush(t, nil)
	const n = 1000
	stop := make(chan struct{})
	var recovery sync.WaitGroup
	recovery.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				if n, err := r.RecoverForwards(t.Context()); n != 0 || err != nil {
					t.Errorf("recovered %d attempts that were under way: %v", n, err)
				}
			}
		}
	})
	r.run(t, n, vault.OutcomeUnknown, vault.NotSent)
	close(stop)
	recovery.Wait()
	got := r.check(t)
	if sum := got[vault.ForwardAnswered] + got[vault.ForwardUnknown] + got[vault.ForwardNotSent]; sum != n || len(got) != 3 {
		t.Errorf("ledger %v, want %d in three states", got, n)
	}
	t.Logf("ledger %v, processor %+v", got, r.processor.Statistics())
}

// flickering is a KMS that is away for every nth unwrapping.
type flickering struct {
	kms.KMS
	calls atomic.Int64
	every int64
}

func (f *flickering) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if f.calls.Add(1)%f.every == 0 {
		return nil, kms.ErrUnavailable
	}
	return f.KMS.Unwrap(ctx, key, items)
}

// TestExactlyOnceWithoutKMS: a card that could not be opened was not sent, and
// its token can be used again.
func TestExactlyOnceWithoutKMS(t *testing.T) {
	r := newRush(t, func(o *vault.Options) { o.KMS = &flickering{KMS: o.KMS, every: 9} })
	r.run(t, 150, vault.OutcomeUnknown, vault.NotSent, vault.Unavailable)
	if got := r.check(t); got[vault.ForwardNotSent] < 150/9 {
		t.Errorf("ledger %v, want more that was not sent", got)
	}
}

// failingLedger is a store that is away when the nth change of the ledger is written.
type failingLedger struct {
	store.Store
	fail func(*store.Forward) bool // may be nil
}

func (f *failingLedger) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.Store.Update(ctx, func(tx store.Tx) error { return fn(&ledgerTx{tx, f.fail}) })
}

type ledgerTx struct {
	store.Tx
	fail func(*store.Forward) bool
}

func (f *ledgerTx) UpdateForward(ctx context.Context, row *store.Forward, was []byte) error {
	if f.fail != nil && f.fail(row) {
		return store.ErrUnavailable
	}
	return f.Tx.UpdateForward(ctx, row, was)
}

// TestExactlyOnceWithoutStore: what could not be written down is unknown, and is
// not repeated, whatever became of it.
func TestExactlyOnceWithoutStore(t *testing.T) {
	var ends atomic.Int64
	var healthy atomic.Bool
	r := newRush(t, func(o *vault.Options) {
		o.Store = &failingLedger{o.Store, func(f *store.Forward) bool {
			return !healthy.Load() && f.EndedAt != 0 && ends.Add(1)%3 == 0
		}}
	})
	r.run(t, 150, vault.OutcomeUnknown, vault.NotSent, vault.Unavailable)
	healthy.Store(true)
	open := r.ledger(t)
	left := open[store.ForwardSending] + open[store.ForwardPrepared]
	if open[store.ForwardSending] < 10 {
		t.Errorf("ledger %v, want more that could not be ended", open)
	}
	before := r.processor.Statistics().Received
	for i := range 150 { // nobody gets it done by asking again
		err := r.request(t, i)
		if code := vault.CodeOf(err); err != nil && code != vault.OutcomeUnknown && code != vault.InProgress && code != vault.NotSent {
			t.Errorf("repetition %d: %v", i, err)
		}
	}
	// Only what is known to be unsent was done anew.
	fresh := r.processor.Statistics().Received - before
	if now := r.ledger(t); fresh > now[store.ForwardAnswered]-open[store.ForwardAnswered]+now[store.ForwardUnknown]-open[store.ForwardUnknown] {
		t.Errorf("repetitions reached the processor %d times: %v, then %v", fresh, open, now)
	}
	r.clock.Advance(2 * time.Minute)
	recovered := 0
	for range 5 {
		n, err := r.RecoverForwards(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		recovered += n
	}
	if recovered != left {
		t.Errorf("recovered %d, want %d", recovered, left)
	}
	r.check(t)
	for i := range 150 { // now each has an end, or is known to be unknown
		err := r.request(t, i)
		var e *vault.Error
		if err != nil && (!errors.As(err, &e) || e.Code != vault.OutcomeUnknown && e.Code != vault.NotSent) {
			t.Errorf("repetition %d: %v", i, err)
		}
	}
	r.check(t)
}
