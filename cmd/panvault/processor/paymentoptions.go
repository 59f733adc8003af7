package processor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// text is a JSON string, or a number as it is written: the documented request
// has amounts of both kinds.
type text string

// UnmarshalJSON takes a string or a number.
func (t *text) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte{'"'}) {
		return json.Unmarshal(b, (*string)(t))
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = text(n)
	return nil
}

// optionsAddress is a billing address.
type optionsAddress struct {
	Country     string `json:"country"`
	Email       string `json:"email"`
	PhoneNumber string `json:"phone_number"`
	Address1    string `json:"address1"`
	City        string `json:"city"`
	State       string `json:"state"`
	PostalCode  string `json:"postal_code"`
}

// optionsRequest is what of PaymentOptions' request the answer depends on. Its
// two names of the stored id are both in its documents.
type optionsRequest struct {
	Amount        text   `json:"amount"`
	Currency      string `json:"currency"`
	PaymentMethod struct {
		StoredID      string `json:"stored_payment_method_id"`
		StoredIDAlias string `json:"store_payment_method_id"`
		Card          struct {
			Number   string `json:"number"`
			ExpMonth text   `json:"exp_month"`
			ExpYear  text   `json:"exp_year"`
			Name     string `json:"name"`
			CVV      string `json:"cvv"`
		} `json:"card"`
	} `json:"payment_method"`
	MerchantTxnRef string          `json:"merchant_txn_ref"`
	CustomerIP     string          `json:"customer_ip"`
	MerchantID     string          `json:"merchant_id"`
	BillingAddress *optionsAddress `json:"billing_address"`
}

var errStoredID = errors.New("stored_payment_method_id and store_payment_method_id differ")

func (q *optionsRequest) order() (order, error) {
	m := &q.PaymentMethod
	if m.StoredID == "" {
		m.StoredID = m.StoredIDAlias
	} else if m.StoredIDAlias != "" && m.StoredIDAlias != m.StoredID {
		return order{}, errStoredID
	}
	amount, err := strconv.ParseInt(string(q.Amount), 10, 64)
	if err != nil {
		return order{}, errAmount
	}
	month, monthErr := strconv.Atoi(string(m.Card.ExpMonth))
	year, yearErr := strconv.Atoi(string(m.Card.ExpYear))
	if monthErr != nil || yearErr != nil {
		return order{}, errExpiry
	}
	if year < 100 {
		year += 2000
	}
	m.Card.ExpMonth, m.Card.ExpYear = text(fmt.Sprintf("%02d", month)), text(fmt.Sprintf("%02d", year%100))
	return newOrder(q.MerchantTxnRef, amount, q.Currency, true, m.Card.Number, month, year, m.Card.Name, m.Card.CVV)
}

// payWithOptions serves POST /paymentoptions/payment.
func (p *Processor) payWithOptions(w http.ResponseWriter, r *http.Request) {
	var q optionsRequest
	err := readJSON(r, &q, false)
	if r.Header.Get("Authorization") == "" || r.Header.Get("X-Api-Key") == "" {
		p.ledger.tally(func(s *Statistics) { s.Malformed++ })
		writeJSON(w, http.StatusUnauthorized, optionsError(http.StatusUnauthorized, "the headers Authorization and x-api-key are both needed"))
		return
	}
	var o order
	if err == nil {
		o, err = q.order()
	}
	if err != nil {
		p.refuse(w, optionsError(http.StatusBadRequest, err.Error()))
		return
	}
	p.process(w, r, o, front{http.StatusCreated, true, func(pay payment, number []byte, status int) []byte {
		return q.answer(pay, number, status, r)
	}})
}

// optionsAnswer is the documented answer, with its keys in the documented order
// and risk-details spelt as it is there.
type optionsAnswer struct {
	Success         bool            `json:"success"`
	StatusCode      int             `json:"status_code"`
	IsLive          bool            `json:"is_live"`
	TransactionType string          `json:"transaction_type"`
	Gateway         optionsGateway  `json:"gateway_response"`
	Merchant        optionsMerchant `json:"merchant_details"`
	Payment         optionsPayment  `json:"payment_details"`
	Transaction     optionsRecord   `json:"transaction_details"`
	Risk            struct {
		Score *int `json:"risk_score"`
	} `json:"risk-details"`
}

