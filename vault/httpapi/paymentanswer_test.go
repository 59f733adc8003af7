package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault"
)

// TestPaymentAnswerTrustsNoShape: the destination's rules say what became of a
// payment; what else the processor sends, or in which form, changes nothing of
// that.
func TestPaymentAnswerTrustsNoShape(t *testing.T) {
	for _, body := range []string{
		`{}`, ``, `[]`, `null`,
		`{"payment_details":{"response_code":"00","auth_code":268004,"payment_method":["x"]}}`,
		`{"payment_details":[],"gateway_response":"fine","transaction_details":{"id":7,"ref":"74811","timestamp":1}}`,
		`{"transaction_details":{"ref":"************4242"},"risk-details":{"risk_score":"low"},"transaction_type":{}}`,
		`{"gateway_response":{"message":"` + strings.Repeat("é", 70_000) + `","code":12}}`,
	} {
		p := vault.Payment{ID: "fwrd_test_1", Verdict: vault.VerdictApproved, Status: 201, Body: []byte(body), Method: "m", Echo: paymentEcho{Amount: "1000", Reference: "r"}}
		answer, err := paymentAnswer(p)
		var out struct {
			Success     bool
			Details     struct{ ResponseCode any } `json:"payment_details"`
			Transaction struct {
				Method string `json:"stored_payment_method_id"`
			} `json:"transaction_details"`
		}
		if err != nil || json.Unmarshal(answer.Body, &out) != nil || answer.Status != http.StatusCreated || !out.Success || out.Transaction.Method != "m" || len(answer.Body) > 4<<10 {
			t.Errorf("%.60s: %d, %v, %.300s", body, answer.Status, err, answer.Body)
		}
	}
	said := newSaid([]byte(`{"payment_details":{"response_code":"00","auth_code":268004}}`))
	if said.whole("payment_details", "response_code") != int64(0) || said.text("", "payment_details", "auth_code") != "268004" {
		t.Errorf("got %v", said)
	}
}
