package forward

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"github.com/panvault/panvault/vault/card"
)

// Values is what a request is rendered from. It prints as a fixed text. The
// number and the code are read while Render runs, and neither changed, kept nor
// wiped.
type Values struct {
	Number    card.PAN
	Code      card.SecurityCode // may be empty
	Expiry    card.Expiry
	Holder    card.Holder
	Reference string // ours, unique per attempt
	// Fields are the merchant's own: a JSON object decoded with UseNumber, at
	// most 1000 values in 16 levels.
	Fields map[string]any
}

const valuesMask = "[forward values]"

// String returns a fixed text.
func (Values) String() string { return valuesMask }

// GoString is String: %#v redacts too.
func (Values) GoString() string { return valuesMask }

// Format writes String for every verb and flag.
func (Values) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, valuesMask) }

// MarshalText returns String; encoding/json uses it too.
func (Values) MarshalText() ([]byte, error) { return []byte(valuesMask), nil }

// LogValue returns String for structured logs.
func (Values) LogValue() slog.Value { return slog.StringValue(valuesMask) }

// marker stands for the number or the code while a template is executed. It is
// no string to a template's functions: they cannot take it.
type marker string

// words are the vocabulary of templates. Nothing in it tells more of the number
// than its last four digits.
type words struct {
	Number          marker
	SecurityCode    marker // "" without a code
	HasSecurityCode bool
	Month           int    // 1 to 12
	Month2          string // "01" to "12"
	Year            int    // four digits
	Year2           string // the last two of them
	Name            string
	Last4           string
	Brand           string // as card.Brand spells it
	Street1         string
	Street2         string
	City            string
	State           string
	PostalCode      string
	Country         string // two letters, lower case
	Phone           string
	Email           string
	Reference       string
	Fields          map[string]any
}

// isWord reports whether the vocabulary has a name.
func isWord(name string) bool {
	switch name {
	case "Number", "SecurityCode", "HasSecurityCode", "Month", "Month2", "Year", "Year2", "Name", "Last4", "Brand",
		"Street1", "Street2", "City", "State", "PostalCode", "Country", "Phone", "Email", "Reference", "Fields":
		return true
	}
	return false
}

// wordsOf makes the vocabulary of one request. Fields were checked by the caller.
func wordsOf(v Values, number, code marker) words {
	if v.Code.IsZero() {
		code = ""
	}
	h := v.Holder
	return words{
		Number: number, SecurityCode: code, HasSecurityCode: !v.Code.IsZero(),
		Month: v.Expiry.Month, Month2: fmt.Sprintf("%02d", v.Expiry.Month),
		Year: v.Expiry.Year, Year2: fmt.Sprintf("%02d", v.Expiry.Year%100),
		Name: h.Name, Last4: v.Number.Last4(), Brand: v.Number.Brand().String(),
		Street1: h.Street1, Street2: h.Street2, City: h.City, State: h.State, PostalCode: h.PostalCode,
		Country: h.Country, Phone: h.PhoneNumber, Email: h.Email, Reference: v.Reference, Fields: v.Fields,
	}
}

const (
	maxFieldValues = 1000
	maxFieldDepth  = 16
)

// checkFields reports whether v is what a JSON decoder makes, within the limits.
func checkFields(v any, depth int, left *int) bool {
	if *left--; *left < 0 || depth > maxFieldDepth {
		return false
	}
	switch v := v.(type) {
	case nil, bool, string:
		return true
	case json.Number:
		return isJSONNumber(string(v))
	case []any:
		for _, item := range v {
			if !checkFields(item, depth+1, left) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, item := range v {
			if !checkFields(item, depth+1, left) {
				return false
			}
		}
		return true
	}
	return false
}

// isJSONNumber reports whether s is a number as JSON writes it.
func isJSONNumber(s string) bool {
	return s != "" && (s[0] == '-' || isDigit(s[0])) && isDigit(s[len(s)-1]) && json.Valid([]byte(s))
}
