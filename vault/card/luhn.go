package card

// luhnValid reports whether ASCII digits pass the mod-10 check of ISO/IEC
// 7812-1 annex B. The caller has checked that all are digits.
func luhnValid(d []byte) bool {
	sum := 0
	for i := range d {
		sum += luhnTerm(d[len(d)-1-i], i)
	}
	return sum%10 == 0
}

// luhnTerm is what an ASCII digit adds to the check sum when it stands at
// position fromRight, counted from the check digit at 0: every second digit
// is doubled and its decimal digits added.
func luhnTerm(digit byte, fromRight int) int {
	v := int(digit - '0')
	if fromRight%2 == 0 {
		return v
	}
	if v *= 2; v > 9 {
		v -= 9
	}
	return v
}

// allDigits reports whether every byte is an ASCII digit.
func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// allZero reports whether every byte is the digit zero. Such a number passes
// the check sum but is no card.
func allZero(b []byte) bool {
	for _, c := range b {
		if c != '0' {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
