package forward

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// origin is where a destination's requests go.
type origin struct {
	plain bool
	host  string     // a name in lower case, or an address without brackets
	addr  netip.Addr // valid if the host is an address
	port  uint16
	field string // the Host header
}

// parseOrigin reads https://host[:port] in its one spelling. What another
// program might read differently is refused rather than understood. Errors are
// fixed texts: a URL may hold a password.
func parseOrigin(text string) (origin, error) {
	if text == "" || len(text) > 512 {
		return origin{}, errors.New("want https://host or https://host:port")
	}
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' {
			return origin{}, errors.New("holds a space, a control character or one that is not ASCII (write a name's xn-- form)")
		}
	}
	rest, https := strings.CutPrefix(text, "https://")
	plain := false
	if !https {
		if rest, plain = strings.CutPrefix(text, "http://"); !plain {
			return origin{}, errors.New("want https:// in front")
		}
	}
	if i := strings.IndexAny(rest, `@/?#\%`); i >= 0 {
		return origin{}, errors.New("only a host and a port may stand in it: no user, path, query, fragment, zone or escape")
	}
	u, err := url.Parse(text)
	if err != nil {
		return origin{}, errors.New("not a URL")
	}
	o := origin{plain: plain, host: u.Hostname(), port: 443, field: rest}
	if plain {
		o.port = 80
	}
	if strings.HasSuffix(rest, ":") {
		return origin{}, errors.New("the port is empty")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != p {
			return origin{}, errors.New("the port is not 1 to 65535")
		}
		o.port = uint16(n)
	}
	return o, o.checkHost(rest)
}

func (o *origin) checkHost(rest string) error {
	if strings.HasPrefix(rest, "[") || strings.Contains(o.host, ":") {
		addr, err := netip.ParseAddr(o.host)
		if err != nil || !addr.Is6() || addr.Zone() != "" || addr.String() != o.host || !strings.HasPrefix(rest, "["+o.host+"]") {
			return errors.New("not an IPv6 address in its canonical form")
		}
		if addr.Is4In6() {
			return errors.New("write an IPv4 address as one")
		}
		o.addr = addr
		return nil
	}
	if addr, err := netip.ParseAddr(o.host); err == nil {
		o.addr = addr
		return nil
	}
	if !isHostName(o.host) {
		return errors.New("the host is neither a name in lower case without a dot behind nor an address in its canonical form")
	}
	return nil
}

// isHostName reports whether s is a DNS name in lower case, without a dot at
// its end. A name whose last label is a number is how decimal, octal and
// hexadecimal addresses are written, which some resolvers understand.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

// private reports whether a host is loopback or private by its spelling alone.
func (o origin) private() bool {
	if o.addr.IsValid() {
		return o.addr.IsLoopback() || o.addr.IsPrivate()
	}
	if !strings.Contains(o.host, ".") {
		return true // a name of the local network, such as localhost
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".test", ".home.arpa"} {
		if strings.HasSuffix(o.host, suffix) {
			return true
		}
	}
	return false
}

// dialTo returns an address with the origin's port.
func (o origin) dialTo(a netip.Addr) string {
	return net.JoinHostPort(a.String(), strconv.Itoa(int(o.port)))
}
