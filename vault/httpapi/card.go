package httpapi

import (
	"encoding/base64"

	"github.com/panvault/panvault/vault"
)

// cardBody is contract 5.2. Number, security code and their lengths have no
// place in it.
type cardBody struct {
	Object             string  `json:"object"`
	ID                 string  `json:"id"`
	Livemode           bool    `json:"livemode"`
	Location           *string `json:"location"` // null inside a token
	Deleted            bool    `json:"deleted"`
	Street1            *string `json:"street1"`
	Street2            *string `json:"street2"`
	City               *string `json:"city"`
	State              *string `json:"state"`
	PhoneNumber        *string `json:"phone_number"`
	PostalCode         *string `json:"postal_code"`
	Country            string  `json:"country"`
	Financing          string  `json:"financing"`
	Bank               string  `json:"bank"`
	Brand              string  `json:"brand"`
	Fingerprint        string  `json:"fingerprint"` // never null: iOS decodes a string
	FirstDigits        *string `json:"first_digits"`
	LastDigits         string  `json:"last_digits"`
	Name               string  `json:"name"`
	ExpirationMonth    int     `json:"expiration_month"`
	ExpirationYear     int     `json:"expiration_year"`
	SecurityCodeCheck  bool    `json:"security_code_check"` // always true, so that codes cannot be guessed
	TokenizationMethod *string `json:"tokenization_method"`
	CreatedAt          string  `json:"created_at"`
	Created            string  `json:"created,omitempty"` // versions before 2019-05-29
}

func newCardBody(c vault.Card, v version) cardBody {
	h := c.Profile.Holder
	out := cardBody{
		Object: "card", ID: c.ID, Livemode: c.Live,
		Location: optional(cardLocation(c)), Deleted: c.Deleted,
		Street1: optional(h.Street1), Street2: optional(h.Street2), City: optional(h.City),
		State: optional(h.State), PhoneNumber: optional(h.PhoneNumber), PostalCode: optional(h.PostalCode),
		Country: h.Country, Financing: c.Profile.Issuer.Financing, Bank: c.Profile.Issuer.Bank,
		Brand: c.Brand, Fingerprint: fingerprint(c.Fingerprint),
		FirstDigits: optional(c.FirstDigits), LastDigits: c.LastDigits, Name: h.Name,
		ExpirationMonth: c.Expiry.Month, ExpirationYear: c.Expiry.Year,
		SecurityCodeCheck: true, CreatedAt: timestamp(c.CreatedAt),
	}
	if out.Country == "" {
		out.Country = c.Profile.Issuer.Country
	}
	if v.created() {
		out.Created = out.CreatedAt
	}
	return out
}

// fingerprint is 44 characters, or "" where the merchant hides it.
func fingerprint(surrogate []byte) string { return base64.StdEncoding.EncodeToString(surrogate) }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// cardLocation is relative, unlike a token's; "" inside a token.
func cardLocation(c vault.Card) string {
	if c.Customer == "" {
		return ""
	}
	return "/customers/" + c.Customer + "/cards/" + c.ID
}
