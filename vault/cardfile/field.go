package cardfile

import "bytes"

// field is something that a file may say of a card.
type field int

const (
	unknown field = iota
	number
	month
	year
	expiration
	holder
	reference
	customer
	email
	description
	street1
	street2
	city
	state
	postalCode
	country
	phone
	cardEmail // within a card; beside it an email is the customer's
	fields    // how many there are
)

// name is the field's own name; users see it.
func (f field) name() string {
	return [fields]string{
		"unknown", "number", "expiration_month", "expiration_year", "expiration", "name", "reference", "customer",
		"email", "description", "street1", "street2", "city", "state", "postal_code", "country", "phone_number", "email",
	}[f]
}

// maxName is longer than any name that means something, in bytes.
const maxName = 32

// name is a column's name or a JSON key, made alike: lower case, trimmed, '-' and
// space as '_'. It is no string, for a file without a header has cards there.
type name struct {
	text [maxName]byte
	len  int // 0 for a name that is too long to mean anything
}

func newName(raw []byte) name {
	var n name
	raw = trim(raw)
	if len(raw) > maxName {
		return n
	}
	for i, c := range raw {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '-' || c == ' ':
			c = '_'
		}
		n.text[i] = c
	}
	n.len = len(raw)
	return n
}

// trim cuts spaces and tabs around b. bytes.Trim takes several times as long,
// which shows where every key of a file is trimmed.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func (n *name) is(s string) bool { return string(n.text[:n.len]) == s }

// field is what the name means here.
func (n *name) field() field {
	switch string(n.text[:n.len]) {
	case "number", "card_number", "pan", "card_no":
		return number
	case "expiration_month", "exp_month", "expiry_month", "month":
		return month
	case "expiration_year", "exp_year", "expiry_year", "year":
		return year
	case "expiration", "exp", "expiry", "expiration_date":
		return expiration
	case "name", "cardholder", "cardholder_name", "card_holder", "holder":
		return holder
	case "reference", "id", "card_id", "token", "card":
		return reference
	case "customer", "customer_id", "customer_reference":
		return customer
	case "email":
		return email
	case "description":
		return description
	case "street1", "address1", "address_line1", "street":
		return street1
	case "street2":
		return street2
	case "city":
		return city
	case "state":
		return state
	case "postal_code", "zip", "zip_code", "postcode":
		return postalCode
	case "country":
		return country
	case "phone_number", "phone":
		return phone
	}
	return unknown
}

// sensitive returns the name if it is one for what nobody may keep, else "".
func (n *name) sensitive() string {
	switch string(n.text[:n.len]) {
	case "security_code", "card_security_code", "securitycode", "card_code", "cvc", "cvc2", "cvc_code", "card_cvc",
		"cvv", "cvv2", "cvv_code", "card_cvv", "cid", "csc", "card_csc", "cvn", "cvd", "cav2", "verification_value",
		"card_verification_value", "track", "track1", "track2", "track_data", "track1_data", "track2_data",
		"pin", "pin_block", "card_pin":
		return string(n.text[:n.len])
	}
	return n.sensitiveWord()
}

// sensitiveWord returns the name if a word of it is one for a security code,
// unless it is about the outcome of its check.
func (n *name) sensitiveWord() string {
	text := n.text[:n.len]
	for _, end := range [...]string{"_check", "_result", "_match", "_status", "_response"} {
		if bytes.HasSuffix(text, []byte(end)) {
			return ""
		}
	}
	for rest := text; len(rest) > 0; {
		var word []byte
		word, rest, _ = bytes.Cut(rest, []byte("_"))
		switch string(word) {
		case "cvc", "cvc2", "cvv", "cvv2", "cvn", "cvn2", "cvd", "csc", "cav2":
			return string(text)
		}
	}
	return ""
}
