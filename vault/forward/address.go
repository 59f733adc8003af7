package forward

import (
	"net/netip"
	"strings"
)

// metadata are services that hand a machine's credentials to whoever asks from
// that machine. No setting allows them.
const metadata = "169.254.169.254 169.254.170.2 169.254.170.23 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254"

// special are the networks that are not public although netip's methods do not
// say so (IANA's special-purpose registries).
const special = "0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 " +
	"203.0.113.0/24 240.0.0.0/4 100::/64 100:0:0:1::/64 2001:2::/48 2001:10::/28 2001:20::/28 2001:db8::/32 3fff::/20 " +
	"5f00::/16 64:ff9b:1::/48 fec0::/10"

// refusedAddress reports whether a connection to a must not be made, and why,
// in fixed words. Addresses that carry an IPv4 address are judged by that one
// as well, since a gateway would forward to it.
func refusedAddress(a netip.Addr, allowPrivate bool) (string, bool) {
	switch {
	case !a.IsValid():
		return "no address", true
	case a.Zone() != "":
		return "an address with a zone", true
	}
	inner, embeds := embedded(a)
	if isMetadata(a) || embeds && isMetadata(inner) {
		return "the address of a metadata service", true
	}
	if a.IsMulticast() || a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return "not the address of one host", true
	}
	if allowPrivate {
		return "", false
	}
	if !isPublic(a) || embeds && !isPublic(inner) {
		return "not a public address", true
	}
	return "", false
}

func isPublic(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is4In6() {
		return false
	}
	if a.Is6() {
		nat64 := netip.MustParsePrefix("64:ff9b::/96")
		if !netip.MustParsePrefix("2000::/3").Contains(a) && !nat64.Contains(a) {
			return false
		}
	}
	for text := range strings.FieldsSeq(special) {
		if netip.MustParsePrefix(text).Contains(a) {
			return false
		}
	}
	return true
}

func isMetadata(a netip.Addr) bool {
	for text := range strings.FieldsSeq(metadata) {
		if netip.MustParseAddr(text) == a {
			return true
		}
	}
	return false
}

// embedded returns the IPv4 address inside an IPv6 one: v4-mapped,
// v4-compatible, NAT64, 6to4, Teredo and ISATAP.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return netip.Addr{}, false
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case a.Is4In6():
		return a.Unmap(), true
	case [12]byte(b[:12]) == [12]byte{}: // ::1 and :: too, which are refused anyway
		return last, true
	case b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b:
		return last, true
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0:
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), true
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe:
		return last, true
	}
	return netip.Addr{}, false
}
