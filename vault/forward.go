package vault

import (
	"context"
	"net/http"
	"time"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// ForwardRequest asks for a stored card to be put into a request to a
// processor.
type ForwardRequest struct {
	Destination string
	Card        string         // card_ id of a customer's card, or
	Token       string         // tokn_ id, used by this
	Fields      map[string]any // the merchant's own: JSON decoded with UseNumber; no card data
}

// ForwardState is how far an attempt has come.
type ForwardState = store.ForwardState

// The states of a forward. Nothing was written to the processor in the first
// and the last but one.
const (
	ForwardPrepared = store.ForwardPrepared
	ForwardSending  = store.ForwardSending
	ForwardAnswered = store.ForwardAnswered
	ForwardNotSent  = store.ForwardNotSent
	ForwardUnknown  = store.ForwardUnknown
)

// Forward is one attempt to use a card at a destination, as its merchant sees
// it: a line of the ledger and, where it is the answer to Forward, what the
// processor said.
type Forward struct {
	ID          string // fwrd_[test_] + record id
	Merchant    string
	Live        bool
	Use         Use
	Destination string
	Card        string // card_ id; "" for a request without a card
	Customer    string // cust_ id of the card's owner, in the answer to Forward; "" for none
	Token       bool   // the card was named by its token
	Charge      string // chrg_ id; "" for none
	State       ForwardState
	Reason      string // why it is not_sent or unknown, or why the answer is withheld
	Status      int    // of the answer; 0 without one
	Masked      int64  // places of the answer in which card data was masked
	CreatedAt   time.Time
	SentAt      time.Time
	EndedAt     time.Time
	VaultTime   time.Duration // the vault's own part, until the request could be sent
	AnswerTime  time.Duration // the processor's part, with the connection to it

	Tampered bool // the row was edited, and only ID is told

	Header      http.Header // the allowed ones, scrubbed
	ContentType string
	Body        []byte // scrubbed; nil if there is none or it was withheld
}

// Forward puts a card's number into a request to a configured destination,
// sends it at most once, and returns the answer without any trace of the
// number. The ledger's row is committed before the first byte goes out, and the
// record that the card is opened before that.
//
// A token is used by it. If the forward failed (not sent, unknown, or answered
// with a status of 400 and above) the token can be forwarded again for
// Options.CodeRetry.
//
// Errors: Unauthenticated, NotFound (destination, card, token), UsedToken,
// BadRequest (the template lacks a field), NotSent (nothing was written),
// OutcomeUnknown (it may have been carried out), Unavailable, Internal.
func (s *Service) Forward(ctx context.Context, c Caller, in ForwardRequest) (Forward, error) {
	if err := s.authorizeOwn(c, policy.ForwardCard); err != nil {
		return Forward{}, err
	}
	to, err := s.destinationNamed(c, in.Destination)
	if err != nil {
		return Forward{}, err
	}
	if (in.Card == "") == (in.Token == "") {
		return Forward{}, badRequest("give a card or a token")
	}
	return use(ctx, s, c, purpose[Forward]{
		to: to, card: cardRef{Card: in.Card, Token: in.Token}, fields: in.Fields,
		end: func(_ context.Context, _ store.Tx, a *attempt) (Forward, error) { return a.view(), nil },
	})
}

// PreviewForward renders what Forward would send, with a published test card,
// and returns the body masked. Nothing is opened, sent or recorded. Errors:
// Unauthenticated, NotFound (destination), BadRequest.
func (s *Service) PreviewForward(_ context.Context, c Caller, destination string, fields map[string]any) ([]byte, error) {
	if err := s.authorizeOwn(c, policy.ForwardCard); err != nil {
		return nil, err
	}
	to, err := s.destinationNamed(c, destination)
	if err != nil {
		return nil, err
	}
	values := forward.Values{
		Expiry: card.Expiry{Month: 12, Year: s.now().Year() + 4}, Fields: fields,
		Holder:    card.Holder{Name: "JOHN DOE", City: "Bangkok", Country: "th", PostalCode: "10320"},
		Reference: publicID(forwardPrefix, c.Live, store.IDAt(time.Time{})),
	}
	if values.Number, err = card.NewPAN([]byte(testNumber)); err != nil {
		return nil, internal(err)
	}
	if values.Code, err = card.NewSecurityCode([]byte("123")); err != nil {
		return nil, internal(err)
	}
	request, err := to.Endpoint.Render(values, s.random)
	if err != nil {
		return nil, s.fail(unrenderable(err))
	}
	defer request.Wipe()
	return request.Masked(), nil
}

// ForwardRecord returns a line of the ledger of the caller's merchant and mode,
// without what the processor said. Errors: Unauthenticated, NotFound,
// Unavailable, Internal.
func (s *Service) ForwardRecord(ctx context.Context, c Caller, id string) (Forward, error) {
	own := policy.Resource{Merchant: c.Merchant, Live: c.Live}
	if err := s.authorize(c, policy.ForwardCard, own); err != nil {
		return Forward{}, err
	}
	return s.forwardRecord(ctx, c, id, func(row *store.Forward) bool { return row.Merchant == c.Merchant && row.Live == c.Live })
}

// LedgerLine is ForwardRecord for operators: of any merchant. Errors as for
// ForwardRecord.
func (s *Service) LedgerLine(ctx context.Context, c Caller, id string) (Forward, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return Forward{}, err
	}
	return s.forwardRecord(ctx, c, id, func(*store.Forward) bool { return true })
}