type optionsGateway struct {
	Version string `json:"version"`
	Type    string `json:"type"`
	Message string `json:"message"`
	Code    string `json:"code"`
}

type optionsMerchant struct {
	LegalName      string `json:"legal_name"`
	MID            string `json:"mid"`
	MerchantTxnRef string `json:"merchant_txn_ref"`
	Billing        struct {
		Address *optionsAddress `json:"billing_address"`
	} `json:"billing_details"`
	Device struct {
		VisitedIP  string `json:"visited_ip"`
		CustomerIP string `json:"customer_ip"`
	} `json:"device_details"`
}

type optionsPayment struct {
	Amount        int64       `json:"amount"`
	ResponseCode  int         `json:"response_code"`
	AuthCode      *string     `json:"auth_code"`
	Currency      string      `json:"currency"`
	PaymentMethod string      `json:"payment_method"`
	Scheme        string      `json:"scheme"`
	Card          optionsCard `json:"card"`
	Additional    struct {
		Source struct {
			Type string `json:"type"`
		} `json:"payment_data_source"`
	} `json:"additional_data"`
}

type optionsCard struct {
	Name     string          `json:"name"`
	Number   json.RawMessage `json:"number"` // whole: this is what the real one does
	ExpMonth text            `json:"exp_month"`
	ExpYear  text            `json:"exp_year"`
}

type optionsRecord struct {
	ID             string `json:"id"`
	Ref            int    `json:"ref"`
	Timestamp      string `json:"timestamp"`
	MerchantTxnRef string `json:"merchant_txn_ref"`
	StoredID       string `json:"stored_payment_method_id"`
	RedirectURL    string `json:"redirect_url,omitempty"` // of a pending payment; not documented
}

func (q *optionsRequest) answer(p payment, number []byte, status int, r *http.Request) []byte {
	c := q.PaymentMethod.Card
	a := optionsAnswer{
		Success: p.status == approved, StatusCode: status, TransactionType: "CAPTURE",
		Gateway:  optionsGateway{"1", "INFO", "Payment Successful.", "INFO0000"},
		Merchant: optionsMerchant{LegalName: "アイベック株式会社", MID: q.MerchantID, MerchantTxnRef: p.reference},
		Payment: optionsPayment{
			Amount: p.amount, ResponseCode: p.failure.number, Currency: p.currency,
			PaymentMethod: schemeMethod(p.brand), Scheme: strings.ToUpper(p.brand),
			Card: optionsCard{c.Name, quote(number), c.ExpMonth, c.ExpYear},
		},
		Transaction: optionsRecord{
			ID: p.id, Ref: p.number, Timestamp: p.createdAt.Format("2006-01-02T15:04:05.000Z"),
			MerchantTxnRef: p.reference, StoredID: q.PaymentMethod.StoredID,
		},
	}
	a.Merchant.Billing.Address = q.BillingAddress
	a.Merchant.Device.CustomerIP = q.CustomerIP
	a.Merchant.Device.VisitedIP, _, _ = net.SplitHostPort(r.RemoteAddr)
	a.Payment.Additional.Source.Type = "card"
	switch p.status {
	case approved:
		a.Payment.AuthCode = &p.code
	case declined:
		a.Gateway = optionsGateway{"1", "ERROR", p.failure.message, fmt.Sprintf("DECL%04d", p.failure.number)}
	case pending:
		a.Gateway = optionsGateway{"1", "INFO", "Authentication required.", "INFO0001"}
		a.Transaction.RedirectURL = redirectURL(p, r)
	}
	return encode(a)
}

// schemeMethod is the documented ECMC-SSL for MasterCard, and the like for the
// other brands.
func schemeMethod(brand string) string {
	if brand == "MasterCard" {
		return "ECMC-SSL"
	}
	return strings.ReplaceAll(strings.ToUpper(brand), " ", "_") + "-SSL"
}

// optionsError is an answer to a request that makes no sense. The real one is
// not documented.
func optionsError(status int, message string) []byte {
	return encode(struct {
		Success    bool           `json:"success"`
		StatusCode int            `json:"status_code"`
		IsLive     bool           `json:"is_live"`
		Gateway    optionsGateway `json:"gateway_response"`
	}{false, status, false, optionsGateway{"1", "ERROR", message, fmt.Sprintf("ERRO%04d", status)}})
}
