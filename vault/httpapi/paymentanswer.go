package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/panvault/panvault/vault"
)

// addressBody is a billing address as the answer repeats it.
type addressBody struct {
	Country     string `json:"country"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
	Address1    string `json:"address1"`
	City        string `json:"city"`
	State       string `json:"state"`
	PostalCode  string `json:"postal_code"`
}

func newAddressBody(v value) *addressBody {
	text := func(name string) string { return string(v.Get(name).Bytes) }
	return &addressBody{
		text("country"), text("email"), text("phone_number"), text("address1"), text("city"), text("state"), text("postal_code"),
	}
}

// paymentBody is the documented answer, its keys in the documented order and
// risk-details spelt as it is there.
type paymentBody struct {
	Success         bool               `json:"success"`
	StatusCode      int                `json:"status_code"`
	IsLive          bool               `json:"is_live"`
	TransactionType string             `json:"transaction_type"`
	Gateway         gatewayBody        `json:"gateway_response"`
	Merchant        paymentMerchant    `json:"merchant_details"`
	Payment         paymentDetails     `json:"payment_details"`
	Transaction     transactionDetails `json:"transaction_details"`
	Risk            riskDetails        `json:"risk-details"`
}

type gatewayBody struct {
	Version string `json:"version"`
	Type    string `json:"type"`
	Message string `json:"message"`
	Code    string `json:"code"`
}

type paymentMerchant struct {
	LegalName string `json:"legal_name"`
	MID       string `json:"mid"`
	Reference string `json:"merchant_txn_ref"`
	Billing   struct {
		Address *addressBody `json:"billing_address"`
	} `json:"billing_details"`
	Device struct {
		VisitedIP  string `json:"visited_ip"`
		CustomerIP string `json:"customer_ip"`
	} `json:"device_details"`
}

type paymentDetails struct {
	Amount        json.Number `json:"amount"`
	ResponseCode  any         `json:"response_code"`
	AuthCode      *string     `json:"auth_code"`
	Currency      string      `json:"currency"`
	PaymentMethod string      `json:"payment_method"`
	Scheme        string      `json:"scheme"`
	Card          paymentCard `json:"card"`
	Additional    struct {
		Source struct {
			Type string `json:"type"`
		} `json:"payment_data_source"`
	} `json:"additional_data"`
}

type paymentCard struct {
	Name     string `json:"name"`
	Number   string `json:"number"` // masked, whatever the processor says
	ExpMonth string `json:"exp_month"`
	ExpYear  string `json:"exp_year"`
}

type transactionDetails struct {
	ID        string  `json:"id"`
	Ref       any     `json:"ref"`
	Timestamp string  `json:"timestamp"`
	Reference string  `json:"merchant_txn_ref"`
	Method    *string `json:"stored_payment_method_id"`
}

type riskDetails struct {
	Score any `json:"risk_score"`
}

// said is a processor's scrubbed answer, read without trust in its shape: what
// is missing, or is not of the kind that is looked for, is left out. The verdict
// was read by the destination's own rules.
type said map[string]any

func newSaid(body []byte) said {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out said
	_ = d.Decode(&out)
	return out
}

// at follows a path of members.
func (s said) at(path ...string) any {
	var v any = map[string]any(s)
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// maxSaid is the longest text of a processor that is passed on, in bytes.
const maxSaid = 255

// text is a text or a number as text; otherwise if it is neither.
func (s said) text(otherwise string, path ...string) string {
	switch v := s.at(path...).(type) {
	case string:
		if len(v) <= maxSaid {
			return v
		}
		return strings.ToValidUTF8(v[:maxSaid], "")
	case json.Number:
		if len(v) <= maxSaid {
			return v.String()
		}
	}
	return otherwise
}

// whole is a number without a fraction, also one that came as text; null if it
// is none.
func (s said) whole(path ...string) any {
	if n, err := strconv.ParseInt(s.text("", path...), 10, 64); err == nil {
		return n
	}
	return nil
}

// paymentAnswer writes the answer to a payment that the processor answered.
func paymentAnswer(p vault.Payment) (vault.Answer, error) {
	echo, _ := p.Echo.(paymentEcho)
	if p.Verdict == vault.VerdictUnknown {
		return envelopeAnswer(http.StatusBadGateway, p.Live, "ERRO0502", "the processor's answer to "+p.ID+" does not say what became of it: the payment may have been made and is not repeated", echo.Reference)
	}
	status := http.StatusCreated
	if p.Verdict == vault.VerdictDeclined {
		status = http.StatusPaymentRequired
		if p.Status == http.StatusOK || p.Status >= 400 && p.Status < 500 {
			status = p.Status // a decline is as the processor said
		}
	}
	said, approved := newSaid(p.Body), p.Verdict == vault.VerdictApproved
	body := paymentBody{
		Success: approved, StatusCode: status, IsLive: p.Live,
		TransactionType: said.text("CAPTURE", "transaction_type"), Gateway: said.gateway(approved),
		Payment: paymentDetails{
			Amount: echo.Amount, Currency: echo.Currency, ResponseCode: said.whole("payment_details", "response_code"),
			AuthCode: optional(said.text("", "payment_details", "auth_code")), PaymentMethod: said.text("", "payment_details", "payment_method"),
			Scheme: strings.ToUpper(p.Card.Brand),
			Card: paymentCard{
				Name: p.Card.Profile.Holder.Name, Number: maskedNumber(p.Card),
				ExpMonth: fmt.Sprintf("%02d", p.Card.Expiry.Month), ExpYear: fmt.Sprintf("%02d", p.Card.Expiry.Year%100),
			},
		},
		Merchant: paymentMerchant{LegalName: p.Merchant, MID: echo.MerchantID, Reference: echo.Reference},
		Transaction: transactionDetails{
			ID: said.text(p.ID, "transaction_details", "id"), Ref: said.whole("transaction_details", "ref"),
			Timestamp: said.text(p.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"), "transaction_details", "timestamp"),
			Reference: echo.Reference, Method: optional(p.Method),
		},
		Risk: riskDetails{said.whole("risk-details", "risk_score")},
	}
	body.Merchant.Billing.Address = echo.Billing
	body.Merchant.Device.CustomerIP, body.Merchant.Device.VisitedIP = echo.CustomerIP, echo.CustomerIP
	body.Payment.Additional.Source.Type = "card"
	text, err := encode(body)
	return vault.Answer{Status: status, Body: text}, err
}

// gateway is what the processor says of the outcome.
func (s said) gateway(approved bool) gatewayBody {
	out := gatewayBody{Version: "1", Type: "INFO", Message: "Payment Successful.", Code: "INFO0000"}
	if !approved {
		out.Type, out.Message, out.Code = "ERROR", "Payment declined.", "DECL0000"
	}
	for _, f := range []struct {
		name string
		dst  *string
	}{{"version", &out.Version}, {"type", &out.Type}, {"message", &out.Message}, {"code", &out.Code}} {
		*f.dst = s.text(*f.dst, "gateway_response", f.name)
	}
	return out
}

// maskedNumber shows the first six digits only where the merchant's settings do.
func maskedNumber(c vault.Card) string {
	if c.FirstDigits != "" {
		return c.FirstDigits + "******" + c.LastDigits
	}
	return "************" + c.LastDigits
}

// envelopeBody is that front's error (contract 8, proposed).
type envelopeBody struct {
	Success     bool        `json:"success"`
	StatusCode  int         `json:"status_code"`
	IsLive      bool        `json:"is_live"`
	Gateway     gatewayBody `json:"gateway_response"`
	Transaction struct {
		Reference string `json:"merchant_txn_ref"`
	} `json:"transaction_details"`
}

func newEnvelope(status int, live bool, code, message, reference string) envelopeBody {
	body := envelopeBody{StatusCode: status, IsLive: live, Gateway: gatewayBody{"1", "ERROR", message, code}}
	body.Transaction.Reference = reference
	return body
}

func envelopeAnswer(status int, live bool, code, message, reference string) (vault.Answer, error) {
	text, err := encode(newEnvelope(status, live, code, message, reference))
	return vault.Answer{Status: status, Body: text}, err
}

// envelope is a problem in that front's language.
func (p problem) envelope(x *exchange) envelopeBody {
	return newEnvelope(p.status, x.live, fmt.Sprintf("ERRO%04d", p.status), p.message, x.reference)
}
