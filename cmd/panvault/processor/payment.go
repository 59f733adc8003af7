package processor

import (
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/panvault/panvault/vault/card"
)

const (
	maxAmount    = 999_999_999_999
	maxReference = 255 // bytes
	maxName      = 255 // bytes
)

// paymentRequest is the body of POST /payments.
type paymentRequest struct {
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Capture   *bool  `json:"capture"`
	Card      struct {
		Number          string `json:"number"`
		ExpirationMonth int    `json:"expiration_month"`
		ExpirationYear  int    `json:"expiration_year"`
		Name            string `json:"name"`
		SecurityCode    string `json:"security_code"`
	} `json:"card"`
}

// order is a checked request, of either front.
type order struct {
	reference string
	amount    int64
	currency  string
	capture   bool
	pan       card.PAN
}

// What a request can have wrong. No sentence quotes it.
var (
	errReference    = errors.New("reference must have 1 to 255 bytes")
	errAmount       = errors.New("amount must be a whole number from 1 to 999999999999")
	errCurrency     = errors.New("currency must be three letters")
	errNumber       = errors.New("number must be 12 to 19 digits that pass the Luhn check")
	errExpiry       = errors.New("the month must be 1 to 12 and the year one of 2000 to 2099")
	errName         = errors.New("name must have 1 to 255 bytes")
	errSecurityCode = errors.New("the security code must be 3 or 4 digits")
)

var (
	currencyPattern = regexp.MustCompile(`^[A-Za-z]{3}$`)
	codePattern     = regexp.MustCompile(`^([0-9]{3,4})?$`)
)

// newOrder checks what both fronts have. Expiry is not compared with the clock:
// the vault has done that, and test cards are often old.
func newOrder(reference string, amount int64, currency string, capture bool, number string, month, year int, name, code string) (order, error) {
	switch {
	case reference == "" || len(reference) > maxReference:
		return order{}, errReference
	case amount < 1 || amount > maxAmount:
		return order{}, errAmount
	case !currencyPattern.MatchString(currency):
		return order{}, errCurrency
	case month < 1 || month > 12 || year < 2000 || year > 2099:
		return order{}, errExpiry
	case name == "" || len(name) > maxName:
		return order{}, errName
	case !codePattern.MatchString(code):
		return order{}, errSecurityCode
	}
	pan, err := card.NewPAN([]byte(number))
	if err != nil {
		return order{}, errNumber
	}
	return order{reference, amount, currency, capture, pan}, nil
}

func (q *paymentRequest) order() (order, error) {
	capture := q.Capture == nil || *q.Capture
	return newOrder(q.Reference, q.Amount, q.Currency, capture,
		q.Card.Number, q.Card.ExpirationMonth, q.Card.ExpirationYear, q.Card.Name, q.Card.SecurityCode)
}

// pay serves POST /payments.
func (p *Processor) pay(w http.ResponseWriter, r *http.Request) {
	var q paymentRequest
	err := readJSON(r, &q, true)
	var o order
	if err == nil {
		o, err = q.order()
	}
	if err != nil {
		p.refuse(w, errorBody("bad_request", err.Error()))
		return
	}
	p.process(w, r, o, front{http.StatusOK, false, func(pay payment, _ []byte, _ int) []byte {
		return encode(answerTo(pay, r))
	}})
}

// refuse answers a request that makes no sense.
func (p *Processor) refuse(w http.ResponseWriter, body []byte) {
	p.ledger.tally(func(s *Statistics) { s.Malformed++ })
	p.log.Warn("a request makes no sense")
	writeJSON(w, http.StatusBadRequest, body)
}

// front is how a payment is answered if its amount has nothing to say.
type front struct {
	status int  // of HTTP
	uuid   bool // ids are UUIDs
	body   func(pay payment, number []byte, status int) []byte
}

// process decides about a payment, writes it down and only then answers, as the
// amount says: a payment whose answer is lost has happened all the same.
func (p *Processor) process(w http.ResponseWriter, r *http.Request, o order, front front) {
	d, err := p.draw()
	if err != nil {
		o.pan.Wipe()
		p.log.Error("no payment", "error", err)
		writeError(w, http.StatusInternalServerError, "failed", "the processor has no random numbers")
		return
	}
	var number []byte
	o.pan.Use(func(digits []byte) { number = append(number, digits...) })
	brand, last4 := string(o.pan.Brand()), o.pan.Last4()
	o.pan.Wipe()
	defer clear(number)

	b := behaviourFor(o.amount, d.chance)
	pay := payment{
		id: d.id, reference: o.reference, amount: o.amount, currency: o.currency, capture: o.capture,
		brand: brand, last4: last4, createdAt: p.clock().UTC(),
	}
	if front.uuid {
		pay.id = d.uuid
	}
	pay.status, pay.failure = outcome(number)
	if b.decline != (failure{}) && pay.status != declined {
		pay.status, pay.failure = declined, b.decline
	}
	if pay.status != declined {
		pay.code = d.code // of a pending one it is shown once it is approved
	}
	pay.captured = o.capture && pay.status == approved
	pay = p.ledger.add(pay)
	p.logPayment(pay, b)
	if b.Drops {
		p.ledger.tally(func(s *Statistics) { s.Dropped++ })
	}
	x := &exchange{w: w, r: r, status: front.status, number: number, chance: d.chance}
	if b.status != 0 {
		x.status = b.status
	}
	x.body = front.body(pay, number, x.status)
	defer clear(x.body)
	b.answer(x)
}

// answer is a payment on the wire.
type answer struct {
	ID                string     `json:"id"`
	Reference         string     `json:"reference"`
	Status            status     `json:"status"`
	Amount            int64      `json:"amount"`
	Currency          string     `json:"currency"`
	Captured          bool       `json:"captured"`
	Reversed          bool       `json:"reversed"`
	AuthorizationCode *string    `json:"authorization_code"`
	FailureCode       *string    `json:"failure_code"`
	FailureMessage    *string    `json:"failure_message"`
	RedirectURL       string     `json:"redirect_url,omitempty"`
	Card              answerCard `json:"card"`
	Duplicate         bool       `json:"duplicate_reference"`
	CreatedAt         string     `json:"created_at"`
}

type answerCard struct {
	Brand      string `json:"brand"`
	LastDigits string `json:"last_digits"`
}

func answerTo(p payment, r *http.Request) answer {
	a := answer{
		ID: p.id, Reference: p.reference, Status: p.status, Amount: p.amount, Currency: p.currency,
		Captured: p.captured, Reversed: p.reversed, Card: answerCard{p.brand, p.last4},
		Duplicate: p.duplicate, CreatedAt: p.createdAt.Format(time.RFC3339),
	}
	switch p.status {
	case approved:
		a.AuthorizationCode = &p.code
	case declined:
		a.FailureCode, a.FailureMessage = &p.failure.code, &p.failure.message
	case pending:
		a.RedirectURL = redirectURL(p, r)
	}
	return a
}

// redirectURL is where the cardholder confirms a payment.
func redirectURL(p payment, r *http.Request) string {
	return "http://" + r.Host + "/payments/" + p.id + "/authenticate"
}
