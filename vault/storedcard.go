package vault

import (
	"context"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/card"
)

// CardFields is what a request changes of a stored card. Nil and blank mean
// unchanged; a client that knows nothing better sends zeros for the expiry,
// which mean the same.
type CardFields struct {
	Name            []byte
	NameGiven       bool // Name was sent: blank is then an error, not unchanged
	City            []byte
	PostalCode      []byte
	ExpirationMonth []byte
	ExpirationYear  []byte
}

// Cards lists a customer's cards. Errors: Unauthenticated, NotFound
// (customer), Unavailable, Internal.
func (s *Service) Cards(ctx context.Context, c Caller, customer string, p Page) (List[Card], error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return List[Card]{}, err
	}
	var list List[Card]
	err := s.store.View(ctx, func(r store.Reader) error {
		owner, _, err := s.ownCustomer(ctx, r, c, customer)
		if err != nil {
			return err
		}
		list, err = s.listCards(ctx, r, c, owner, p)
		return err
	})
	if err != nil {
		return List[Card]{}, s.settle(ctx, c, err)
	}
	return list, nil
}

// Card returns one of a customer's cards, masked. Errors as for Cards, and
// NotFound (card).
func (s *Service) Card(ctx context.Context, c Caller, customer, id string) (Card, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Card{}, err
	}
	var view Card
	err := s.store.View(ctx, func(r store.Reader) error {
		_, row, err := s.cardOf(ctx, r, c, customer, id)
		if err != nil {
			return err
		}
		view, err = s.openCardView(c, row)
		return err
	})
	if err != nil {
		return Card{}, s.settle(ctx, c, err)
	}
	return view, nil
}

// UpdateCard changes holder and expiry of a stored card; the number and its
// fingerprint stay. Errors as for Card, and InvalidCard.
func (s *Service) UpdateCard(ctx context.Context, c Caller, customer, id string, in CardFields) (Card, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Card{}, err
	}
	return change(ctx, s, c, func(tx store.Tx) (view Card, err error) {
		_, row, err := s.cardOf(ctx, tx, c, customer, id)
		if err != nil {
			return view, err
		}
		profile, err := s.openProfile(row)
		if err != nil {
			return view, &tamperedRow{id, "card"}
		}
		was := row.Tag
		if err := s.changeCard(c, row, &profile, in); err != nil {
			return view, err
		}
		if err := s.sealProfile(row, profile); err != nil {
			return view, err
		}
		if err := s.replaceCard(ctx, tx, row, was); err != nil {
			return view, err
		}
		view = s.cardView(c, row, profile)
		return view, s.append(ctx, tx, c.event(audit.CardUpdate, audit.OK, id))
	})
}

// changeCard applies what is given. InvalidCard names every problem.
func (s *Service) changeCard(c Caller, row *store.Card, profile *card.Profile, in CardFields) error {
	change := card.Change{
		Name: in.Name, NameGiven: in.NameGiven, City: in.City, PostalCode: in.PostalCode,
		ExpirationMonth: in.ExpirationMonth, ExpirationYear: in.ExpirationYear,
	}
	expiry := card.Expiry{Month: row.ExpiryMonth, Year: row.ExpiryYear}
	problems := change.Apply(&profile.Holder, &expiry, card.Rules{
		Now: s.now(), AllowExpired: s.opts.AllowExpired && !c.Live,
	})
	if len(problems) > 0 {
		return &Error{Code: InvalidCard, Message: problems.Message(), Problems: problems}
	}
	row.ExpiryMonth, row.ExpiryYear = expiry.Month, expiry.Year
	return nil
}

// DeleteCard destroys a stored card and returns it as it was. If it was the
// default one, the card that was attached last takes its place. Errors as for
// Card.
func (s *Service) DeleteCard(ctx context.Context, c Caller, customer, id string) (Card, error) {
	if err := s.authorizeOwn(c, policy.ManageCustomer); err != nil {
		return Card{}, err
	}
	var record string
	view, err := destruction(ctx, s, c, func(tx store.Tx) (view Card, err error) {
		owner, row, err := s.cardOf(ctx, tx, c, customer, id)
		if err != nil {
			return view, err
		}
		if view, err = s.openCardView(c, row); err != nil {
			return view, err
		}
		wasDefault := owner.DefaultCard == row.ID
		if err := s.destroy(ctx, tx, c, row, requested); err != nil {
			return view, err
		}
		view.Deleted, record = true, row.ID
		if !wasDefault {
			return view, nil
		}
		return view, s.chooseDefault(ctx, tx, c, owner)
	})
	if err == nil {
		s.dropCodes([]string{record}, requested)
	}
	return view, err
}

// cardOf reads a customer of the caller's and one of its cards.
func (s *Service) cardOf(ctx context.Context, r store.Reader, c Caller, customer, id string) (*store.Customer, *store.Card, error) {
	owner, _, err := s.ownCustomer(ctx, r, c, customer)
	if err != nil {
		return nil, nil, err
	}
	row, err := s.ownCard(ctx, r, c, owner, id)
	return owner, row, err
}

// ownCard reads a card of one customer. NotFound if it is absent, destroyed or
// somebody else's.
func (s *Service) ownCard(ctx context.Context, r store.Reader, c Caller, owner *store.Customer, id string) (*store.Card, error) {
	record, _, ok := recordOf(cardPrefix, id)
	if !ok {
		return nil, notFound("card", id)
	}
	row, err := s.checkedCard(ctx, r, c, record)
	if err != nil {
		return nil, err
	}
	if row == nil || row.Customer != owner.ID || row.DeletedAt != 0 || publicID(cardPrefix, row.Live, row.ID) != id {
		return nil, notFound("card", id)
	}
	return row, nil
}

// listCards reads a page of a customer's cards and proves each.
func (s *Service) listCards(ctx context.Context, r store.Reader, c Caller, owner *store.Customer, p Page) (List[Card], error) {
	list := List[Card]{Page: p.filled(s.now())}
	rows, err := r.CustomerCards(ctx, owner.ID, list.Page.stored())
	if err != nil {
		return list, err
	}
	if list.Total, err = r.CountCustomerCards(ctx, owner.ID, list.Page.stored()); err != nil {
		return list, err
	}
	for i := range rows {
		if err := s.proveCard(c, owner, &rows[i]); err != nil {
			return list, err
		}
		view, err := s.openCardView(c, &rows[i])
		if err != nil {
			return list, err
		}
		list.Rows = append(list.Rows, view)
	}
	return list, nil
}
