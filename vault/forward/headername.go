package forward

import "strings"

// isName reports whether s names a destination.
func isName(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isToken reports whether s can be a header's name (RFC 9110 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(s[i])) {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// isHeaderValue reports whether b is visible ASCII and spaces: no CR, LF, NUL or
// any other control character. Bytes over 127 mean different things to
// different servers.
func isHeaderValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// checkHeaderValue is isHeaderValue for what a pattern rendered.
func checkHeaderValue(b []byte) error {
	if !isHeaderValue(b) {
		return unrendered("a header's value is not visible ASCII")
	}
	return nil
}

// isReservedHeader reports headers that decide where a request ends, where it
// goes or how its connection is used. The name is canonical.
func isReservedHeader(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Te", "Trailer", "Upgrade",
		"Content-Type", "Content-Encoding", "Expect", "Keep-Alive", "Accept-Encoding":
		return true
	}
	return strings.HasPrefix(name, "Proxy-")
}

// isHiddenHeader reports headers of an answer that nobody gets: credentials,
// and addresses that somebody might follow. The name is canonical.
func isHiddenHeader(name string) bool {
	switch name {
	case "Location", "Content-Location", "Refresh", "Link", "Set-Cookie", "Set-Cookie2",
		"Www-Authenticate", "Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Upgrade", "Keep-Alive":
		return true
	}
	return strings.HasPrefix(name, "Proxy-")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
