package card

import "sort"

// Lengths of the prefixes an issuer table may hold, in digits.
const (
	minIINLength = 4
	maxIINLength = 8
)

// Issuer is what is known about the bank that issued a card. It is not
// secret.
type Issuer struct {
	Bank      string // its name, at most 255 runes; "" when unknown
	Financing string // "credit", "debit", "prepaid" or ""
	Country   string // ISO 3166-1 alpha-2, lower case; "" when unknown
}

// IINTable maps the first 4 to 8 digits of a card number to its issuer. It is
// immutable and safe for concurrent use. It takes 12 bytes a row and one copy
// of each distinct issuer.
type IINTable struct {
	issuers []Issuer
	spans   [maxIINLength + 1][]iinSpan // by prefix length; sorted, disjoint
}

// iinSpan gives the prefixes from..to of one length to an issuer.
type iinSpan struct{ from, to, issuer uint32 }

// Len returns the number of rows; 0 for a nil table.
func (t *IINTable) Len() int {
	n := 0
	if t != nil {
		for _, s := range t.spans {
			n += len(s)
		}
	}
	return n
}

// Lookup finds the issuer by the longest prefix of the number that the table
// holds. It reports false when there is none, when the first digits are not
// ASCII digits, and on a nil table. It keeps nothing of the slice.
func (t *IINTable) Lookup(digits []byte) (Issuer, bool) {
	if t == nil {
		return Issuer{}, false
	}
	for n := min(maxIINLength, len(digits)); n >= minIINLength; n-- {
		if !allDigits(digits[:n]) {
			continue
		}
		prefix := uint32(decimal(digits[:n]))
		spans := t.spans[n]
		i := sort.Search(len(spans), func(i int) bool { return spans[i].to >= prefix })
		if i < len(spans) && spans[i].from <= prefix {
			return t.issuers[spans[i].issuer], true
		}
	}
	return Issuer{}, false
}
