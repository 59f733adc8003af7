package vault

import (
	"context"
	"errors"
	"time"

	"github.com/panvault/panvault/store"
)

// cardRef names the card of a use. Exactly one of Token, Card and Method is set.
type cardRef struct {
	Token    string // tokn_ id, used by this
	Card     string // card_ id of a customer's card
	Customer string // cust_ id; with Card, its owner; alone, the owner of the default card
	Method   string // stored payment method, a UUID
}

// cardToUse finds and proves the card that a use names. first tells that its
// token was unused. Errors: NotFound, UsedToken, *tamperedRow.
func (s *Service) cardToUse(ctx context.Context, r store.Reader, c Caller, ref cardRef, use Use) (row *store.Card, first bool, err error) {
	switch {
	case ref.Token != "":
		if row, err = s.ownToken(ctx, r, c, ref.Token); err != nil {
			return nil, false, err
		}
		if row.UsedAt == 0 {
			return row, true, nil
		}
		again, err := s.usableAgain(ctx, r, row, use)
		if err == nil && !again {
			err = &Error{Code: UsedToken, Message: "token was already used"}
		}
		return row, false, err
	case ref.Method != "":
		row, err = s.cardOfMethod(ctx, r, c, ref.Method)
	case ref.Customer != "":
		row, err = s.cardOfCustomer(ctx, r, c, ref.Customer, ref.Card)
	default:
		row, err = s.storedCard(ctx, r, c, ref.Card)
	}
	return row, false, err
}

// usableAgain reports whether a used token may be forwarded once more: its last
// forward failed a short time ago, and nothing else took it. A charge takes a
// token for good, declined or not (contract 7.9).
func (s *Service) usableAgain(ctx context.Context, r store.Reader, row *store.Card, use Use) (bool, error) {
	if use != UseForward || row.Customer != "" {
		return false, nil
	}
	last, err := r.LastForward(ctx, row.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := s.proveForward(&last, last.ID); err != nil {
		return false, err
	}
	failed := last.State == store.ForwardUnknown || last.State == store.ForwardNotSent || last.Status >= 400
	ended := timeOf(last.EndedAt)
	return Use(last.Use) == UseForward && failed && last.EndedAt != 0 && s.now().Sub(ended) < s.retryWindow(), nil
}

// retryWindow is how long after a failed forward its token can be forwarded
// again, with its security code.
func (s *Service) retryWindow() time.Duration { return s.opts.CodeRetry }

// storedCard reads a customer's card by its id alone.
func (s *Service) storedCard(ctx context.Context, r store.Reader, c Caller, id string) (*store.Card, error) {
	record, _, ok := recordOf(cardPrefix, id)
	if !ok {
		return nil, notFound("card", id)
	}
	row, err := s.checkedCard(ctx, r, c, record)
	if err != nil {
		return nil, err
	}
	if row == nil || row.Customer == "" || row.DeletedAt != 0 || publicID(cardPrefix, row.Live, row.ID) != id {
		return nil, notFound("card", id)
	}
	return row, nil
}

// cardOfCustomer reads a card of a customer, the default one for "".
func (s *Service) cardOfCustomer(ctx context.Context, r store.Reader, c Caller, customer, id string) (*store.Card, error) {
	owner, _, err := s.ownCustomer(ctx, r, c, customer)
	if err != nil {
		return nil, err
	}
	if id == "" {
		if owner.DefaultCard == "" {
			return nil, notFound("card", "")
		}
		id = publicID(cardPrefix, owner.Live, owner.DefaultCard)
	}
	return s.ownCard(ctx, r, c, owner, id)
}

// cardOfMethod reads a customer's card by its stored payment method.
func (s *Service) cardOfMethod(ctx context.Context, r store.Reader, c Caller, id string) (*store.Card, error) {
	found, err := r.CardOfPaymentMethod(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("payment method", id)
	}
	if err != nil {
		return nil, err
	}
	row, err := s.checkedCard(ctx, r, c, found.ID)
	if err != nil {
		return nil, err
	}
	if row == nil || row.Customer == "" || row.DeletedAt != 0 || row.PaymentMethod != id {
		return nil, notFound("payment method", id)
	}
	return row, nil
}
