package httpapi

import (
	"net/http"
	"net/netip"
	"testing"
)

// Only trusted proxies are believed when they say whom they speak for.
func TestClientAddress(t *testing.T) {
	a := &API{opts: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1:1234", nil, "192.0.2.1"},
		{"direct, forged", "192.0.2.1:1234", []string{"198.51.100.7"}, "192.0.2.1"},
		{"proxy", "10.0.0.1:1234", []string{"198.51.100.7"}, "198.51.100.7"},
		{"proxy without a header", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"two proxies", "10.0.0.1:1234", []string{"198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"two headers", "10.0.0.1:1234", []string{"198.51.100.7", "10.0.0.2"}, "198.51.100.7"},
		{"forged in front", "10.0.0.1:1234", []string{"1.1.1.1, 198.51.100.7, 10.0.0.2"}, "198.51.100.7"},
		{"garbage behind", "10.0.0.1:1234", []string{"198.51.100.7, garbage"}, "10.0.0.1"},
		{"garbage in front", "10.0.0.1:1234", []string{"4242424242424242, 198.51.100.7"}, "198.51.100.7"},
		{"all trusted", "10.0.0.1:1234", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"IPv6", "[2001:db8::1]:1234", nil, "2001:db8::1"},
		{"IPv6 proxy", "[fd00::1]:1234", []string{"2001:db8::2"}, "2001:db8::2"},
		{"IPv6 zone", "[fe80::1%eth0]:1234", nil, "fe80::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1234", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"no address", "@", nil, ""},
		{"no port", "192.0.2.1", nil, ""},
	}
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
		if got := a.clientIP(r); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
