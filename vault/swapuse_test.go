package vault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
	"github.com/panvault/panvault/vault/vaulttest"
)

// uses is a world in which cards were used: the ledger and the charges of two
// merchants in both modes.
type uses struct {
	*world
	clock    *vaulttest.Clock
	forwards []usedBy // in the order of their rows
	charges  []usedBy
	unknown  vault.Repeatable // of the first merchant's test mode
	retry    string           // token that may be forwarded once more, of the same
}

type usedBy struct {
	caller vault.Caller
	id     string
}

// liveDestinations are the processor's for live cards.
func liveDestinations(t *testing.T, url string) []vault.Destination {
	t.Helper()
	var all []vault.Destination
	for use, d := range map[vault.Use]struct{ path, body, outcome, yes string }{
		vault.UseForward: {"/payments", `"capture": true`, "status", "approved"},
		vault.UseCharge:  {"/payments", `"capture": {{if .Fields.capture}}true{{else}}false{{end}}`, "status", "approved"},
		vault.UseCapture: {"/payments/{{.Fields.processor_reference}}/capture", "", "captured", "true"},
		vault.UseReverse: {"/payments/{{.Fields.processor_reference}}/reverse", "", "reversed", "true"},
	} {
		body := "{}"
		if d.body != "" {
			body = `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}, "currency": "{{.Fields.currency}}", ` + d.body +
				`, "card": {"number": "{{.Number}}", "expiration_month": {{.Month}}, "expiration_year": {{.Year}}, "name": "{{.Name}}"}}`
		}
		endpoint, err := forward.New(forward.Destination{
			Name: "live-" + string(use), URL: url, Method: "POST", Path: d.path, ContentType: "application/json", Body: body,
			AllowPlaintext: true, AllowPrivate: true, Timeout: time.Second,
			Outcome: forward.OutcomeRules{Path: d.outcome, Approved: []string{d.yes}, Declined: []string{"declined"}, Code: "failure_code", Reference: "id"},
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, vault.Destination{Endpoint: endpoint, Use: use, Live: true, Merchants: []string{vault.EveryMerchant}})
	}
	return all
}

func newUses(t *testing.T) *uses {
	t.Helper()
	p := vaulttest.NewProcessor(t, time.Second)
	clock, registry := vaulttest.NewClock(), prometheus.NewRegistry()
	v := vaulttest.New(t, func(o *vault.Options) {
		o.Clock, o.Metrics, o.Destinations = clock.Now, registry, append(p.Destinations, liveDestinations(t, p.URL)...)
	})
	u := &uses{world: &world{Vault: v, registry: registry, db: rawDB(t, v)}, clock: clock}
	for m := range 2 {
		merchant := u.Merchant(t, vault.MerchantSettings{Name: fmt.Sprint(m)})
		for _, live := range []bool{false, true} {
			u.fill(t, u.Caller(t, merchant, policy.Public, live), u.Caller(t, merchant, policy.Secret, live))
		}
	}
	for i, f := range u.forwards {
		if got := u.publicID(t, "forwards", " WHERE use = 'forward'", i); !strings.HasSuffix(f.id, got) {
			t.Fatalf("row %d is %s, want %s", i, got, f.id)
		}
	}
	return u
}

func (w *world) publicID(t *testing.T, table, where string, i int) string {
	t.Helper()
	return w.cell(t, table, "id", w.rowids(t, table, where)[i]).(string)
}

// fill makes two forwards and two charges, each different from the others.
func (u *uses) fill(t *testing.T, public, secret vault.Caller) {
	t.Helper()
	ctx, n := t.Context(), len(u.forwards)
	destination := map[bool]string{false: "sandbox", true: "live-forward"}[secret.Live]
	token := func(number string) string {
		u.clock.Advance(time.Second)
		return tokenize(t, u.Vault, public, number, fmt.Sprintf("HOLDER %d", n)).ID
	}
	owner, err := u.CreateCustomer(ctx, secret, vault.CustomerFields{Token: token("4242424242424242")})
	if err != nil {
		t.Fatal(err)
	}
	fields := func(amount string) map[string]any {
		return map[string]any{"amount": json.Number(amount), "currency": "thb"}
	}
	// One that dropped the connection, with its key, and one that was answered.
	r := once(fmt.Sprint("k", n), nil)
	claimed, _, err := u.Begin(ctx, secret, r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.Forward(ctx, claimed, vault.ForwardRequest{Destination: destination, Card: owner.DefaultCard, Fields: fields("900004")})
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != vault.OutcomeUnknown {
		t.Fatal(err)
	}
	u.clock.Advance(time.Second)
	retry := token("5555555555554444")
	answered, err := u.Forward(ctx, secret, vault.ForwardRequest{Destination: destination, Token: retry, Fields: fields("900027")})
	if err != nil || answered.Status != 400 || answered.Masked == 0 {
		t.Fatalf("%+v, %v", answered, err)
	}
	u.forwards = append(u.forwards, usedBy{secret, e.ID}, usedBy{secret, answered.ID})
	if n == 0 {
		u.unknown, u.retry = r, retry
	}
	// One that was paid and undone, and one that was declined.
	u.clock.Advance(time.Second)
	paid, err := u.CreateCharge(ctx, secret, vault.ChargeRequest{Customer: owner.ID, Amount: int64(10000 + n), Currency: "thb"})
	for _, change := range []func(string) (vault.Charge, error){
		func(id string) (vault.Charge, error) { return u.CaptureCharge(ctx, secret, id) },
		func(id string) (vault.Charge, error) { return u.ReverseCharge(ctx, secret, id) },
	} {
		if err != nil {
			t.Fatal(err)
		}
		u.clock.Advance(time.Second)
		paid, err = change(paid.ID)
	}
	if err != nil || paid.State != vault.ChargeReversed {
		t.Fatalf("%+v, %v", paid, err)
	}
	declined, err := u.CreateCharge(ctx, secret, vault.ChargeRequest{Token: token("5555551111110011"), Amount: int64(20000 + n), Currency: "usd", Capture: true})
	if err != nil || declined.State != vault.ChargeFailed || declined.FailureCode == "" {
		t.Fatalf("%+v, %v", declined, err)
	}
	u.charges = append(u.charges, usedBy{secret, paid.ID}, usedBy{secret, declined.ID})
}

// TestSwapForwards: a line of the ledger reads as its own or as tampered, and so
// does all that depends on it.
func TestSwapForwards(t *testing.T) {
	u := newUses(t)
	swapped := make(map[string]bool)
	read := func(i int) error {
		got, err := u.ForwardRecord(t.Context(), u.forwards[i].caller, u.forwards[i].id)
		if err != nil && got.ID != "" {
			t.Error("something came back")
		}
		return err
	}
	u.eachSwap(t, "forwards", " WHERE use = 'forward'", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		if a > 1 { // the first two meet each other merchant and mode
			return
		}
		for _, i := range []int{a, b} {
			u.wantTampered(t, fmt.Sprintf("%s of forwards %d and %d, reading %d", column, a, b, i), func() error { return read(i) })
		}
		if a > 0 {
			return
		}
		got, err := u.Forwards(t.Context(), u.Operator, "", 100)
		edited := slices.DeleteFunc(got, func(f vault.Forward) bool { return !f.Tampered })
		if err != nil || len(edited) != 2 || edited[0].Destination != "" || edited[1].Destination != "" {
			t.Errorf("%s, listing: %+v, %v; want both lines as tampered", column, edited, err)
		}
	})
	// What is the same in these rows is edited below.
	wantSwapped(t, u.world, "forwards", swapped, "use", "charge", "lease_until", "vault_time", "answer_time")
	for i := range u.forwards {
		if err := read(i); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
}

// TestSwapCharges: no charge borrows another's amount, state or card.
func TestSwapCharges(t *testing.T) {
	u := newUses(t)
	ctx := t.Context()
	swapped := make(map[string]bool)
	read := func(i int) error {
		got, err := u.Charge(ctx, u.charges[i].caller, u.charges[i].id)
		if err != nil && got.ID != "" {
			t.Error("something came back")
		}
		return err
	}
	u.eachSwap(t, "charges", "", nil, func(t *testing.T, column string, a, b int) {
		swapped[column] = true
		if a > 1 { // the first two meet each other merchant and mode
			return
		}
		for _, i := range []int{a, b} {
			c := u.charges[i]
			what := fmt.Sprintf("%s of charges %d and %d, ", column, a, b)
			u.wantTampered(t, what+"reading", func() error { return read(i) })
			if a > 0 {
				continue
			}
			u.wantTampered(t, what+"changing", func() error {
				_, err := u.UpdateCharge(ctx, c.caller, c.id, []byte("x"), nil)
				return err
			})
			u.wantTampered(t, what+"capturing", func() error { _, err := u.CaptureCharge(ctx, c.caller, c.id); return err })
		}
	})
	wantSwapped(t, u.world, "charges", swapped, "attempt")
	for i := range u.charges {
		if err := read(i); err != nil {
			t.Errorf("after swapping back: %v", err)
		}
	}
}

// forged is a value that a column does not have, of its own type.
func forged(column string, v any) any {
	switch v := v.(type) {
	case int64:
		if column == "live" || column == "token" || column == "capture" {
			return 1 - v
		}
		return v + 1
	case []byte:
		other := append([]byte(nil), v...)
		other[0] ^= 1
		return other
	case nil:
		return make([]byte, 32)
	}
	switch column {
	case "state":
		if v == "failed" || v == "answered" {
			return "unknown"
		}
		return "failed"
	case "charge", "attempt", "card", "customer":
		return strings.Repeat("0", 24)
	}
	return v.(string) + "x"
}

// TestForgedUse: an edit of any one column is found by whoever reads the row,
// and nothing is done on its word.
func TestForgedUse(t *testing.T) {
	u := newUses(t)
	ctx := t.Context()
	unknown, answered, charge := u.forwards[0], u.forwards[1], u.charges[0]
	for _, test := range []struct {
		table, where string
		i            int
		read         map[string]func() error
	}{
		{"forwards", " WHERE use = 'forward'", 0, map[string]func() error{
			"reading": func() error { _, err := u.ForwardRecord(ctx, unknown.caller, unknown.id); return err },
			"repeating": func() error {
				_, answer, err := u.Begin(ctx, unknown.caller, u.unknown)
				if answer != nil {
					t.Error("an answer came back")
				}
				return err
			},
		}},
		{"forwards", " WHERE use = 'forward'", 1, map[string]func() error{
			"reading": func() error { _, err := u.ForwardRecord(ctx, answered.caller, answered.id); return err },
			"forwarding again": func() error {
				_, err := u.Forward(ctx, answered.caller, vault.ForwardRequest{Destination: "sandbox", Token: u.retry, Fields: fieldsOf("10000")})
				return err
			},
		}},
		{"charges", "", 0, map[string]func() error{
			"reading":   func() error { _, err := u.Charge(ctx, charge.caller, charge.id); return err },
			"reversing": func() error { _, err := u.ReverseCharge(ctx, charge.caller, charge.id); return err },
			"listing":   func() error { _, err := u.Charges(ctx, charge.caller, vault.Page{}); return err },
		}},
	} {
		rowid := u.rowids(t, test.table, test.where)[test.i]
		for _, column := range u.columns(t, test.table) {
			old := u.cell(t, test.table, column, rowid)
			u.setCell(t, test.table, column, rowid, forged(column, old))
			for name, read := range test.read {
				what := fmt.Sprintf("%s.%s of row %d, %s", test.table, column, test.i, name)
				// A row that is not found by what was edited is as good as gone:
				// nobody gets an answer from it.
				switch gone := column + " " + name; gone {
				case "id reading", "id reversing":
					if err := read(); vault.CodeOf(err) != vault.NotFound {
						t.Errorf("%s: %v, want not found", what, err)
					}
				case "request repeating":
					if err := read(); vault.CodeOf(err) != vault.InProgress {
						t.Errorf("%s: %v, want in progress", what, err)
					}
				case "card forwarding again":
					if err := read(); vault.CodeOf(err) != vault.UsedToken {
						t.Errorf("%s: %v, want a used token", what, err)
					}
				case "merchant listing", "live listing":
					if err := read(); err != nil {
						t.Errorf("%s: %v, want the others", what, err)
					}
				default:
					u.wantTampered(t, what, read)
				}
			}
			u.setCell(t, test.table, column, rowid, old)
		}
		for name, read := range test.read {
			if name == "reading" && read() != nil {
				t.Errorf("%s after setting back: %v", test.table, read())
			}
		}
	}
}

// TestForgedReferences: the references at the PaymentOptions front are proven
// with their rows.
func TestForgedReferences(t *testing.T) {
	w := newWorld(t)
	card, merchant := w.rowids(t, "cards", "")[0], w.rowids(t, "merchants", "")[0]
	w.setCell(t, "cards", "payment_method", card, "00000000-0000-4000-8000-000000000000")
	w.wantTampered(t, "a card with a payment method it was not given", func() error {
		_, err := w.Token(t.Context(), w.cards[0].caller, w.cards[0].token)
		return err
	})
	w.setCell(t, "cards", "payment_method", card, "")
	if _, err := w.Token(t.Context(), w.cards[0].caller, w.cards[0].token); err != nil {
		t.Errorf("after setting back: %v", err)
	}
	login := func() error {
		_, err := w.Authenticate(t.Context(), w.secrets[0].Reveal(), vault.Origin{})
		return err
	}
	w.setCell(t, "merchants", "payment_mid", merchant, "mid")
	w.wantTampered(t, "a merchant with an id it was not given", login)
	w.setCell(t, "merchants", "payment_mid", merchant, "")
	if err := login(); err != nil {
		t.Errorf("after setting back: %v", err)
	}
}
