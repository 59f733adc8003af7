package card

import (
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a card's parameters. Values are
// ordered as Omise orders its sentences; they are not stored, so the numbers
// may change between releases.
type Problem int

// The problems. What Omise says in two sentences is two values, for example
// MonthBlank and MonthInvalid.
const (
	MonthBlank          Problem = iota + 1 // no month; always with MonthInvalid
	MonthInvalid                           // not 1..12
	NameBlank                              // no name
	NameInvalid                            // too long, control characters, a card number, bad UTF-8
	YearBlank                              // no year; always with YearInvalid
	YearInvalid                            // not 2 or 4 digits, or absurd
	DateInvalid                            // month and year make no date
	DatePast                               // expired
	NumberBlank                            // no number; always with BrandUnsupported
	NumberSeparators                       // spaces or hyphens where the dialect has none
	NumberMalformed                        // non-digits, or a length no card (of the brand) has
	NumberLuhn                             // check sum fails, or all zeros
	BrandUnsupported                       // unknown, or not enabled
	SecurityCodeInvalid                    // not three digits (four for American Express)
	Street1Invalid                         // this and the following: see ParseText
	Street2Invalid
	CityInvalid
	StateInvalid
	PostalCodeInvalid
	CountryInvalid // not two ASCII letters
	PhoneInvalid
	EmailInvalid
)

// Sentence returns the problem in the words that client libraries know. They
// classify a sentence by the words number, expiration, name and brand, so no
// sentence has one that is not about it. Several problems share a sentence.
// No sentence contains input.
func (p Problem) Sentence() string {
	switch p {
	case MonthBlank:
		return "expiration month can't be blank"
	case MonthInvalid:
		return "expiration month is not between 1 and 12"
	case NameBlank:
		return "name can't be blank"
	case NameInvalid:
		return "name is invalid"
	case YearBlank:
		return "expiration year can't be blank"
	case YearInvalid:
		return "expiration year is invalid"
	case DateInvalid:
		return "expiration date is invalid"
	case DatePast:
		return "expiration date cannot be in the past"
	case NumberBlank:
		return "number can't be blank"
	case NumberSeparators, NumberMalformed, NumberLuhn:
		return "number is invalid"
	case BrandUnsupported:
		return "brand not supported (unknown)"
	case SecurityCodeInvalid:
		return "security code is invalid"
	default:
		return p.textSentence()
	}
}

// textSentence is Sentence for the free-text fields.
func (p Problem) textSentence() string {
	switch p {
	case Street1Invalid:
		return "street1 is invalid"
	case Street2Invalid:
		return "street2 is invalid"
	case CityInvalid:
		return "city is invalid"
	case StateInvalid:
		return "state is invalid"
	case PostalCodeInvalid:
		return "postal code is invalid"
	case CountryInvalid:
		return "country is invalid"
	case PhoneInvalid:
		return "phone is invalid"
	case EmailInvalid:
		return "email is invalid"
	default:
		return "problem " + strconv.Itoa(int(p))
	}
}

// String is Sentence.
func (p Problem) String() string { return p.Sentence() }

// Problems is what is wrong with a card's parameters, in the order of the
// Problem constants and without repeats; empty when nothing is.
type Problems []Problem

// Has reports whether p is among them.
func (ps Problems) Has(p Problem) bool { return slices.Contains(ps, p) }

// Message joins the distinct sentences as an English list: "a", "a and b",
// "a, b, and c". It is "" when there is no problem.
func (ps Problems) Message() string {
	var said []string
	for _, p := range ps {
		if s := p.Sentence(); !slices.Contains(said, s) {
			said = append(said, s)
		}
	}
	switch n := len(said); n {
	case 0, 1:
		return strings.Join(said, "")
	case 2:
		return said[0] + " and " + said[1]
	default:
		return strings.Join(said[:n-1], ", ") + ", and " + said[n-1]
	}
}

// ordered sorts the problems and drops repeats.
func (ps Problems) ordered() Problems {
	slices.Sort(ps)
	return slices.Compact(ps)
}
