package forward

import "bytes"

// isCodeName reports whether a name is one of a security code. The name is
// plain: lower case, letters and digits only.
func isCodeName(plain []byte) bool {
	switch string(plain) {
	case "cvv", "cvc", "cvn", "csc", "cid", "cav", "cvv2", "cvc2", "cav2", "cvd", "securitycode", "cardcode",
		"cardsecuritycode", "cardcvv", "cardcvc", "cardcvv2", "cardcvc2", "cardcid", "cvvcode", "cvccode", "cvvnumber",
		"cvcnumber", "cardverificationvalue", "cardverificationcode", "cardverificationnumber", "verificationvalue",
		"verificationnumber", "cardvalidationcode", "cardvalidationvalue":
		return true
	}
	return false
}

// isCardName reports whether a plain name is one of an object that holds a card.
func isCardName(plain []byte) bool {
	for _, part := range [...]string{"card", "paymentmethod", "paymentsource", "paymentdata", "instrument"} {
		if bytes.Contains(plain, []byte(part)) {
			return true
		}
	}
	return false
}

// isFirstName reports whether a plain name is one of a number's first digits.
func isFirstName(plain []byte) bool {
	switch string(plain) {
	case "bin", "iin", "cardbin", "cardiin", "first6", "firstsix", "first8", "firsteight", "firstdigits", "firstsixdigits",
		"first6digits", "issueridentificationnumber", "bankidentificationnumber":
		return true
	}
	return false
}

// plainName leaves the letters and digits of a name, in lower case, and of a
// qualified one what is behind the colon. It copies none that is long or has
// more than two digits: that is no name, and may be a number.
func plainName(name []byte) []byte {
	if i := bytes.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	digits := 0
	for _, c := range name {
		if isDigit(c) {
			digits++
		}
	}
	if digits > 2 || len(name) > 64 {
		return nil
	}
	out := make([]byte, 0, len(name))
	for _, c := range name {
		if isAlphanumeric(c) {
			out = append(out, lower(c))
		}
	}
	return out
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// codes masks the security code where it stands alone behind a name of one, as
// in an echo of the request, and in a plain text wherever it stands alone.
func (f *finder) codes(v view) {
	if f.code == nil {
		return
	}
	for i := 0; i < len(v.b); {
		if !isDigit(v.b[i]) {
			i++
			continue
		}
		end := i
		for end < len(v.b) && isDigit(v.b[end]) {
			end++
		}
		alone := (i == 0 || !isAlphanumeric(v.b[i-1])) && (end == len(v.b) || !isAlphanumeric(v.b[end]))
		if alone && bytes.Equal(v.b[i:end], f.code) && (f.form == formText || named(v.b[:i])) {
			f.hits.Code++
			f.add(int(v.from[i]), int(v.to[end-1]), codeStars)
		}
		i = end
	}
}

// named reports whether text ends with the name of a code and at most twelve
// characters of punctuation.
func named(text []byte) bool {
	end := len(text)
	for end > 0 && len(text)-end <= 12 && !isAlphanumeric(text[end-1]) {
		end--
	}
	if len(text)-end > 12 {
		return false
	}
	start := end
	for start > 0 && end-start < 32 && (isAlphanumeric(text[start-1]) || bytes.IndexByte([]byte("_- "), text[start-1]) >= 0) {
		start--
	}
	// "my cvc" is a name too: try each beginning at a word.
	for i := start; i < end; i++ {
		if (i == start || !isAlphanumeric(text[i-1])) && isCodeName(plainName(text[i:end])) {
			return true
		}
	}
	return false
}
