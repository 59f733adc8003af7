package vault

import (
	"bytes"
	"encoding/json"
)

// exportLine is one card of an export, but for its number, which write adds at
// the end. 'panvault import' reads it.
type exportLine struct {
	Reference string         `json:"reference"`
	Customer  exportCustomer `json:"customer"`
	Card      exportCard     `json:"card"`
}

type exportCustomer struct {
	ID          string          `json:"id"`
	Email       string          `json:"email,omitempty"`
	Description string          `json:"description,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
}

type exportCard struct {
	ExpirationMonth int    `json:"expiration_month"`
	ExpirationYear  int    `json:"expiration_year"`
	Name            string `json:"name,omitempty"`
	Street1         string `json:"street1,omitempty"`
	Street2         string `json:"street2,omitempty"`
	City            string `json:"city,omitempty"`
	State           string `json:"state,omitempty"`
	PostalCode      string `json:"postal_code,omitempty"`
	Country         string `json:"country,omitempty"`
	PhoneNumber     string `json:"phone_number,omitempty"`
	Email           string `json:"email,omitempty"`
}

// plainJSON is v as JSON without the escapes that HTML needs: they are six times
// as long, and text full of them would be too large to seal or to import.
func plainJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
