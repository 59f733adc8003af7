package forward

import "strings"

// checkPath says what is wrong with a rendered path: another server could see a
// different path in it, or its request end there.
func checkPath(p []byte) error {
	if len(p) == 0 || p[0] != '/' {
		return unrendered("the path does not start with /")
	}
	if len(p) > maxPathLength {
		return unrendered("the path is too long")
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '%':
			if i+2 >= len(p) || !isHex(p[i+1]) || !isHex(p[i+2]) {
				return unrendered("the path has a % without two hexadecimal digits")
			}
			if v := unhex(p[i+1])<<4 | unhex(p[i+2]); v < ' ' || v == 0x7f || v == '/' || v == '\\' || v == '.' {
				return unrendered("the path has an escaped slash, dot or control character")
			}
		case !isAlphanumeric(c) && !strings.ContainsRune("/-._~!$&'()*+,;=:@", rune(c)):
			return unrendered("the path has a character that cannot stand in one")
		}
	}
	for segment := range strings.SplitSeq(string(p[1:]), "/") {
		if segment == "." || segment == ".." {
			return unrendered("the path has a segment of dots")
		}
	}
	if strings.Contains(string(p), "//") {
		return unrendered("the path has an empty segment")
	}
	return nil
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
