package card

import "time"

// Bounds of a believable expiry year. Cards are issued for at most twenty
// years; 50 leaves room and still keeps Buddhist-era years (543 more) out.
const (
	firstExpiryYear = 1950 // the first charge cards
	maxYearsAhead   = 50
)

// westmost is the zone where a month ends last, UTC-12.
const westmost = -12 * time.Hour

// Expiry is the month a card is good through. It is not secret.
type Expiry struct {
	Month int // 1..12
	Year  int // four digits, Common Era
}

// Expired reports whether the month is over everywhere on Earth, that is, in
// UTC-12. A card is good through the last day of its month.
func (e Expiry) Expired(now time.Time) bool {
	y, m, _ := now.UTC().Add(westmost).Date()
	return e.Year < y || e.Year == y && e.Month < int(m)
}

// ParseMonth reads "M" or "MM" within 1..12, in ASCII digits with ASCII
// white space around. It reports false for anything else, blank included.
func ParseMonth(text []byte) (int, bool) {
	d := trimASCII(text)
	if len(d) < 1 || len(d) > 2 || !allDigits(d) {
		return 0, false
	}
	m := decimal(d)
	return m, 1 <= m && m <= 12
}

// ParseYear reads "YY" (2000 is added) or "YYYY", in ASCII digits with ASCII
// white space around. It reports false for anything else, blank included,
// and for a year before 1950 or more than 50 years after now.
func ParseYear(text []byte, now time.Time) (int, bool) {
	d := trimASCII(text)
	if len(d) != 2 && len(d) != 4 || !allDigits(d) {
		return 0, false
	}
	y := decimal(d)
	if len(d) == 2 {
		y += 2000
	}
	return y, firstExpiryYear <= y && y <= now.UTC().Year()+maxYearsAhead
}

// decimal is the value of a few ASCII digits.
func decimal(d []byte) int {
	v := 0
	for _, c := range d {
		v = v*10 + int(c-'0')
	}
	return v
}
