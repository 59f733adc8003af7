package vault

import (
	"context"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/card"
)

// revealCard reads a card that a customer of the caller's keeps. NotFound for
// any other, whatever the reason.
func (s *Service) revealCard(ctx context.Context, r store.Reader, c Caller, id string) (*store.Card, error) {
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
	owner, err := s.ownerOf(ctx, r, row)
	if err != nil {
		return nil, err
	}
	if owner.DeletedAt != 0 {
		return nil, notFound("card", id)
	}
	return row, nil
}

// open shows the card. Its record is committed; the number is opened only if it
// is shown in full.
func (r *reveal) open(ctx context.Context) (Revealed, error) {
	profile, err := r.s.openProfile(r.card)
	if err != nil {
		return Revealed{}, tamperedCard(r.card)
	}
	view := Revealed{
		ID: r.row.ID, Card: publicID(cardPrefix, r.card.Live, r.card.ID), Live: r.card.Live, Fields: r.in.Fields,
		Expiry: card.Expiry{Month: r.card.ExpiryMonth, Year: r.card.ExpiryYear},
		Brand:  r.card.Brand, LastDigits: r.card.LastDigits, CreatedAt: timeOf(r.row.CreatedAt),
	}
	if r.holder {
		view.Name, view.NameShown = profile.Holder.Name, true
	}
	switch {
	case r.whole:
		if view.Number, err = r.s.openNumber(ctx, r.card, r.event); err != nil {
			return Revealed{}, err
		}
	case view.Asked(FieldNumber):
		view.Masked = r.maskedNumber(profile)
	}
	return view, nil
}

// maskedNumber has one length whatever the number's is.
func (r *reveal) maskedNumber(profile card.Profile) string {
	if r.caller.settings.ShowFirstDigits && profile.FirstDigits != "" {
		return profile.FirstDigits + "******" + r.card.LastDigits
	}
	return "************" + r.card.LastDigits
}
