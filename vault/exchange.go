package vault

import (
	"context"
	"errors"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// exchange attaches an unused token's card to a customer, inside the caller's
// transaction: the token is used by the commit, or not at all. The first card
// becomes the default one. Of any number of attempts at one token exactly one
// commits; the others find it used.
//
// Errors: NotFound for a token that is absent, lapsed, of another shape or not
// the caller's; UsedToken; BadRequest for a customer with MaxCards.
func (s *Service) exchange(ctx context.Context, tx store.Tx, c Caller, customer *store.Customer, token string) error {
	row, err := s.ownToken(ctx, tx, c, token)
	if err != nil {
		return err
	}
	if row.UsedAt != 0 {
		return &Error{Code: UsedToken, Message: "token was already used"}
	}
	return s.attach(ctx, tx, c, customer, row)
}

// attach makes a card that belongs to nobody a customer's, and a stored payment
// method.
func (s *Service) attach(ctx context.Context, tx store.Tx, c Caller, customer *store.Customer, row *store.Card) (err error) {
	if err := s.roomFor(ctx, tx, customer); err != nil {
		return err
	}
	now := s.now().UnixMicro()
	was := row.Tag
	row.Customer, row.UsedAt, row.AttachedAt, row.ExpiresAt = customer.ID, now, now, 0
	if row.PaymentMethod, err = newPaymentMethod(s.random); err != nil {
		return err
	}
	if err := s.replaceCard(ctx, tx, row, was); err != nil {
		return err
	}
	if customer.DefaultCard == "" {
		was := customer.Tag
		customer.DefaultCard = row.ID
		if err := s.replaceCustomer(ctx, tx, customer, was); err != nil {
			return err
		}
	}
	e := c.event(audit.TokenUse, audit.OK, publicID(tokenPrefix, row.Live, row.ID))
	e.Details = map[string]string{"customer": publicID(customerPrefix, customer.Live, customer.ID)}
	return s.append(ctx, tx, e)
}

// exchanged ends a change that exchange may have been part of: once it has
// committed, the card's security code is not needed any more.
func (s *Service) exchanged(token string, err error) error {
	if record, _, ok := recordOf(tokenPrefix, token); ok && err == nil {
		s.codes.drop(record, codeAttached)
	}
	return err
}

// MaxCards is how many cards a customer may have: all of them are destroyed in
// one transaction with him.
const MaxCards = 1000

func (s *Service) roomFor(ctx context.Context, r store.Reader, customer *store.Customer) error {
	n, err := r.CountCustomerCards(ctx, customer.ID, Page{}.filled(s.now()).stored())
	if err == nil && n >= MaxCards {
		err = badRequest("customer has too many cards")
	}
	return err
}

// ownToken reads the row of a token of the caller's, used or not.
func (s *Service) ownToken(ctx context.Context, r store.Reader, c Caller, id string) (*store.Card, error) {
	record, _, ok := recordOf(tokenPrefix, id)
	if !ok {
		return nil, notFound("token", id)
	}
	row, err := s.checkedCard(ctx, r, c, record)
	if err != nil {
		return nil, err
	}
	if row == nil || publicID(tokenPrefix, row.Live, row.ID) != id || s.lapsed(row) {
		return nil, notFound("token", id)
	}
	return row, nil
}

// checkedCard reads a row and proves that it was not edited, before anything
// of it is believed. It returns nil for a row that is absent or not the
// caller's.
func (s *Service) checkedCard(ctx context.Context, r store.Reader, c Caller, record string) (*store.Card, error) {
	row, err := r.Card(ctx, record)
	absent := errors.Is(err, store.ErrNotFound)
	if err != nil && !absent {
		return nil, err
	}
	// An absent row is checked like a present one, so that the time of the
	// answer does not tell the two apart.
	tampered := s.keyring.Check(envelope.ModeOf(row.Live), cardRow(&row), row.Tag) != nil
	if absent {
		return nil, nil
	}
	if tampered || row.ID != record {
		return nil, &tamperedRow{publicID(cardPrefix, row.Live, record), "card"}
	}
	if row.Merchant != c.Merchant || row.Live != c.Live {
		return nil, nil
	}
	return &row, nil
}

// replaceCard tags a changed row and writes it over the one whose tag was.
func (s *Service) replaceCard(ctx context.Context, tx store.Tx, row *store.Card, was []byte) (err error) {
	if row.Tag, err = s.keyring.Tag(envelope.ModeOf(row.Live), cardRow(row)); err != nil {
		return err
	}
	return tx.UpdateCard(ctx, row, was)
}
