package card

// uuidLength is the length of a UUID's text form (RFC 9562).
const uuidLength = 36

// IsUUIDAt reports whether a UUID stands at text[i:i+36]: 8-4-4-4-12 hexadecimal
// digits, at least one of them a letter, and nothing alphanumeric or a hyphen
// beside it. One random UUID in three hundred has digits that could pass for a
// card number; nobody writes a card number like that.
func IsUUIDAt(text []byte, i int) bool {
	if i < 0 || i+uuidLength > len(text) || text[i+8] != '-' {
		return false
	}
	letters := false
	for n, c := range text[i : i+uuidLength] {
		switch {
		case n == 8 || n == 13 || n == 18 || n == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9':
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			letters = true
		default:
			return false
		}
	}
	return letters && (i == 0 || ends(text[i-1])) && (i+uuidLength == len(text) || ends(text[i+uuidLength]))
}

// ends reports whether a byte cannot be part of a longer word of digits.
func ends(c byte) bool {
	return c < 0x80 && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}
