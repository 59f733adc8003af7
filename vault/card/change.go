package card

// Change is what a request changes of a stored card. Blank means unchanged, and
// so does an expiry of zero, which clients send that know no better; but a name
// that was given must be a name. The slices may alias the request's buffer.
type Change struct {
	Name            []byte
	NameGiven       bool // a blank Name is an error, not unchanged
	City            []byte
	PostalCode      []byte
	ExpirationMonth []byte
	ExpirationYear  []byte
}

// Apply changes holder and expiry, or neither: then it lists everything that is
// wrong. The expiry may be past only if it stays as it is, or the rules allow
// it. Of the rules it uses Now and AllowExpired.
func (ch Change) Apply(h *Holder, e *Expiry, rules Rules) Problems {
	c := checker{rules: rules}
	holder, expiry := *h, *e
	if ch.NameGiven || !isBlank(ch.Name) {
		name, problem := ParseName(ch.Name)
		if problem != 0 {
			c.report(problem)
		}
		holder.Name = name
	}
	if !isBlank(ch.City) {
		holder.City = c.text(ch.City, ParseText, CityInvalid)
	}
	if !isBlank(ch.PostalCode) {
		holder.PostalCode = c.text(ch.PostalCode, ParseText, PostalCodeInvalid)
	}
	if !isUnchanged(ch.ExpirationMonth) || !isUnchanged(ch.ExpirationYear) {
		expiry = c.changedExpiry(ch, expiry)
	}
	if len(c.found) > 0 {
		return c.found.ordered()
	}
	*h, *e = holder, expiry
	return nil
}

func (c *checker) changedExpiry(ch Change, e Expiry) Expiry {
	monthOK, yearOK := true, true
	if !isUnchanged(ch.ExpirationMonth) {
		if e.Month, monthOK = ParseMonth(ch.ExpirationMonth); !monthOK {
			c.report(MonthInvalid, DateInvalid)
		}
	}
	if !isUnchanged(ch.ExpirationYear) {
		if e.Year, yearOK = ParseYear(ch.ExpirationYear, c.rules.Now); !yearOK {
			c.report(YearInvalid)
		}
	}
	if monthOK && yearOK && !c.rules.AllowExpired && e.Expired(c.rules.Now) {
		c.report(DatePast)
	}
	return e
}

// isUnchanged reports whether an expiry parameter is blank or zero.
func isUnchanged(text []byte) bool {
	for _, b := range text {
		if b != '0' && b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return true
}
