package vault

import (
	"context"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// ChargeRequest asks for a payment (contract 7.10).
type ChargeRequest struct {
	Amount      int64  // in the currency's smallest unit; NoAmount for what is no number
	Currency    string // three letters, of either case
	Token       string // tokn_ id, used by this; or
	Customer    string // cust_ id, with
	Card        string // card_ id of his; "" for his default card
	Capture     bool   // take the money at once
	Description []byte
	Metadata    []byte // a JSON object
	ReturnURI   []byte
	IP          []byte // of the cardholder
}

// ChargeState is what became of a charge.
type ChargeState = store.ChargeState

// The states of a charge.
const (
	ChargePending    = store.ChargePending    // not decided, or not known
	ChargeAuthorized = store.ChargeAuthorized // approved and not captured
	ChargeSuccessful = store.ChargeSuccessful // captured
	ChargeFailed     = store.ChargeFailed
	ChargeReversed   = store.ChargeReversed
)

// Charge is a payment as its merchant sees it.
type Charge struct {
	ID             string // chrg_[test_] + record id
	Live           bool
	Amount         int64
	Currency       string // as it was sent
	Capture        bool
	State          ChargeState
	FailureCode    string // of the processor; "" if it did not fail
	FailureMessage string
	Description    string
	Metadata       []byte // a JSON object
	ReturnURI      string
	IP             string
	Card           Card   // masked; only id, brand and last digits once it is destroyed
	Customer       string // cust_ id; "" for a token's card
	CreatedAt      time.Time
	PaidAt         time.Time
	ReversedAt     time.Time

	// Refused: the processor did not capture or reverse it. It is as before.
	Refused bool
	// Unclear: the processor's answer does not say whether it did. It is as
	// before here.
	Unclear bool
}

// CreateCharge charges a card at the destination that is configured for it, at
// most once. A token is used by it, declined or not; only when nothing was sent
// it can be used again. A charge whose fate is not known stays pending.
//
// Errors: Unauthenticated, InvalidCharge, BadRequest, NotFound (token,
// customer, card), UsedToken, NotSent, OutcomeUnknown, Unavailable, Internal.
func (s *Service) CreateCharge(ctx context.Context, c Caller, in ChargeRequest) (Charge, error) {
	if err := s.authorizeOwn(c, policy.ManageCharge); err != nil {
		return Charge{}, err
	}
	profile, err := chargeProfile{}.change(in.Description, in.Metadata)
	if err == nil {
		err = profile.origin(in)
	}
	if err == nil {
		err = checkAmount(in.Amount, in.Currency)
	}
	if err != nil {
		return Charge{}, err
	}
	ref := cardRef{Token: in.Token, Customer: in.Customer, Card: in.Card}
	if (in.Token != "") == (in.Customer != "") {
		return Charge{}, &Error{Code: BadRequest, Message: "give a token as card, or a customer and a card of his"}
	}
	to := s.destinationFor(c, UseCharge)
	if to == nil {
		return Charge{}, errNoProcessor
	}
	id, err := store.NewID(s.now(), s.random)
	if err != nil {
		return Charge{}, s.fail(err)
	}
	row := store.Charge{
		ID: id, Merchant: c.Merchant, Live: c.Live, Amount: in.Amount, Currency: in.Currency, Capture: in.Capture,
		State: store.ChargePending, CreatedAt: s.now().UnixMicro(),
	}
	if err := s.sealCharge(&row, profile); err != nil {
		return Charge{}, s.fail(err)
	}
	return use(ctx, s, c, purpose[Charge]{
		to: to, card: ref, charge: id, reference: publicID(chargePrefix, c.Live, id), fields: chargeFields(in, profile), pending: true,
		begin: func(ctx context.Context, tx store.Tx, a *attempt) error {
			fresh := row
			fresh.Card, fresh.Customer, fresh.Attempt = a.card.ID, a.card.Customer, a.row.ID
			fresh.Brand, fresh.LastDigits = a.card.Brand, a.card.LastDigits
			return s.insertCharge(ctx, tx, c, &fresh)
		},
		end: func(ctx context.Context, tx store.Tx, a *attempt) (Charge, error) {
			return s.endCharge(ctx, tx, a, s.chargeOutcome)
		},
	})
}

// errNoProcessor is a use that no destination is configured for.
var errNoProcessor = &Error{Code: BadRequest, Message: "no processor is configured for this; the vault's operator can configure one"}

// chargeFields is what templates of charges may ask for.
func chargeFields(in ChargeRequest, profile chargeProfile) map[string]any {
	return map[string]any{
		"amount": number(in.Amount), "currency": in.Currency, "capture": in.Capture,
		"description": profile.Description, "customer": in.Customer, "return_uri": profile.ReturnURI, "ip": profile.IP,
		"metadata": decoded(profile.Metadata),
	}
}

// chargeOutcome applies the processor's answer to a new charge.
func (s *Service) chargeOutcome(row *store.Charge, profile *chargeProfile, a *attempt) {
	now := a.row.EndedAt
	if a.row.State == store.ForwardNotSent {
		row.State, row.FailureCode, profile.Message = store.ChargeFailed, failedProcessing, "the request was not sent"
		return
	}
	if a.clean == nil {
		return
	}
	outcome := forward.ReadOutcome(a.clean)
	row.Reference = outcome.Reference
	switch outcome.Verdict {
	case forward.Approved:
		row.State = store.ChargeAuthorized
		if row.Capture {
			row.State, row.PaidAt = store.ChargeSuccessful, now
		}
	case forward.Declined:
		row.State, row.FailureCode, profile.Message = store.ChargeFailed, outcome.Code, outcome.Message
		if row.FailureCode == "" {
			row.FailureCode = failedProcessing
		}
	case forward.Unknown:
	}
}

// failedProcessing is the failure code of what has no better one.
const failedProcessing = "failed_processing"

// endCharge writes what an attempt did to its charge.
func (s *Service) endCharge(ctx context.Context, tx store.Tx, a *attempt, apply func(*store.Charge, *chargeProfile, *attempt)) (Charge, error) {
	row, profile, err := s.ownCharge(ctx, tx, a.caller, publicID(chargePrefix, a.row.Live, a.row.Charge))
	if err != nil {
		return Charge{}, err
	}
	was := row.Tag
	apply(row, &profile, a)
	if row.Attempt == a.row.ID {
		row.Attempt = ""
	}
	if err := s.sealCharge(row, profile); err != nil {
		return Charge{}, err
	}
	if err := s.replaceCharge(ctx, tx, row, was); err != nil {
		return Charge{}, err
	}
	if err := s.markToken(ctx, tx, a.caller, row, a.row.State); err != nil {
		return Charge{}, err
	}
	return s.chargeView(ctx, tx, a.caller, row, profile)
}

// markToken lets the charge status of a token follow its charge.
func (s *Service) markToken(ctx context.Context, tx store.Tx, c Caller, charge *store.Charge, state store.ForwardState) error {
	if charge.Customer != "" || state == store.ForwardNotSent {
		return nil
	}
	row, err := s.checkedCard(ctx, tx, c, charge.Card)
	if err != nil || row == nil || row.DeletedAt != 0 {
		return err
	}
	was := row.Tag
	switch charge.State {
	case store.ChargePending, store.ChargeAuthorized:
		row.ChargeStatus = "pending"
	default:
		row.ChargeStatus = string(charge.State)
	}
	return s.replaceCard(ctx, tx, row, was)
}

// Charge returns a charge of the caller's. Errors: Unauthenticated, NotFound,
// Unavailable, Internal.
func (s *Service) Charge(ctx context.Context, c Caller, id string) (Charge, error) {
	if err := s.authorizeOwn(c, policy.ManageCharge); err != nil {
		return Charge{}, err
	}
	var view Charge
	err := s.store.View(ctx, func(r store.Reader) error {
		row, profile, err := s.ownCharge(ctx, r, c, id)
		if err != nil {
			return err
		}
		view, err = s.chargeView(ctx, r, c, row, profile)
		return err
	})
	if err != nil {
		return Charge{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// Charges lists the caller's charges. Errors as for Charge.
func (s *Service) Charges(ctx context.Context, c Caller, p Page) (List[Charge], error) {
	if err := s.authorizeOwn(c, policy.ManageCharge); err != nil {
		return List[Charge]{}, err
	}
	list := List[Charge]{Page: p.filled(s.now())}
	err := s.store.View(ctx, func(r store.Reader) error {
		rows, err := r.Charges(ctx, c.Merchant, c.Live, list.Page.stored())
		if err != nil {
			return err
		}
		if list.Total, err = r.CountCharges(ctx, c.Merchant, c.Live, list.Page.stored()); err != nil {
			return err
		}
		for i := range rows {
			profile, err := s.openCharge(c, &rows[i])
			if err != nil {
				return err
			}
			view, err := s.chargeView(ctx, r, c, &rows[i], profile)
			if err != nil {
				return err
			}
			list.Rows = append(list.Rows, view)
		}
		return nil
	})
	if err != nil {
		return List[Charge]{}, s.settle(ctx, c, err)
	}
	return list, nil
}

// UpdateCharge changes description and metadata; nil means unchanged. Errors
// as for Charge, and BadRequest.
func (s *Service) UpdateCharge(ctx context.Context, c Caller, id string, description, metadata []byte) (Charge, error) {
	if err := s.authorizeOwn(c, policy.ManageCharge); err != nil {
		return Charge{}, err
	}
	return change(ctx, s, c, func(tx store.Tx) (view Charge, err error) {
		row, profile, err := s.ownCharge(ctx, tx, c, id)
		if err != nil {
			return view, err
		}
		was := row.Tag
		if profile, err = profile.change(description, metadata); err != nil {
			return view, err
		}
		if err := s.sealCharge(row, profile); err != nil {
			return view, err
		}
		if err := s.replaceCharge(ctx, tx, row, was); err != nil {
			return view, err
		}
		if view, err = s.chargeView(ctx, tx, c, row, profile); err != nil {
			return view, err
		}
		return view, s.append(ctx, tx, c.event(audit.ChargeUpdate, audit.OK, id))
	})
}

func (s *Service) chargeView(ctx context.Context, r store.Reader, c Caller, row *store.Charge, profile chargeProfile) (Charge, error) {
	view := Charge{
		ID: publicID(chargePrefix, row.Live, row.ID), Live: row.Live, Amount: row.Amount, Currency: row.Currency, Capture: row.Capture,
		State: row.State, FailureCode: row.FailureCode, FailureMessage: profile.Message,
		Description: profile.Description, Metadata: profile.Metadata, ReturnURI: profile.ReturnURI, IP: profile.IP,
		CreatedAt: timeOf(row.CreatedAt), PaidAt: timeOf(row.PaidAt), ReversedAt: timeOf(row.ReversedAt),
	}
	if row.Customer != "" {
		view.Customer = publicID(customerPrefix, row.Live, row.Customer)
	}
	used, err := s.checkedCard(ctx, r, c, row.Card)
	if err != nil {
		return view, err
	}
	if used != nil && used.DeletedAt == 0 {
		view.Card, err = s.openCardView(c, used)
		return view, err
	}
	view.Card = Card{
		ID: publicID(cardPrefix, row.Live, row.Card), Live: row.Live, Deleted: true, Brand: row.Brand, LastDigits: row.LastDigits,
		Expiry: card.Expiry{Month: 1, Year: 1970}, CreatedAt: view.CreatedAt, Customer: view.Customer,
	}
	return view, nil
}
