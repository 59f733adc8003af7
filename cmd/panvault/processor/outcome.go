package processor

import (
	"bytes"
	"errors"
	"net/http"
)

// failure is why a payment is declined; the zero value is none.
type failure struct {
	code    string
	message string
	number  int // the response code of ISO 8583, at the PaymentOptions front
}

// The failures that a test card can have.
var (
	insufficientFund = failure{"insufficient_fund", "insufficient funds in the account or the card has reached the credit limit", 51}
	stolenOrLostCard = failure{"stolen_or_lost_card", "card is stolen or lost", 43}
	failedProcessing = failure{"failed_processing", "payment processing failed", 96}
	paymentRejected  = failure{"payment_rejected", "payment was rejected by the issuer or the acquirer", 5}
)

// families are the ends of the numbers that are declined, whatever the brand.
// The test numbers of UnionPay end in other digits and one of them in those of
// another family, so they come first, in full.
var families = [...]struct {
	number  string // whole, or its end
	failure failure
}{
	{"6250947000000014", insufficientFund},
	{"6250947000000022", stolenOrLostCard},
	{"6250947000000030", failedProcessing},
	{"6250947000000048", paymentRejected},
	{"0011", insufficientFund},
	{"0012", stolenOrLostCard},
	{"0013", failedProcessing},
	{"0014", paymentRejected},
}

// authenticated is the number whose holder must confirm a payment (3-D Secure).
const authenticated = "4000000000003063"

// outcome is what a card's number decides. A number that is not listed is
// approved.
func outcome(number []byte) (status, failure) {
	if bytes.Equal(number, []byte(authenticated)) {
		return pending, failure{}
	}
	for _, f := range families {
		if bytes.HasSuffix(number, []byte(f.number)) {
			return declined, f.failure
		}
	}
	return approved, failure{}
}

// step changes a payment, and counts it.
type step func(*payment, *Statistics) error

// What cannot be done with a payment, worded for the answer.
var (
	errNotApproved = errors.New("the payment is not approved")
	errCaptured    = errors.New("the payment is captured already")
	errReversed    = errors.New("the payment is reversed already")
	errNotPending  = errors.New("the payment is not pending")
)

func capture(p *payment, s *Statistics) error {
	switch {
	case p.status != approved:
		return errNotApproved
	case p.reversed:
		return errReversed
	case p.captured:
		return errCaptured
	}
	p.captured = true
	s.Captured++
	return nil
}

func reverse(p *payment, s *Statistics) error {
	switch {
	case p.status != approved:
		return errNotApproved
	case p.reversed:
		return errReversed
	}
	p.reversed = true
	s.Reversed++
	return nil
}

// authenticate is the cardholder confirming a payment.
func authenticate(p *payment, s *Statistics) error {
	if p.status != pending {
		return errNotPending
	}
	p.status = approved
	if p.capture {
		p.captured = true
		s.Captured++
	}
	return nil
}

// change answers with a payment after a step, if any.
func (p *Processor) change(step step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		pay, ok, err := p.ledger.change(r.PathValue("id"), step)
		switch {
		case !ok:
			writeError(w, http.StatusNotFound, "not_found", "no such payment, or it is too old to be remembered")
		case err != nil:
			writeError(w, http.StatusConflict, "conflict", err.Error())
		default:
			writeJSON(w, http.StatusOK, encode(answerTo(pay, r)))
		}
	}
}
