package vaulttest

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/cmd/panvault/processor"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// Processor is the sandbox processor behind a real socket, with a destination
// for each use of it.
type Processor struct {
	*processor.Processor
	URL          string
	Destinations []vault.Destination // in test mode, of every merchant
}

// NewProcessor serves a sandbox processor that ends with the test. timeout is
// that of the destinations, 1s at least.
func NewProcessor(t testing.TB, timeout time.Duration) *Processor {
	t.Helper()
	p := &Processor{Processor: processor.New(processor.Options{})}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(server.Close)
	p.URL = server.URL
	const capture = ` "capture": {{if .Fields.capture}}true{{else}}false{{end}},`
	const payment = `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}, "currency": "{{.Fields.currency}}",` + capture +
		` "card": {"number": "{{.Number}}", "expiration_month": {{.Month}}, "expiration_year": {{.Year}}, "name": "{{.Name}}"` +
		`{{if .HasSecurityCode}}, "security_code": "{{.SecurityCode}}"{{end}}}}`
	const options = `{"amount": "{{.Fields.amount}}", "currency": "{{.Fields.currency}}", "merchant_txn_ref": "{{.Fields.merchant_txn_ref}}",` +
		` "customer_ip": "{{.Fields.customer_ip}}", "merchant_id": "{{.Fields.merchant_id}}", "payment_method": {"type": "scheme",` +
		` "card": {"number": "{{.Number}}", "exp_month": "{{.Month2}}", "exp_year": "{{.Year2}}", "name": "{{.Name}}"` +
		`{{if .HasSecurityCode}}, "cvv": "{{.SecurityCode}}"{{end}}}}}`
	outcome := forward.OutcomeRules{
		Path: "status", Approved: []string{"approved"}, Declined: []string{"declined"},
		Code: "failure_code", Message: "failure_message", Auth: "authorization_code", Reference: "id", StatusFrom: 200, StatusTo: 299,
	}
	truth := func(path string) forward.OutcomeRules {
		return forward.OutcomeRules{Path: path, Approved: []string{"true"}, Declined: []string{"false"}, Reference: "id"}
	}
	paid := truth("success")
	paid.Code, paid.Message, paid.Auth, paid.Reference = "gateway_response.code", "gateway_response.message", "payment_details.auth_code", "transaction_details.id"
	for _, d := range []struct {
		use        vault.Use
		name, path string
		body       string
		outcome    forward.OutcomeRules
	}{
		{vault.UseForward, "sandbox", "/payments", strings.Replace(payment, capture, "", 1), outcome},
		{vault.UseCharge, "sandbox-charge", "/payments", payment, outcome},
		{vault.UseCapture, "sandbox-capture", "/payments/{{.Fields.processor_reference}}/capture", "{}", truth("captured")},
		{vault.UseReverse, "sandbox-reverse", "/payments/{{.Fields.processor_reference}}/reverse", "{}", truth("reversed")},
		{vault.UsePayment, "sandbox-payment", "/paymentoptions/payment", options, paid},
	} {
		endpoint, err := forward.New(forward.Destination{
			Name: d.name, URL: server.URL, Method: "POST", Path: d.path, ContentType: "application/json", Body: d.body,
			Headers: []forward.Header{
				{Name: "Authorization", Value: []byte("Basic c2FuZGJveDo="), Secret: true}, {Name: "X-Api-Key", Value: []byte("sandbox"), Secret: true},
			},
			AllowPlaintext: true, AllowPrivate: true, Timeout: timeout, Outcome: d.outcome,
			AnswerHeaders: []string{"X-Card-Number", "Retry-After"},
		})
		if err != nil {
			t.Fatalf("destination %s: %v", d.name, err)
		}
		p.Destinations = append(p.Destinations, vault.Destination{Endpoint: endpoint, Use: d.use, Merchants: []string{vault.EveryMerchant}})
	}
	return p
}

// Closed is a destination that nothing listens at.
func Closed(t testing.TB) []vault.Destination {
	t.Helper()
	server := httptest.NewServer(nil)
	server.Close()
	endpoint, err := forward.New(forward.Destination{
		Name: "closed", URL: server.URL, Method: "POST", Path: "/", ContentType: "application/json", Body: `{"number": "{{.Number}}"}`,
		AllowPlaintext: true, AllowPrivate: true, Timeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return []vault.Destination{{Endpoint: endpoint, Use: vault.UseForward, Merchants: []string{vault.EveryMerchant}}}
}
