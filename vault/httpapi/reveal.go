package httpapi

import (
	"bytes"
	"context"

	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/internal/inplace"
)

// revealBody is a stored card as its caller may see it. What was not asked for
// is not there. The number is no part of it: see withNumber.
type revealBody struct {
	Object          string   `json:"object"`
	ID              string   `json:"id"`
	Livemode        bool     `json:"livemode"`
	Card            string   `json:"card"`
	Masked          bool     `json:"masked"` // the number is not there in full
	ExpirationMonth *int     `json:"expiration_month,omitempty"`
	ExpirationYear  *int     `json:"expiration_year,omitempty"`
	Name            **string `json:"name,omitempty"` // null if it may not be seen
	Brand           string   `json:"brand"`
	LastDigits      string   `json:"last_digits"`
	CreatedAt       string   `json:"created_at"`
}

func (a *API) reveal(ctx context.Context, c *call) (any, error) {
	in, err := revealRequest(c.params)
	if err != nil {
		return nil, err
	}
	shown, err := a.svc.Reveal(ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	defer shown.Wipe()
	return newRevealBody(&shown)
}

func revealRequest(params value) (vault.RevealRequest, error) {
	var in vault.RevealRequest
	id, okID := params.Get("card").Scalar()
	reason, okReason := params.Get("reason").Scalar()
	fields, okFields := revealFields(params.Get("fields"))
	switch {
	case !okID:
		return in, errRevealCard
	case !okReason:
		return in, errRevealReason
	case card.ContainsPAN(id) || card.ContainsPAN(reason): // before it becomes a string
		return in, errNumberInText
	case !okFields:
		return in, errRevealFields
	}
	return vault.RevealRequest{Card: string(id), Fields: fields, Reason: string(reason)}, nil
}

// maxRevealFields is more than there are: what it cuts off is refused anyway.
const maxRevealFields = 16

// revealFields reads an array of names, or a text with commas.
func revealFields(v value) ([]vault.RevealField, bool) {
	names := [][]byte{}
	switch v.Kind {
	case inplace.Text:
		names = bytes.SplitN(v.Bytes, []byte(","), maxRevealFields)
	case inplace.Array:
		for _, item := range v.Items {
			if item.Kind != inplace.Text {
				return nil, false
			}
			names = append(names, item.Bytes)
		}
	case inplace.Absent, inplace.Null:
	default:
		return nil, false
	}
	out := make([]vault.RevealField, 0, len(names))
	for _, name := range names {
		field, ok := revealField(bytes.TrimSpace(name))
		if !ok {
			return nil, false
		}
		out = append(out, field)
	}
	return out, true
}

// revealField turns the name of a field into a constant, so that no byte of the
// request is kept.
func revealField(name []byte) (vault.RevealField, bool) {
	for _, f := range []vault.RevealField{vault.FieldNumber, vault.FieldExpiration, vault.FieldName, vault.FieldBrand, vault.FieldLastDigits} {
		if string(name) == string(f) {
			return f, true
		}
	}
	return "", false
}

func newRevealBody(r *vault.Revealed) (*secretBody, error) {
	out := revealBody{
		Object: "reveal", ID: r.ID, Livemode: r.Live, Card: r.Card, Masked: r.Number.IsZero(),
		Brand: r.Brand, LastDigits: r.LastDigits, CreatedAt: timestamp(r.CreatedAt),
	}
	if r.Asked(vault.FieldExpiration) {
		out.ExpirationMonth, out.ExpirationYear = &r.Expiry.Month, &r.Expiry.Year
	}
	if r.Asked(vault.FieldName) {
		var name *string
		if r.NameShown {
			name = &r.Name
		}
		out.Name = &name
	}
	text, err := encode(out)
	if err != nil {
		return nil, err
	}
	if !r.Asked(vault.FieldNumber) {
		return &secretBody{text}, nil
	}
	return &secretBody{withNumber(text, r)}, nil
}

// withNumber puts the number where an object ends, in a buffer that has room
// for it from the start: there is one copy, which writeSecret wipes.
func withNumber(text []byte, r *vault.Revealed) []byte {
	const begin, end = `,"number":"`, "\"}\n"
	out := make([]byte, 0, len(text)+len(begin)+card.PaddedLen+len(end))
	out = append(out, bytes.TrimSuffix(text, []byte("}\n"))...)
	out = append(out, begin...)
	if r.Number.IsZero() {
		out = append(out, r.Masked...)
	}
	r.Number.Use(func(digits []byte) { out = append(out, digits...) })
	return append(out, end...)
}
