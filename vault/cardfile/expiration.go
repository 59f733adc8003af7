package cardfile

import "bytes"

// splitExpiration finds month and year in MM/YY, MM/YYYY (with '-' too, the
// month with one digit too), MMYY, YYYY-MM or YYYY/MM. It judges the form only:
// 13/30 has one.
func splitExpiration(b []byte) (month, year []byte, ok bool) {
	b = trim(b)
	at := bytes.IndexAny(b, "/-")
	if at < 0 {
		if len(b) != 4 || !digits(b) {
			return nil, nil, false
		}
		return b[:2:2], b[2:], true
	}
	month, year = trim(b[:at:at]), trim(b[at+1:])
	if len(month) == 4 {
		month, year = year, month
	} else if len(year) != 2 && len(year) != 4 {
		return nil, nil, false
	}
	return month, year, (len(month) == 1 || len(month) == 2) && digits(month) && digits(year)
}

// digits reports whether all bytes are ASCII digits.
func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
