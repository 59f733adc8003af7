package card

import "time"

// Input is a card as a request sent it. Nil, empty and blank all mean absent.
// The slices may alias the request's buffer: Parse keeps none of them, and
// the caller wipes the buffer.
type Input struct {
	Name            []byte // required; see ParseName
	Number          []byte // required; ASCII digits
	ExpirationMonth []byte // required; see ParseMonth
	ExpirationYear  []byte // required; see ParseYear
	SecurityCode    []byte // ASCII digits
	Street1         []byte // this and the following: see ParseText
	Street2         []byte
	City            []byte
	State           []byte
	PostalCode      []byte
	Country         []byte // two ASCII letters
	PhoneNumber     []byte
	Email           []byte
}

// Rules is what Parse checks against. The zero value accepts no card.
type Rules struct {
	Now    time.Time // the moment that expiry is judged at; any zone
	Brands Brands    // the brands to accept

	AllowExpired bool // take cards of past months; never for live keys of the API
	AllowNoName  bool // take cards without a name, which other vaults keep
	Separators   bool // strip spaces and hyphens from the number instead of reporting NumberSeparators
}

// Card is a checked card. It holds the number and security code: Wipe it.
type Card struct {
	PAN          PAN          // of an enabled brand, and as long as that brand's are
	SecurityCode SecurityCode // empty when none was given
	Brand        Brand        // never ""
	Expiry       Expiry       // not past, unless Rules.AllowExpired
	Holder       Holder       // cleaned text
}

// Wipe overwrites the number and security code, in all copies of the card.
// It is not safe for use beside any other method on the card's values.
func (c Card) Wipe() {
	c.PAN.Wipe()
	c.SecurityCode.Wipe()
}

// Parse checks a card's parameters. When anything is wrong it lists everything
// that is, wipes what it had copied and returns the zero Card; otherwise the
// Problems are nil. It takes time linear in the input and retains none of it.
//
// White space around the number and the other numeric parameters is ignored,
// if it is ASCII. Digits of other scripts, typographic spaces and dashes make
// a number invalid rather than being folded. A number is checked for its
// digits, then its brand, the length for the brand, and the Luhn sum. A
// security code has three digits, or four for American Express.
func Parse(in Input, rules Rules) (Card, Problems) {
	c := checker{rules: rules}
	var out Card
	out.Expiry = c.expiry(in.ExpirationMonth, in.ExpirationYear)
	out.PAN, out.Brand = c.number(in.Number)
	out.SecurityCode = c.securityCode(in.SecurityCode, out.Brand)
	out.Holder = c.holder(&in)
	if len(c.found) > 0 {
		out.Wipe()
		return Card{}, c.found.ordered()
	}
	return out, nil
}

// checker collects the problems of one card.
type checker struct {
	rules Rules
	found Problems
}

func (c *checker) report(ps ...Problem) { c.found = append(c.found, ps...) }

func (c *checker) expiry(month, year []byte) Expiry {
	m, monthOK := ParseMonth(month)
	y, yearOK := ParseYear(year, c.rules.Now)
	switch {
	case isBlank(month):
		c.report(MonthBlank, MonthInvalid)
	case !monthOK:
		c.report(MonthInvalid, DateInvalid)
	}
	switch {
	case isBlank(year):
		c.report(YearBlank, YearInvalid)
	case !yearOK:
		c.report(YearInvalid)
	}
	e := Expiry{Month: m, Year: y}
	if monthOK && yearOK && !c.rules.AllowExpired && e.Expired(c.rules.Now) {
		c.report(DatePast)
	}
	return e
}

func (c *checker) securityCode(raw []byte, brand Brand) SecurityCode {
	code, ok := parseSecurityCode(raw, brand)
	if !ok {
		c.report(SecurityCodeInvalid)
	}
	return code
}

func (c *checker) holder(in *Input) Holder {
	name, problem := ParseName(in.Name)
	if problem != 0 && (problem != NameBlank || !c.rules.AllowNoName) {
		c.report(problem)
	}
	return Holder{
		Name:        name,
		Street1:     c.text(in.Street1, ParseText, Street1Invalid),
		Street2:     c.text(in.Street2, ParseText, Street2Invalid),
		City:        c.text(in.City, ParseText, CityInvalid),
		State:       c.text(in.State, ParseText, StateInvalid),
		PostalCode:  c.text(in.PostalCode, ParseText, PostalCodeInvalid),
		Country:     c.text(in.Country, parseCountry, CountryInvalid),
		PhoneNumber: c.text(in.PhoneNumber, parsePhone, PhoneInvalid),
		Email:       c.text(in.Email, ParseText, EmailInvalid),
	}
}

func (c *checker) text(raw []byte, parse func([]byte) (string, bool), p Problem) string {
	s, ok := parse(raw)
	if !ok {
		c.report(p)
	}
	return s
}