func (s *Service) forwardRecord(ctx context.Context, c Caller, id string, visible func(*store.Forward) bool) (Forward, error) {
	record, _, ok := recordOf(forwardPrefix, id)
	if !ok {
		return Forward{}, notFound("forward", id)
	}
	var view Forward
	err := s.store.View(ctx, func(r store.Reader) error {
		row, err := s.checkedForward(ctx, r, record)
		if err != nil {
			return err
		}
		if row == nil || !visible(row) || publicID(forwardPrefix, row.Live, row.ID) != id {
			return notFound("forward", id)
		}
		view = forwardView(row)
		return nil
	})
	if err != nil {
		return Forward{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// Forwards lists the newest lines of the ledger, of every merchant: those of a
// state, or all for "". A row that was edited is listed as such, and recorded.
// Errors: Unauthenticated, BadRequest, Unavailable,
// Internal.
func (s *Service) Forwards(ctx context.Context, c Caller, state ForwardState, limit int) ([]Forward, error) {
	if err := s.authorize(c, policy.ReadOperations, policy.Resource{}); err != nil {
		return nil, err
	}
	switch state {
	case "", ForwardPrepared, ForwardSending, ForwardAnswered, ForwardNotSent, ForwardUnknown:
	default:
		return nil, badRequest("state must be prepared, sending, answered, not_sent or unknown")
	}
	if limit < 1 || limit > 1000 {
		return nil, badRequest("limit must be 1 to 1000")
	}
	var out []Forward
	err := s.store.View(ctx, func(r store.Reader) error {
		rows, err := r.Forwards(ctx, state, limit)
		out = make([]Forward, len(rows))
		for i := range rows {
			if out[i] = forwardView(&rows[i]); s.proveForward(&rows[i], rows[i].ID) != nil {
				out[i] = Forward{ID: plainID(out[i].ID), Tampered: true} // nothing else of it is believed
			}
		}
		return err
	})
	if err != nil {
		return nil, s.settle(ctx, c, err)
	}
	for _, f := range out {
		if !f.Tampered {
			continue
		}
		if err := s.recordTampering(ctx, c, f.ID, "forward"); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// view is what the merchant is answered.
func (a *attempt) view() Forward {
	v := forwardView(&a.row)
	if a.card != nil && a.card.Customer != "" {
		v.Customer = publicID(customerPrefix, a.card.Live, a.card.Customer)
	}
	if a.clean != nil {
		v.Header, v.ContentType, v.Body = a.clean.Header, a.clean.ContentType, a.clean.Body
	}
	return v
}

func forwardView(f *store.Forward) Forward {
	v := Forward{
		ID: publicID(forwardPrefix, f.Live, f.ID), Merchant: f.Merchant, Live: f.Live, Use: Use(f.Use), Destination: f.Destination, Token: f.Token,
		State: f.State, Reason: f.Reason, Status: f.Status, Masked: f.Masked,
		CreatedAt: timeOf(f.CreatedAt), SentAt: timeOf(f.SentAt), EndedAt: timeOf(f.EndedAt),
		VaultTime: time.Duration(f.VaultTime) * time.Microsecond, AnswerTime: time.Duration(f.AnswerTime) * time.Microsecond,
	}
	if f.Card != "" {
		v.Card = publicID(cardPrefix, f.Live, f.Card)
	}
	if f.Charge != "" {
		v.Charge = publicID(chargePrefix, f.Live, f.Charge)
	}
	return v
}

// checkedForward reads a row and proves it; nil if there is none.
func (s *Service) checkedForward(ctx context.Context, r store.Reader, record string) (*store.Forward, error) {
	row, err := r.Forward(ctx, record)
	return provenOrAbsent(&row, err, func() error { return s.proveForward(&row, record) })
}
