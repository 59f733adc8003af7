package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// TestCaptureRefused: what the processor refuses is an error, the charge is as
// before, and a repetition gets the same bytes.
func TestCaptureRefused(t *testing.T) {
	w := newTill(t)
	c := w.charge(t, `"capture":false,"customer":"`+w.owner(t).ID+`"`)
	payment := w.processor.URL + "/payments/" + w.processor.Reference(c.ID).Payments[0]
	resp, err := http.Post(payment+"/reverse", "application/json", strings.NewReader("{}")) // behind the vault's back
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	first := w.once(t, "k", "POST", c.Location+"/capture", "")
	first.want(t, 400, "failed_capture", "the processor refused")
	if again := w.once(t, "k", "POST", c.Location+"/capture", ""); !replayed(again) || again.status != 400 || again.raw != first.raw {
		t.Errorf("again: %d %s", again.status, again.raw)
	}
	var still wireCharge
	w.call(t, "GET", c.Location, "").ok(t, &still)
	if diff := cmp.Diff(c, still); diff != "" {
		t.Errorf("the charge has changed:\n%s", diff)
	}
}

// TestCaptureUnclear: an answer that does not say what was done is no refusal.
func TestCaptureUnclear(t *testing.T) {
	p := vaulttest.NewProcessor(t, 10*time.Second)
	w := newWire(t, config{vault: func(o *vault.Options) {
		for _, d := range p.Destinations {
			if d.Use != vault.UseCapture {
				o.Destinations = append(o.Destinations, d)
			}
		}
		broken := destination(t, "broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		broken[0].Use = vault.UseCapture
		o.Destinations = append(o.Destinations, broken...)
	}})
	c := w.charge(t, `"capture":false,"customer":"`+w.owner(t).ID+`"`)
	for i := range 2 {
		a := w.once(t, "k", "POST", c.Location+"/capture", "")
		a.want(t, 504, "forward_unknown", "the outcome of "+c.ID+" is unknown: the processor's answer does not say whether it was done")
		if replayed(a) != (i == 1) || w.ledger(t)["answered"] != 2 {
			t.Errorf("%d: replayed %v, ledger %v", i, replayed(a), w.ledger(t))
		}
	}
}

// TestTokenIsUsedOnce: of many uses of a token at once one is made.
func TestTokenIsUsedOnce(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	requests := []struct{ path, body string }{
		{"/charges", `{"amount":100000,"currency":"thb","card":"` + token + `"}`},
		{"/v1/forwards", payment(10000, `"token":"`+token+`"`)},
		{"/customers", `{"card":"` + token + `"}`},
	}
	answers := make(chan answer)
	const each = 8
	for _, r := range requests {
		for range each {
			go func() { answers <- w.call(t, "POST", r.path, r.body) }()
		}
	}
	made := 0
	for range each * len(requests) {
		if a := <-answers; a.status == http.StatusOK {
			made++
		} else {
			a.want(t, 400, "used_token", "token was already used")
		}
	}
	if sent := w.processor.Statistics().Received; made != 1 || sent+w.customers(t) != 1 || w.ledger(t)["answered"] != sent {
		t.Errorf("%d uses, %d sent, ledger %v, %d customers", made, sent, w.ledger(t), w.customers(t))
	}
}

// TestChargeWithoutProcessor: no destination, or none that answers.
func TestChargeWithoutProcessor(t *testing.T) {
	none := newWire(t, config{})
	token := none.token(t)
	none.call(t, "POST", "/charges", `{"amount":100000,"currency":"thb","card":"`+token+`"}`).want(t, 400, "bad_request",
		"no processor is configured for this; the vault's operator can configure one")
	if used, _ := none.used(t, token); used {
		t.Error("the token is used")
	}

	w := newWire(t, config{vault: closed(t, vault.UseCharge)})
	token = w.token(t)
	for range 2 {
		a := w.once(t, "k", "POST", "/charges", `{"amount":100000,"currency":"thb","card":"`+token+`"}`)
		if a.status != http.StatusBadGateway || a.text("code") != "forward_not_sent" || !strings.Contains(a.text("message"), "can be made again") || replayed(a) {
			t.Errorf("got %d %s", a.status, a.raw)
		}
		a.retryAfter(t)
		if used, status := w.used(t, token); used || status != "unknown" {
			t.Errorf("token used %v, charge status %q", used, status)
		}
	}
	var list wireList[wireCharge]
	w.call(t, "GET", "/charges", "").ok(t, &list)
	if list.Total != 2 || list.Data[0].Status != "failed" || *list.Data[0].FailureCode != "failed_processing" {
		t.Errorf("charges %+v", list)
	}
}

// TestChargeUnknown: a charge that may have been made is pending, and is never
// sent again.
func TestChargeUnknown(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	body := `{"amount":900004,"currency":"thb","card":"` + token + `"}`
	first := w.once(t, "k", "POST", "/charges", body)
	var c wireCharge
	first.ok(t, &c)
	if c.Status != "pending" || c.Authorized || c.Paid || c.FailureCode != nil {
		t.Errorf("got %+v", c)
	}
	if used, status := w.used(t, token); !used || status != "pending" {
		t.Errorf("token used %v, charge status %q", used, status)
	}
	if again := w.once(t, "k", "POST", "/charges", body); !replayed(again) || again.raw != first.raw {
		t.Errorf("again: %d %s", again.status, again.raw)
	}
	w.call(t, "POST", "/charges", body).want(t, 400, "used_token", "token was already used")
	if got := w.processor.Reference(c.ID); got.Received != 1 {
		t.Errorf("the processor saw %+v", got)
	}
}

// TestChargeAbandoned: the store fails when the answer is there. Recovery makes
// an end of it, and a repetition is told what is known.
func TestChargeAbandoned(t *testing.T) {
	p, db := vaulttest.NewProcessor(t, 10*time.Second), &faulty{}
	w := newWire(t, config{vault: func(o *vault.Options) {
		o.Destinations, db.Store, o.Store = p.Destinations, o.Store, db
	}})
	token := w.token(t)
	body := `{"amount":100000,"currency":"thb","card":"` + token + `"}`
	db.fail.Store(4) // after the claim, the preparation and the sending
	if a := w.once(t, "k", "POST", "/charges", body); a.status != http.StatusGatewayTimeout || a.text("code") != "forward_unknown" {
		t.Errorf("got %d %s", a.status, a.raw)
	}
	w.once(t, "k", "POST", "/charges", body).want(t, 409, "idempotency_in_progress", "a request with this idempotency key is in progress")
	w.clock.advance(5 * time.Minute)
	if n, err := w.RecoverForwards(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d were recovered, %v; want 1", n, err)
	}
	for range 2 {
		var c wireCharge
		again := w.once(t, "k", "POST", "/charges", body)
		again.ok(t, &c)
		if !replayed(again) || c.Status != "pending" || c.Authorized || p.Reference(c.ID).Received != 1 {
			t.Errorf("again: %s", again.raw)
		}
	}
	if used, status := w.used(t, token); !used || status != "pending" {
		t.Errorf("token used %v, charge status %q", used, status)
	}
	if got := p.Statistics(); got.Received != 1 || w.ledger(t)["unknown"] != 1 {
		t.Errorf("ledger %v, the processor saw %+v", w.ledger(t), got)
	}
}

// TestChargeEchoes: whatever the processor gives back of the number, no answer
// about the charge has it.
func TestChargeEchoes(t *testing.T) {
	w := newTill(t)
	owner := w.owner(t)
	for amount := 900007; amount <= 900027; amount++ {
		if amount == 900025 { // never answers
			continue
		}
		var c wireCharge
		made := w.once(t, fmt.Sprint(amount), "POST", "/charges", fmt.Sprintf(`{"amount":%d,"currency":"thb","customer":%q}`, amount, owner.ID))
		made.ok(t, &c)
		noNumber(t, fmt.Sprint(amount), made.raw)
		noNumber(t, fmt.Sprint(amount), w.call(t, "GET", c.Location, "").raw)
		if got := w.processor.Reference(c.ID); got.Received != 1 {
			t.Errorf("%d: the processor saw %+v", amount, got)
		}
		if paid := w.processor.Reference(c.ID).Charged; c.Paid && !paid || c.Status == "failed" && paid {
			t.Errorf("%d: charged %v, and the charge is %s", amount, paid, c.Status)
		}
	}
	noNumber(t, "the log", w.log.text())
}

// TestChargeIdempotency: the same bytes again, and the processor is asked once.
func TestChargeIdempotency(t *testing.T) {
	w := newTill(t)
	owner := w.owner(t)
	body := `{"amount":100000,"currency":"thb","capture":false,"customer":"` + owner.ID + `"}`
	var c wireCharge
	for i, path := range []string{"/charges", "/charges/{id}/capture", "/charges/{id}/reverse"} {
		path = strings.Replace(path, "{id}", c.ID, 1)
		first := w.once(t, "k", "POST", path, body)
		first.ok(t, &c)
		second := w.once(t, "k", "POST", path, body)
		if replayed(first) || !replayed(second) || second.status != 200 || second.raw != first.raw {
			t.Errorf("%s: %s, then %s", path, first.raw, second.raw)
		}
		w.once(t, "k", "POST", path, body+" ").want(t, 409, "idempotency_conflict", "idempotency key was used for another request")
		if got := w.processor.Reference(c.ID); got.Received != 1 || len(w.ledger(t)) != 1 || w.ledger(t)["answered"] != i+1 {
			t.Errorf("%s: the processor saw %+v, ledger %v", path, got, w.ledger(t))
		}
	}
	if n := w.charges(t); n != 1 {
		t.Errorf("%d charges, want 1", n)
	}
}

// TestChargesInParallel: of identical requests at once one is sent.
func TestChargesInParallel(t *testing.T) {
	w := newTill(t)
	body := `{"amount":100000,"currency":"thb","card":"` + w.token(t) + `"}`
	answers := make(chan answer)
	for range 30 {
		go func() { answers <- w.once(t, "parallel", "POST", "/charges", body) }()
	}
	made, raw := 0, ""
	for range 30 {
		a := <-answers
		switch {
		case a.status == 200:
			if !replayed(a) {
				made++
			}
			if raw != "" && raw != a.raw {
				t.Errorf("two answers: %s%s", raw, a.raw)
			}
			raw = a.raw
		case a.status == 409 && a.text("code") == "idempotency_in_progress" && a.header.Get("Retry-After") == "1":
		default:
			t.Errorf("%d %s", a.status, a.raw)
		}
	}
	if got := w.processor.Statistics(); made != 1 || got.Received != 1 || w.charges(t) != 1 {
		t.Errorf("%d answers were new, %d charges, the processor saw %+v", made, w.charges(t), got)
	}
}

// TestChargeWithoutItsClient: a charge in flight goes on when its client hangs
// up.
func TestChargeWithoutItsClient(t *testing.T) {
	w := newTill(t)
	token := w.token(t)
	conn := dial(t, w.addr)
	r := request{method: "POST", path: "/charges", auth: basic(w.secret), contentType: "application/json",
		body: `{"amount":900002,"currency":"thb","card":"` + token + `"}`, header: []string{"Idempotency-Key: k"}}
	if _, err := conn.Write(r.bytes(w.addr)); err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return w.processor.Statistics().Received == 1 }) {
		t.Fatal("the processor saw nothing")
	}
	_ = conn.Close()
	if !eventually(func() bool { return w.ledger(t)["answered"] == 1 }) {
		t.Errorf("ledger %v", w.ledger(t))
	}
	var c wireCharge
	again := w.do(t, r)
	again.ok(t, &c)
	if got := w.processor.Statistics(); !replayed(again) || c.Status != "successful" || got.Received != 1 {
		t.Errorf("again: %s; the processor saw %+v", again.raw, got)
	}
}
