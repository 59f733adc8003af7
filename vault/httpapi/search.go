package httpapi

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/panvault/panvault/vault"
)

func (a *API) findCards(ctx context.Context, c *call) (any, error) {
	q, err := cardQuery(c.params)
	if err != nil {
		return nil, err
	}
	found, err := a.svc.FindCards(ctx, c.caller, q)
	if err != nil {
		return nil, err
	}
	return NewFoundCards(found), nil
}

// cardQuery reads what an operator knows of a card.
func cardQuery(params value) (vault.CardQuery, error) {
	var q vault.CardQuery
	var fingerprint, livemode string
	for _, p := range [...]struct {
		name string
		dst  *string
	}{
		{"last_digits", &q.LastDigits}, {"brand", &q.Brand}, {"bin", &q.BIN}, {"fingerprint", &fingerprint},
		{"customer", &q.Customer}, {"merchant", &q.Merchant}, {"livemode", &livemode}, {"after", &q.After},
	} {
		text, err := listText(params, p.name)
		if err != nil {
			return q, err
		}
		*p.dst = string(text)
	}
	switch livemode {
	case "":
	case "true":
		q.Mode = "live"
	case "false":
		q.Mode = "test"
	default:
		return q, invalidParameter("livemode")
	}
	var err error
	if q.Fingerprint, err = ParseFingerprint(fingerprint); err != nil {
		return q, err
	}
	if q.Limit, err = listNumber(params, "limit", 1); err != nil {
		return q, err
	}
	if q.From, err = listTime(params, "from"); err != nil {
		return q, err
	}
	q.To, err = listTime(params, "to")
	return q, err
}

// ParseFingerprint reads a card's fingerprint as answers show it: 44 characters
// of base64, also after a form has turned its plus signs into spaces. nil for
// "". A vault.Error with BadRequest for anything else.
func ParseFingerprint(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", "+"))
	if err != nil {
		return nil, invalidParameter("fingerprint")
	}
	return raw, nil
}
