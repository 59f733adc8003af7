package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
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

// processorAnswer is what is taken over of a processor's scrubbed answer. The
// rest is the vault's own.
type processorAnswer struct {
	TransactionType string      `json:"transaction_type"`
	Gateway         gatewayBody `json:"gateway_response"`
	Payment         struct {
		ResponseCode  json.Number `json:"response_code"`
		AuthCode      *string     `json:"auth_code"`
		PaymentMethod string      `json:"payment_method"`
	} `json:"payment_details"`
	Transaction struct {
		ID        string      `json:"id"`
		Ref       json.Number `json:"ref"`
		Timestamp string      `json:"timestamp"`
	} `json:"transaction_details"`
	Risk struct {
		Score json.Number `json:"risk_score"`
	} `json:"risk-details"`
}

// paymentAnswer writes the answer to a payment that the processor answered.
func paymentAnswer(p vault.Payment) (vault.Answer, error) {
	echo, _ := p.Echo.(paymentEcho)
	var said processorAnswer
	understood := p.Verdict != vault.VerdictUnknown && json.Unmarshal(p.Body, &said) == nil
	if !understood {
		return envelopeAnswer(http.StatusBadGateway, p.Live, "ERRO0502", "the processor's answer was not understood; the payment may have been made and is not repeated", echo.Reference)
	}
	status := http.StatusCreated
	if p.Verdict == vault.VerdictDeclined {
		status = http.StatusPaymentRequired
		if p.Status == http.StatusOK || p.Status >= 400 && p.Status < 500 {
			status = p.Status // a decline is as the processor said
		}
	}
	body := paymentBody{
		Success: p.Verdict == vault.VerdictApproved, StatusCode: status, IsLive: p.Live,
		TransactionType: said.TransactionType, Gateway: said.Gateway,
		Payment: paymentDetails{
			Amount: echo.Amount, Currency: echo.Currency, ResponseCode: jsonNumber(said.Payment.ResponseCode), AuthCode: said.Payment.AuthCode,
			PaymentMethod: said.Payment.PaymentMethod, Scheme: strings.ToUpper(p.Card.Brand),
			Card: paymentCard{
				Name: p.Card.Profile.Holder.Name, Number: maskedNumber(p.Card),
				ExpMonth: fmt.Sprintf("%02d", p.Card.Expiry.Month), ExpYear: fmt.Sprintf("%02d", p.Card.Expiry.Year%100),
			},
		},
		Merchant: paymentMerchant{LegalName: p.Merchant, MID: echo.MerchantID, Reference: echo.Reference},
		Transaction: transactionDetails{
			ID: said.Transaction.ID, Ref: jsonNumber(said.Transaction.Ref), Timestamp: said.Transaction.Timestamp,
			Reference: echo.Reference, Method: optional(p.Method),
		},
		Risk: riskDetails{jsonNumber(said.Risk.Score)},
	}
	body.Merchant.Billing.Address = echo.Billing
	body.Merchant.Device.CustomerIP, body.Merchant.Device.VisitedIP = echo.CustomerIP, echo.CustomerIP
	body.Payment.Additional.Source.Type = "card"
	if body.TransactionType == "" {
		body.TransactionType = "CAPTURE"
	}
	if body.Transaction.Timestamp == "" {
		body.Transaction.Timestamp = p.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	text, err := encode(body)
	return vault.Answer{Status: status, Body: text}, err
}

// maskedNumber shows the first six digits only where the merchant's settings do.
func maskedNumber(c vault.Card) string {
	if c.FirstDigits != "" {
		return c.FirstDigits + "******" + c.LastDigits
	}
	return "************" + c.LastDigits
}

// jsonNumber is a number, or null if there is none.
func jsonNumber(n json.Number) any {
	if n == "" {
		return nil
	}
	return n
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
func (p problem) envelope() envelopeBody {
	return newEnvelope(p.status, false, fmt.Sprintf("ERRO%04d", p.status), p.message, "")
}
