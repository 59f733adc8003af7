package httpapi

import (
	"context"

	"github.com/panvault/panvault/vault"
)

func (a *API) listCards(ctx context.Context, c *call) (any, error) {
	p, err := page(c.params)
	if err != nil {
		return nil, err
	}
	cards, err := a.svc.Cards(ctx, c.caller, c.id, p)
	if err != nil {
		return nil, err
	}
	return cardList(cards, c.id, c.version), nil
}

func (a *API) getCard(ctx context.Context, c *call) (any, error) {
	stored, err := a.svc.Card(ctx, c.caller, c.id, c.card)
	return cardAnswer(stored, c.version, err)
}

func (a *API) updateCard(ctx context.Context, c *call) (any, error) {
	in, err := cardFields(c.params)
	if err != nil {
		return nil, err
	}
	stored, err := a.svc.UpdateCard(ctx, c.caller, c.id, c.card, in)
	return cardAnswer(stored, c.version, err)
}

func (a *API) deleteCard(ctx context.Context, c *call) (any, error) {
	stored, err := a.svc.DeleteCard(ctx, c.caller, c.id, c.card)
	return cardAnswer(stored, c.version, err)
}

// cardFields reads what may be changed of a stored card; everything else is
// ignored (contract 7.8).
func cardFields(params value) (vault.CardFields, error) {
	var in vault.CardFields
	for _, p := range [...]struct {
		name string
		dst  *[]byte
	}{
		{"name", &in.Name}, {"city", &in.City}, {"postal_code", &in.PostalCode},
		{"expiration_month", &in.ExpirationMonth}, {"expiration_year", &in.ExpirationYear},
	} {
		b, ok := params.Get(p.name).Scalar()
		if !ok {
			return in, errWrongType
		}
		*p.dst = b
	}
	in.NameGiven = in.Name != nil
	return in, nil
}

func cardList(l vault.List[vault.Card], customer string, v version) listBody[cardBody] {
	return newListBody(l, "/customers/"+customer+"/cards", func(c vault.Card) cardBody { return newCardBody(c, v) })
}

func cardAnswer(c vault.Card, v version, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return newCardBody(c, v), nil
}
