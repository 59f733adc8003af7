package card

import (
	"bytes"
	"cmp"
	"encoding/json"
)

// profileBlock is what an encoded Profile's length is a multiple of, in
// bytes, so that a ciphertext tells little of the length of its content.
const profileBlock = 64

// Holder is what the cardholder said about herself: valid UTF-8 in NFC, each
// field at most 255 runes, "" when absent. It prints redacted.
type Holder struct {
	Name        string // as on the card; never "" in a parsed card
	Street1     string // first line of the billing address
	Street2     string // second line
	City        string
	State       string // or province, prefecture
	PostalCode  string // any text, not only digits
	Country     string // ISO 3166-1 alpha-2, lower case
	PhoneNumber string // any text, not only digits
	Email       string // any text; its form is not checked
}

// Profile is everything about a card that is sealed under the mode's profile
// key rather than the card's own: it can be read without a KMS call, and it
// holds nothing that PCI DSS forbids to show. It prints redacted.
type Profile struct {
	Holder      Holder // from the request
	Issuer      Issuer // from the issuer table
	FirstDigits string // six digits, or "" when not kept
}

// profileJSON fixes the encoding's keys and their order.
type profileJSON struct {
	Name        string `json:"n,omitempty"`
	Street1     string `json:"s1,omitempty"`
	Street2     string `json:"s2,omitempty"`
	City        string `json:"ci,omitempty"`
	State       string `json:"st,omitempty"`
	PostalCode  string `json:"pc,omitempty"`
	Country     string `json:"co,omitempty"`
	PhoneNumber string `json:"ph,omitempty"`
	Email       string `json:"em,omitempty"`
	Bank        string `json:"b,omitempty"`
	Financing   string `json:"f,omitempty"`
	IssuerLand  string `json:"ic,omitempty"`
	FirstDigits string `json:"fd,omitempty"`
}

// Encode returns the profile as canonical JSON, without empty fields, padded
// with spaces to a multiple of 64 bytes. The result is cardholder data in
// clear: seal it, then wipe it.
func (p Profile) Encode() []byte {
	h, i := p.Holder, p.Issuer
	b, err := json.Marshal(profileJSON{
		Name: h.Name, Street1: h.Street1, Street2: h.Street2, City: h.City,
		State: h.State, PostalCode: h.PostalCode, Country: h.Country,
		PhoneNumber: h.PhoneNumber, Email: h.Email,
		Bank: i.Bank, Financing: i.Financing, IssuerLand: i.Country,
		FirstDigits: p.FirstDigits,
	})
	if err != nil { // a struct of strings always marshals
		panic("card: profile does not encode")
	}
	blocks := (len(b) + profileBlock - 1) / profileBlock
	padded := bytes.Repeat([]byte{' '}, blocks*profileBlock)
	copy(padded, b)
	clear(b)
	return padded
}

// Country returns the country to show for the card: what the holder said,
// else the issuer's, else "".
func (p Profile) Country() string { return cmp.Or(p.Holder.Country, p.Issuer.Country) }

// DecodeProfile decodes what Encode wrote. Decoding is canonical: whatever it
// accepts encodes to the same bytes again; all else is ErrMalformed.
func DecodeProfile(b []byte) (Profile, error) {
	var w profileJSON
	if err := json.Unmarshal(b, &w); err != nil {
		return Profile{}, ErrMalformed
	}
	p := Profile{
		Holder: Holder{
			Name: w.Name, Street1: w.Street1, Street2: w.Street2, City: w.City,
			State: w.State, PostalCode: w.PostalCode, Country: w.Country,
			PhoneNumber: w.PhoneNumber, Email: w.Email,
		},
		Issuer:      Issuer{Bank: w.Bank, Financing: w.Financing, Country: w.IssuerLand},
		FirstDigits: w.FirstDigits,
	}
	if !bytes.Equal(p.Encode(), b) {
		return Profile{}, ErrMalformed
	}
	return p, nil
}
