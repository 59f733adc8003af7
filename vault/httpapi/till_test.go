package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// till is a wire whose merchants have the sandbox processor.
type till struct {
	*wire
	processor *vaulttest.Processor
}

func newTill(t testing.TB) *till {
	t.Helper()
	p := vaulttest.NewProcessor(t, 10*time.Second)
	return &till{processor: p, wire: newWire(t, config{vault: func(o *vault.Options) { o.Destinations = p.Destinations }})}
}

// form sends a form with the secret key.
func (w *wire) form(t testing.TB, method, path, body string) answer {
	t.Helper()
	return w.do(t, request{method: method, path: path, auth: basic(w.secret + ":"), contentType: "application/x-www-form-urlencoded", body: body})
}

// owner is a new customer with a card.
func (w *wire) owner(t testing.TB) wireCustomer {
	t.Helper()
	var c wireCustomer
	w.call(t, "POST", "/customers", fmt.Sprintf(`{"card":%q}`, w.token(t))).ok(t, &c)
	return c
}

// strangers are secret keys of another merchant and of the other mode.
func (w *wire) strangers(t testing.TB) map[string]string {
	t.Helper()
	return map[string]string{
		"another merchant": w.Key(t, w.Merchant(t, vault.MerchantSettings{}), policy.Secret, false).Reveal(),
		"another mode":     w.key(t, policy.Secret, true),
	}
}

// used reads a token: whether it is used, and its charge status.
func (w *wire) used(t testing.TB, token string) (used bool, status string) {
	t.Helper()
	var got struct {
		Used         bool
		ChargeStatus string `json:"charge_status"`
	}
	w.get(t, "/tokens/"+token).ok(t, &got)
	return got.Used, got.ChargeStatus
}

// ledger counts the rows of each state.
func (w *wire) ledger(t testing.TB) map[store.ForwardState]int {
	t.Helper()
	var counts map[store.ForwardState]int
	err := w.Store.View(t.Context(), func(r store.Reader) (err error) {
		counts, err = r.CountForwards(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// noNumber fails the test if the test card's number is in a text, however its
// digits are grouped.
func noNumber(t testing.TB, where, text string) {
	t.Helper()
	if strings.Contains(strings.NewReplacer(" ", "", "-", "").Replace(text), "42424242424") {
		t.Errorf("%s holds the number: %.2000s", where, text)
	}
}

// closed are settings of a vault whose only destination, for one use, is not
// there.
func closed(t testing.TB, use vault.Use) func(*vault.Options) {
	return func(o *vault.Options) {
		o.Destinations = vaulttest.Closed(t)
		o.Destinations[0].Use = use
	}
}

// TestForwardingRoutesNeedASecretKey: the kind of key is judged before anything
// else.
func TestForwardingRoutesNeedASecretKey(t *testing.T) {
	w := newWire(t, config{})
	for _, route := range []string{
		"POST /charges", "GET /charges", "GET /charges/x", "PATCH /charges/x", "POST /charges/x/capture", "POST /charges/x/reverse",
		"POST /v1/forwards", "GET /v1/forwards/x",
	} {
		method, path, _ := strings.Cut(route, " ")
		for name, key := range map[string]string{"public": w.public, "unknown": "skey_test_0000000000000000000", "none": ""} {
			a := w.do(t, request{method: method, path: path, auth: basic(key + ":"), contentType: "application/json", body: "{"})
			a.want(t, http.StatusUnauthorized, "authentication_failure", "authentication failed")
			if a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, %s key: no WWW-Authenticate", route, name)
			}
		}
	}
}
