package main

// sandboxProcessorURL is where the processor of a sandbox is unless its port is
// taken.
const sandboxProcessorURL = "http://127.0.0.1:8450"

// sandboxCard is the card of a request to the sandbox processor's payments.
const sandboxCard = `"card": {"number": "{{.Number}}", "expiration_month": {{.Month}}, "expiration_year": {{.Year}}, "name": "{{.Name}}"
    {{- if .HasSecurityCode}}, "security_code": "{{.SecurityCode}}"{{end}}}`

// sandboxDestinations are those of a sandbox: one for each use, at its processor,
// for every merchant.
func sandboxDestinations(url string) []destinationConfig {
	payment := outcomeConfig{
		Path: "status", Approved: []string{"approved"}, Declined: []string{"declined"}, // pending is neither
		Code: "failure_code", Message: "failure_message", Auth: "authorization_code", Reference: "id",
	}
	change := func(path string) outcomeConfig {
		return outcomeConfig{Path: path, Approved: []string{"true"}, Declined: []string{"false"}, Reference: "id"}
	}
	all := []destinationConfig{
		{
			Name: "sandbox", Use: "forward", Path: "/payments", Outcome: payment,
			Body: `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}, "currency": "{{.Fields.currency}}",
  ` + sandboxCard + `}`,
		},
		{
			Name: "sandbox-charge", Use: "charge", Path: "/payments", Outcome: payment,
			Body: `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}, "currency": "{{.Fields.currency}}", "capture": {{json .Fields.capture}},
  ` + sandboxCard + `}`,
		},
		{
			Name: "sandbox-capture", Use: "capture", Path: "/payments/{{.Fields.processor_reference}}/capture",
			Body: `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}}`, Outcome: change("captured"),
		},
		{
			Name: "sandbox-reverse", Use: "reverse", Path: "/payments/{{.Fields.processor_reference}}/reverse",
			Body: `{"reference": "{{.Reference}}", "amount": {{number .Fields.amount}}}`, Outcome: change("reversed"),
		},
		sandboxPayment(),
	}
	for i := range all {
		d := &all[i]
		d.Mode, d.Merchants, d.URL = modeTest, []string{"*"}, url
		d.AllowPlaintext, d.AllowPrivate = true, true
		if d.KeepDigits == nil {
			d.KeepDigits = []string{"reference"}
		}
	}
	return all
}

// sandboxPayment is the processor's PaymentOptions front.
func sandboxPayment() destinationConfig {
	return destinationConfig{
		Name: "sandbox-payment", Use: "payment", Path: "/paymentoptions/payment",
		Headers: map[string]string{"Authorization": "sandbox", "X-Api-Key": "sandbox"}, // both must be there, whatever they say
		Body: `{"amount": "{{.Fields.amount}}", "currency": "{{.Fields.currency}}", "merchant_id": "{{.Fields.merchant_id}}",
  "merchant_txn_ref": "{{default .Reference .Fields.merchant_txn_ref}}", "customer_ip": "{{.Fields.customer_ip}}", "time_zone": "{{.Fields.time_zone}}",
  "payment_method": {"type": "scheme", "card": {"number": "{{.Number}}", "exp_month": "{{.Month2}}", "exp_year": "{{.Year2}}", "name": "{{.Name}}"
    {{- if .HasSecurityCode}}, "cvv": "{{.SecurityCode}}"{{end}}}},
  "return_url": {{json .Fields.return_url}},
  "billing_address": {{json .Fields.billing_address}}, "shipping_address": {{json .Fields.shipping_address}}}`,
		KeepDigits: []string{"merchant_details.mid", "merchant_details.merchant_txn_ref", "transaction_details.merchant_txn_ref"},
		Outcome: outcomeConfig{
			Path: "success", Approved: []string{"true"}, Declined: []string{"false"},
			Code: "gateway_response.code", Message: "gateway_response.message",
			Auth: "payment_details.auth_code", Reference: "transaction_details.id",
		},
	}
}
