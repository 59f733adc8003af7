package httpapi

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// credential reads the API key out of an Authorization header: the user of
// Basic, with or without a colon and a password (mobile clients send neither,
// or one that means nothing). It returns "" for anything else. net/http's own
// BasicAuth refuses the form without a colon.
func credential(header string) string {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return ""
	}
	encoded = strings.TrimRight(strings.TrimSpace(encoded), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	key, _, _ := strings.Cut(string(decoded), ":")
	return key
}

// clientIP is the peer's address, or, behind a trusted proxy, the last address
// in X-Forwarded-For that no trusted proxy wrote.
func (a *API) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	addr = addr.Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusted(addr); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = hop.Unmap()
	}
	return addr.WithZone("").String()
}

func (a *API) trusted(addr netip.Addr) bool {
	for _, prefix := range a.opts.TrustedProxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
