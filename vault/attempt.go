package vault

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// purpose is what one use of a card is for: the operations differ in these
// parts only.
type purpose[T any] struct {
	to     *Destination
	card   cardRef        // zero for a request without a card
	fields map[string]any // what the templates may ask for
	// reference is what the processor knows the attempt by; "" for the public id
	// of the attempt.
	reference string
	charge    string // record id; "" for none
	pending   bool   // an unknown fate is an answer like others: the charge is pending

	// begin writes the caller's own rows in the transaction that prepares the
	// attempt; may be nil.
	begin func(ctx context.Context, tx store.Tx, a *attempt) error
	// end writes them in the transaction that ends it, and returns what is
	// answered. What is known is in a.row.State; a.clean is nil unless the
	// processor answered, and has no body if it had to be withheld.
	end func(ctx context.Context, tx store.Tx, a *attempt) (T, error)
}

// attempt is one request to a processor, from its first row in the ledger to
// its last.
type attempt struct {
	s         *Service
	caller    Caller
	to        *Destination
	fields    map[string]any
	reference string
	row       store.Forward // as committed last
	card      *store.Card   // as prepared; nil without one
	holder    card.Holder
	event     string        // id of the audit record that lets the number be opened
	wait      time.Duration // of the processor, for our own store
	clean     *forward.Clean
}

// leaseSlack is how long an attempt may take beyond its destination's timeout
// before it counts as abandoned.
const leaseSlack = time.Minute

// use carries a purpose out: it prepares, opens, sends at most once, and ends.
// Whatever happens, the ledger says what is known: nothing was written
// (not_sent), an answer came (answered), or neither is certain (unknown).
//
// Once prepared, it goes on without its client: a request in flight is not
// broken off because somebody hung up.
func use[T any](ctx context.Context, s *Service, c Caller, p purpose[T]) (T, error) {
	var none T
	a := &attempt{s: s, caller: c, to: p.to, fields: p.fields, reference: p.reference}
	if err := a.rehearse(ctx, p.card); err != nil {
		return none, s.settle(ctx, c, err)
	}
	if err := prepare(ctx, a, p); err != nil {
		return none, s.settle(ctx, c, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.to.Endpoint.Timeout()+leaseSlack/2)
	defer cancel()
	err := a.send(ctx)
	return finish(ctx, a, p, err)
}

// rehearse renders the request with a published test card before anything is
// changed or opened, so that a field the merchant forgot costs nothing.
func (a *attempt) rehearse(ctx context.Context, ref cardRef) error {
	values := forward.Values{Fields: a.fields, Reference: cmp.Or(a.reference, forwardPrefix)}
	if ref != (cardRef{}) {
		err := a.s.store.View(ctx, func(r store.Reader) error {
			row, _, err := a.s.cardToUse(ctx, r, a.caller, ref, a.to.Use)
			if err != nil {
				return err
			}
			profile, err := a.s.openProfile(row)
			if err != nil {
				return tamperedCard(row)
			}
			values.Holder, values.Expiry = profile.Holder, card.Expiry{Month: row.ExpiryMonth, Year: row.ExpiryYear}
			return nil
		})
		if err != nil {
			return err
		}
		if values.Number, err = card.NewPAN([]byte(testNumber)); err != nil {
			return err
		}
	}
	request, err := a.to.Endpoint.Render(values, a.s.random)
	if err != nil {
		return unrenderable(err)
	}
	request.Wipe()
	return nil
}

// testNumber is a published test card (contract 7.2).
const testNumber = "4242424242424242"

// unrenderable tells a merchant what his request lacks; forward quotes at most
// the name of a field.
func unrenderable(err error) error {
	if errors.Is(err, forward.ErrTemplate) {
		return &Error{Code: BadRequest, Message: "the destination's request cannot be made: " + forward.Reason(err), Cause: err}
	}
	return err
}

// send opens the card, makes the request and sends it. The number and the code
// live until it returns.
func (a *attempt) send(ctx context.Context) error {
	s, begun := a.s, a.s.now()
	values := forward.Values{Holder: a.holder, Fields: a.fields, Reference: cmp.Or(a.reference, publicID(forwardPrefix, a.row.Live, a.row.ID))}
	if a.card != nil {
		var err error
		if values.Number, err = s.openNumber(ctx, a.card, a.event); err != nil {
			return err
		}
		defer values.Number.Wipe()
		values.Expiry = card.Expiry{Month: a.card.ExpiryMonth, Year: a.card.ExpiryYear}
		if a.row.Token {
			values.Code = s.codes.borrow(a.card.ID)
			defer values.Code.Wipe()
		}
	}
	request, err := a.to.Endpoint.Render(values, s.random)
	if err != nil {
		return unrenderable(err)
	}
	defer request.Wipe()
	a.row.VaultTime = s.now().Sub(begun).Microseconds()
	answer, err := forward.NewSender(s.opts.Resolver, s.now).Send(ctx, request, func() error { return a.sending(ctx) })
	if err != nil {
		return err
	}
	defer answer.Wipe()
	a.row.Status = answer.Status()
	a.row.AnswerTime = max(0, answer.Total()-a.wait).Microseconds()
	a.clean, err = forward.Scrub(answer, forward.Secrets{Number: values.Number, Code: values.Code})
	return err
}
