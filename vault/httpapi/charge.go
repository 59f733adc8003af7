package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
)

func (a *API) createCharge(ctx context.Context, c *call) (any, error) {
	in, err := chargeRequest(c.params)
	if err != nil {
		return nil, err
	}
	charge, err := a.svc.CreateCharge(ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	return newChargeBody(charge, c.version), nil
}

func (a *API) listCharges(ctx context.Context, c *call) (any, error) {
	p, err := page(c.params)
	if err != nil {
		return nil, err
	}
	list, err := a.svc.Charges(ctx, c.caller, p)
	if err != nil {
		return nil, err
	}
	return newListBody(list, "/charges", func(ch vault.Charge) chargeBody { return newChargeBody(ch, c.version) }), nil
}

func (a *API) getCharge(ctx context.Context, c *call) (any, error) {
	charge, err := a.svc.Charge(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return newChargeBody(charge, c.version), nil
}

func (a *API) updateCharge(ctx context.Context, c *call) (any, error) {
	description, ok := c.params.Get("description").Scalar()
	if !ok {
		return nil, invalidParameter("description")
	}
	if card.ContainsPAN(description) {
		return nil, errNumberInText
	}
	data, err := metadata(c.params.Get("metadata"))
	if err != nil {
		return nil, err
	}
	charge, err := a.svc.UpdateCharge(ctx, c.caller, c.id, description, data)
	if err != nil {
		return nil, err
	}
	return newChargeBody(charge, c.version), nil
}

func (a *API) captureCharge(ctx context.Context, c *call) (any, error) {
	if amount, ok := c.params.Get("capture_amount").Scalar(); !ok || len(amount) > 0 {
		charge, err := a.svc.Charge(ctx, c.caller, c.id)
		if err != nil {
			return nil, err
		}
		if wholeNumber(amount) != charge.Amount {
			return nil, &vault.Error{Code: vault.BadRequest, Message: "capture_amount must be the whole amount: part of a charge cannot be captured"}
		}
	}
	return chargeChanged(a.svc.CaptureCharge(ctx, c.caller, c.id))(c.version)
}

func (a *API) reverseCharge(ctx context.Context, c *call) (any, error) {
	return chargeChanged(a.svc.ReverseCharge(ctx, c.caller, c.id))(c.version)
}

// chargeChanged answers a capture or a reversal; one that was not done for
// certain is an error.
func chargeChanged(charge vault.Charge, err error) func(version) (any, error) {
	return func(v version) (any, error) {
		if err == nil {
			err = notChanged(charge)
		}
		if err != nil {
			return nil, err
		}
		return newChargeBody(charge, v), nil
	}
}

// notChanged is why a capture or reversal is no success; nil if it is one.
func notChanged(c vault.Charge) error {
	switch {
	case c.Refused:
		return &vault.Error{Code: vault.FailedCapture, Message: "the processor refused"}
	case c.Unclear:
		return &vault.Error{Code: vault.OutcomeUnknown, Object: "charge", ID: c.ID, Message: "the processor's answer does not say whether it was done"}
	}
	return nil
}

// chargeRequest reads what is to be charged. Its slices alias the request's
// buffer.
func chargeRequest(params value) (vault.ChargeRequest, error) {
	var in vault.ChargeRequest
	var amount, currency, named, customer []byte
	for _, p := range [...]struct {
		name string
		dst  *[]byte
	}{
		{"amount", &amount}, {"currency", &currency}, {"card", &named}, {"customer", &customer},
		{"description", &in.Description}, {"return_uri", &in.ReturnURI}, {"ip", &in.IP},
	} {
		b, ok := params.Get(p.name).Scalar()
		if !ok {
			return in, invalidParameter(p.name)
		}
		if card.ContainsPAN(b) { // before it becomes a string of the heap
			return in, errNumberInText
		}
		*p.dst = b
	}
	in.Amount, in.Currency, in.Customer = wholeNumber(amount), string(currency), string(customer)
	if in.Card = string(named); in.Customer == "" {
		in.Card, in.Token = "", string(named)
	}
	if in.Token == "" && in.Customer == "" {
		return in, &vault.Error{Code: vault.MissingCard}
	}
	// A customer with a token as card is what both would say alone.
	if in.Customer != "" && strings.HasPrefix(in.Card, "tokn_") {
		in.Token, in.Card, in.Customer = in.Card, "", ""
	}
	var err error
	if in.Capture, err = flag(params, "capture", true); err != nil {
		return in, err
	}
	in.Metadata, err = metadata(params.Get("metadata"))
	return in, err
}

// wholeNumber reads an amount, vault.NoAmount for what is no whole number. One
// that is too large stays so.
func wholeNumber(text []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if err != nil && !(errors.Is(err, strconv.ErrRange) && n > 0) {
		return vault.NoAmount
	}
	return n
}

// chargeBody is contract 7.10.
type chargeBody struct {
	Object         string             `json:"object"`
	ID             string             `json:"id"`
	Livemode       bool               `json:"livemode"`
	Location       string             `json:"location"`
	Amount         int64              `json:"amount"`
	Currency       string             `json:"currency"`
	Description    *string            `json:"description"`
	Metadata       json.RawMessage    `json:"metadata"`
	Status         string             `json:"status"`
	Capture        bool               `json:"capture"`
	Authorized     bool               `json:"authorized"`
	Reversed       bool               `json:"reversed"`
	Paid           bool               `json:"paid"`
	Transaction    *string            `json:"transaction"`
	RefundedAmount int64              `json:"refunded_amount"`
	Refunds        listBody[struct{}] `json:"refunds"`
	ReturnURI      *string            `json:"return_uri"`
	AuthorizeURI   *string            `json:"authorize_uri"`
	FailureCode    *string            `json:"failure_code"`
	FailureMessage *string            `json:"failure_message"`
	Card           cardBody           `json:"card"`
	Customer       *string            `json:"customer"`
	IP             *string            `json:"ip"`
	Dispute        *string            `json:"dispute"`
	Source         *string            `json:"source"`
	CreatedAt      string             `json:"created_at"`
	PaidAt         *string            `json:"paid_at"`
	ReversedAt     *string            `json:"reversed_at"`
	ExpiresAt      *string            `json:"expires_at"`
	Created        string             `json:"created,omitempty"` // versions before 2019-05-29
}

// authorizationLife is how long a charge that was not captured is said to hold.
const authorizationLife = 7 * 24 * time.Hour

func newChargeBody(c vault.Charge, v version) chargeBody {
	location := "/charges/" + c.ID
	none := vault.List[struct{}]{Page: vault.Page{Limit: 20, From: time.Unix(0, 0), To: c.CreatedAt}}
	out := chargeBody{
		Object: "charge", ID: c.ID, Livemode: c.Live, Location: location, Amount: c.Amount, Currency: c.Currency,
		Description: optional(c.Description), Metadata: c.Metadata, Status: chargeStatus(c.State), Capture: c.Capture,
		Authorized: c.State == vault.ChargeAuthorized || c.State == vault.ChargeSuccessful || c.State == vault.ChargeReversed,
		Reversed:   c.State == vault.ChargeReversed, Paid: c.State == vault.ChargeSuccessful,
		Refunds:   newListBody(none, location+"/refunds", func(struct{}) struct{} { return struct{}{} }),
		ReturnURI: optional(c.ReturnURI), FailureCode: optional(c.FailureCode), FailureMessage: optional(c.FailureMessage),
		Card: newCardBody(c.Card, v), Customer: optional(c.Customer), IP: optional(c.IP),
		CreatedAt: timestamp(c.CreatedAt), PaidAt: optionalTime(c.PaidAt), ReversedAt: optionalTime(c.ReversedAt),
		ExpiresAt: optionalTime(c.CreatedAt.Add(authorizationLife)),
	}
	if v.created() {
		out.Created = out.CreatedAt
	}
	return out
}

// chargeStatus is the wire's word: what is authorized is pending until it is
// captured.
func chargeStatus(s vault.ChargeState) string {
	if s == vault.ChargeAuthorized {
		return string(vault.ChargePending)
	}
	return string(s)
}
