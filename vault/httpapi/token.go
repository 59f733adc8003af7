package httpapi

import (
	"context"
	"time"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

func (a *API) createToken(ctx context.Context, c *call) (any, error) {
	in, err := cardInput(c.params.Get("card"))
	if err != nil {
		return nil, err
	}
	token, err := a.svc.Tokenize(ctx, c.caller, vault.TokenizeRequest{Card: in, Separators: c.version.separators()})
	if err != nil {
		return nil, err
	}
	return a.tokenBody(token, c.version), nil
}

func (a *API) getToken(ctx context.Context, c *call) (any, error) {
	token, err := a.svc.Token(ctx, c.caller, c.id)
	if err != nil {
		return nil, err
	}
	return a.tokenBody(token, c.version), nil
}

func (a *API) notFound(context.Context, *call) (any, error) { return nil, errNoRoute }

// cardInput reads the card object. Its slices alias the request's buffer.
func cardInput(v value) (card.Input, error) {
	if v.Kind != inplace.Object {
		return card.Input{}, &vault.Error{Code: vault.MissingCard}
	}
	var in card.Input
	for _, p := range [...]struct {
		name string
		dst  *[]byte
	}{
		{"name", &in.Name}, {"number", &in.Number}, {"security_code", &in.SecurityCode},
		{"expiration_month", &in.ExpirationMonth}, {"expiration_year", &in.ExpirationYear},
		{"street1", &in.Street1}, {"street2", &in.Street2}, {"city", &in.City}, {"state", &in.State},
		{"postal_code", &in.PostalCode}, {"country", &in.Country},
		{"phone_number", &in.PhoneNumber}, {"email", &in.Email},
	} {
		b, ok := v.Get(p.name).Scalar()
		if !ok {
			return card.Input{}, errWrongType
		}
		*p.dst = b
	}
	return in, nil
}

// tokenBody is contract 5.1.
type tokenBody struct {
	Object       string    `json:"object"`
	ID           string    `json:"id"`
	Livemode     bool      `json:"livemode"`
	Location     string    `json:"location"`
	Used         bool      `json:"used"`
	ChargeStatus string    `json:"charge_status"`
	Card         *cardBody `json:"card"`
	CreatedAt    string    `json:"created_at"`
	Created      string    `json:"created,omitempty"` // versions before 2019-05-29
}

func (a *API) tokenBody(t vault.Token, v version) tokenBody {
	location := "/tokens/" + t.ID
	if !a.opts.RelativeLocations {
		location = a.opts.PublicURL + location
	}
	out := tokenBody{
		Object: "token", ID: t.ID, Livemode: t.Live, Location: location,
		Used: t.Used, ChargeStatus: t.ChargeStatus, CreatedAt: timestamp(t.CreatedAt),
	}
	if v.created() {
		out.Created = out.CreatedAt
	}
	if t.Card != nil {
		body := newCardBody(*t.Card, v)
		out.Card = &body
	}
	return out
}

// timestamp is the wire's form of a time: UTC, whole seconds, Z.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
