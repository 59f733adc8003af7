package card

// collect copies the digits of a number as it was sent, without ASCII white
// space around and without spaces and hyphens between digits; separated tells
// whether there were any. It reports false, and keeps nothing, unless what is
// left is 12 to 19 ASCII digits.
func collect(raw []byte) (d *digits, separated, ok bool) {
	text := trimASCII(raw)
	if len(text) == 0 || !isDigit(text[0]) || !isDigit(text[len(text)-1]) {
		return nil, false, false
	}
	d = new(digits)
	for _, c := range text {
		switch {
		case c == ' ' || c == '-':
			separated = true
		case isDigit(c) && d.n < MaxPANLength:
			d.b[d.n] = c
			d.n++
		default:
			clear(d.b[:])
			return nil, false, false
		}
	}
	if d.n < MinPANLength {
		clear(d.b[:])
		return nil, false, false
	}
	return d, separated, true
}

// number checks the card number. It lists at most one problem with the number
// itself, and one with the brand where the digits allow to tell it.
func (c *checker) number(raw []byte) (PAN, Brand) {
	if isBlank(raw) {
		c.report(NumberBlank, BrandUnsupported)
		return PAN{}, ""
	}
	d, separated, ok := collect(raw)
	if !ok {
		c.report(NumberMalformed)
		return PAN{}, ""
	}
	pan := hold(d)
	plain := pan.view()
	brand, known := BrandOf(plain)
	if !c.rules.Brands.Has(brand) {
		c.report(BrandUnsupported)
	}
	switch {
	case separated && !c.rules.Separators:
		c.report(NumberSeparators)
	case known && !brand.ValidLength(len(plain)):
		c.report(NumberMalformed)
	case allZero(plain) || !luhnValid(plain):
		c.report(NumberLuhn)
	}
	return pan, brand
}
