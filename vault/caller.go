package vault

import (
	"net/netip"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault/audit"
	"github.com/panvault/panvault/vault/envelope"
)

// Origin is where a request came from, as audit records say it.
type Origin = audit.Origin

// Caller is who makes a request, established by Authenticate. It is an
// explicit argument of every operation.
type Caller struct {
	Key      string // akey_ id
	Kind     policy.Kind
	Merchant string // mrch_ id; "" for operators
	Live     bool
	Label    string // the key's label; an operator's name
	Origin   audit.Origin

	settings store.Merchant
	claim    *claim // of the idempotency key that came with the request; nil for none
}

// Mode returns the mode of the caller's key.
func (c Caller) Mode() envelope.Mode { return envelope.ModeOf(c.Live) }

func (c Caller) principal() policy.Principal {
	return policy.Principal{Key: c.Key, Kind: c.Kind, Merchant: c.Merchant, Live: c.Live}
}

// event starts an audit event of this caller.
func (c Caller) event(t audit.Type, outcome audit.Outcome, object string) audit.Event {
	e := audit.Event{
		Type: t, Outcome: outcome, Object: object, Origin: c.Origin, Merchant: c.Merchant,
		Actor: audit.Actor{ID: c.Key, Kind: string(c.Kind)},
	}
	if c.Merchant != "" {
		e.Mode = string(c.Mode())
	}
	return e
}

// System is the caller of what a process does by itself; name says which.
func System(name string) Caller { return Caller{Key: name, Kind: "system"} }

// network is what is limited and counted as one address: an IPv6 subscriber
// has a /64 at least, and would else have as many addresses as he likes.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Is6() {
		return ip
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}

// Account returns the caller's own merchant, as it was when the caller
// authenticated.
func (c Caller) Account() Merchant { return merchantView(&c.settings) }
