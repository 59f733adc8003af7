package vault

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// PaymentRequest asks for a payment with a stored payment method, or with a
// card that may become one (contract 8). Exactly one of Method, Token and Card
// is given.
type PaymentRequest struct {
	Method string      // a stored payment method's UUID, or the card_ id of the same
	Token  string      // tokn_ id, used by this
	Card   *card.Input // a raw card; aliases the request's buffer
	Store  bool        // keep Token's or Card's number as a payment method, if the payment is approved
	Email  []byte      // of the customer that is made for a kept card

	MerchantID string         // must be the merchant's payment MID, if one is configured
	Fields     map[string]any // what the template may ask for: the request without its payment method
	Echo       any            // comes back in Payment, for its answer
}

// The verdicts of a payment.
const (
	VerdictUnknown  = forward.Unknown
	VerdictApproved = forward.Approved
	VerdictDeclined = forward.Declined
)

// Payment is what became of it.
type Payment struct {
	ID        string // fwrd_ id of the attempt
	Live      bool
	Verdict   forward.Verdict
	Outcome   forward.Outcome
	Status    int    // HTTP status of the processor's answer
	Body      []byte // its scrubbed JSON; nil if there is none that can be shown
	Merchant  string // the merchant's name
	Card      Card   // masked
	Echo      any    // of the request
	Method    string // the stored payment method; "" if the card is not kept
	CreatedAt time.Time
}

// Pay makes a payment at the destination that is configured for the
// PaymentOptions front, at most once.
//
// Errors: Unauthenticated, Forbidden (another MID), BadRequest, InvalidCard,
// NotFound (payment method, token), UsedToken, NotSent, OutcomeUnknown,
// RateLimited, Unavailable, Internal.
func (s *Service) Pay(ctx context.Context, c Caller, in PaymentRequest) (Payment, error) {
	if err := s.authorizeOwn(c, policy.CreatePayment); err != nil {
		return Payment{}, err
	}
	if mid := c.settings.PaymentMID; mid != "" && mid != in.MerchantID {
		return Payment{}, &Error{Code: Forbidden, Message: "merchant_id is not the one of this key"}
	}
	to := s.destinationFor(c, UsePayment)
	if to == nil {
		return Payment{}, errNoProcessor
	}
	ref, err := s.paymentCard(ctx, c, in)
	if err != nil {
		return Payment{}, err
	}
	owner, err := s.newOwner(c, in)
	if err != nil {
		return Payment{}, err
	}
	return use(ctx, s, c, purpose[Payment]{
		to: to, card: ref, fields: in.Fields,
		end: func(ctx context.Context, tx store.Tx, a *attempt) (Payment, error) {
			if a.clean == nil {
				return Payment{}, nil
			}
			return s.endPayment(ctx, tx, a, in, owner)
		},
	})
}

// paymentCard is the card of a payment. A raw one is vaulted first.
func (s *Service) paymentCard(ctx context.Context, c Caller, in PaymentRequest) (cardRef, error) {
	switch {
	case in.Card != nil:
		token, err := s.tokenize(ctx, c, TokenizeRequest{Card: *in.Card, Separators: true})
		return cardRef{Token: token.ID}, err
	case in.Token != "":
		return cardRef{Token: in.Token}, nil
	}
	if _, _, ok := recordOf(cardPrefix, in.Method); ok {
		return cardRef{Card: in.Method}, nil
	}
	return cardRef{Method: in.Method}, nil
}

// newOwner is the customer that will own a card which is to be kept; nil if
// none is.
func (s *Service) newOwner(c Caller, in PaymentRequest) (*store.Customer, error) {
	if !in.Store || in.Method != "" {
		return nil, nil
	}
	profile, err := customerProfile{}.change(CustomerFields{Email: in.Email})
	if err != nil {
		return nil, err
	}
	now := s.now()
	id, err := store.NewID(now, s.random)
	if err != nil {
		return nil, s.fail(err)
	}
	row := &store.Customer{ID: id, Merchant: c.Merchant, Live: c.Live, CreatedAt: now.UnixMicro()}
	return row, s.fail(s.sealCustomer(row, profile))
}

// endPayment reads the processor's answer and keeps the card of an approved
// payment, if that was asked for.
func (s *Service) endPayment(ctx context.Context, tx store.Tx, a *attempt, in PaymentRequest, owner *store.Customer) (Payment, error) {
	outcome := forward.ReadOutcome(a.clean)
	row, err := s.checkedCard(ctx, tx, a.caller, a.card.ID)
	if err != nil {
		return Payment{}, err
	}
	if row == nil || row.DeletedAt != 0 { // deleted meanwhile: it was paid with all the same
		gone := *a.card
		gone.Customer, gone.PaymentMethod = "", ""
		row, owner = &gone, nil
	}
	if owner != nil && outcome.Verdict == forward.Approved && row.Customer == "" {
		fresh := *owner
		if err := s.insertCustomer(ctx, tx, a.caller, &fresh); err != nil {
			return Payment{}, err
		}
		if err := s.attach(ctx, tx, a.caller, &fresh, row); err != nil {
			return Payment{}, err
		}
	}
	view, err := s.openCardView(a.caller, row)
	return Payment{
		ID: publicID(forwardPrefix, a.row.Live, a.row.ID), Live: a.row.Live, Verdict: outcome.Verdict, Outcome: outcome,
		Status: a.row.Status, Body: a.clean.Body, Merchant: a.caller.settings.Name,
		Echo: in.Echo, Card: view, Method: row.PaymentMethod, CreatedAt: timeOf(a.row.CreatedAt),
	}, err
}

// newPaymentMethod draws the reference of a stored card: a version 4 UUID (RFC
// 9562).
func newPaymentMethod(random io.Reader) (string, error) {
	id, err := uuid.NewRandomFromReader(random)
	return id.String(), err
}
