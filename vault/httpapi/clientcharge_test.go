package httpapi_test

import (
	"strings"
	"testing"
)

// chargeRequests are what npm omise sends for charges, by its functions create,
// capture and reverse: testdata/clients/NAME.http.
var chargeRequests = []string{"node-create-charge", "node-create-token-charge", "node-capture-charge", "node-reverse-charge"}

// TestNodeCharges sends the recorded bytes: amounts are digits in a string, and
// a capture has a content type but no body.
func TestNodeCharges(t *testing.T) {
	w := newTill(t)
	owner, token := w.owner(t), w.token(t)
	var c wireCharge
	for _, tt := range []struct {
		name, status string
		card         string
		paid         bool
	}{
		{"node-create-charge", "successful", *owner.DefaultCard, true},
		{"node-create-token-charge", "pending", cardOf(token), false},
		{"node-capture-charge", "successful", cardOf(token), true},
		{"node-reverse-charge", "reversed", cardOf(token), false},
	} {
		raw := w.recorded(t, tt.name, exampleToken, token, strings.Replace(exampleToken, "tokn_", "cust_", 1), owner.ID,
			cardOf(exampleToken), *owner.DefaultCard, "{{charge}}", c.ID)
		a := exchange(t, dial(t, w.addr), raw, "POST")
		a.check(t)
		if err := nodeLibrary.read(a, "charge"); err != nil {
			t.Errorf("%s: the client cannot read the answer: %v", tt.name, err)
		}
		a.ok(t, &c)
		if c.Status != tt.status || c.Card.ID != tt.card || c.Paid != tt.paid || c.Amount != 100000 {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
}
