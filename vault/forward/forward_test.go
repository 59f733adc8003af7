package forward_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

const (
	number = "4539578763621486"
	code   = "731"
)

func pan(t testing.TB, digits string) card.PAN {
	t.Helper()
	p, err := card.NewPAN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func securityCode(t testing.TB, digits string) card.SecurityCode {
	t.Helper()
	c, err := card.NewSecurityCode([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func secrets(t testing.TB) forward.Secrets {
	return forward.Secrets{Number: pan(t, number), Code: securityCode(t, code)}
}

func values(t testing.TB, fields string) forward.Values {
	t.Helper()
	v := forward.Values{
		Number: pan(t, number), Code: securityCode(t, code), Expiry: card.Expiry{Month: 3, Year: 2031},
		Holder:    card.Holder{Name: `Jane "J" <Doe> & Co`, City: "Bangkok", Country: "th", PostalCode: "10110"},
		Reference: "fwd_test_1",
	}
	if fields != "" {
		d := json.NewDecoder(strings.NewReader(fields))
		d.UseNumber()
		if err := d.Decode(&v.Fields); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

const chargeBody = `{"card":{"number":"{{.Number}}","exp":"{{.Month2}}/{{.Year2}}"{{if .HasSecurityCode}},"cvv":"{{.SecurityCode}}"{{end}},"name":"{{.Name}}"},"ref":"{{.Reference}}"}`

func destination() forward.Destination {
	return forward.Destination{
		Name: "acme", URL: "https://api.example.com", Method: "POST", Path: "/v1/payments",
		ContentType: "application/json", Body: chargeBody,
	}
}

func endpoint(t testing.TB, d forward.Destination) *forward.Endpoint {
	t.Helper()
	e, err := forward.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func render(t testing.TB, d forward.Destination, v forward.Values) *forward.Request {
	t.Helper()
	r, err := endpoint(t, d).Render(v, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hosts is a resolver that answers one list after the other, the last for ever.
type hosts struct{ answers [][]netip.Addr }

func (h *hosts) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	a := h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	return a, nil
}

func resolvesTo(addrs ...string) *hosts {
	var list []netip.Addr
	for _, a := range addrs {
		list = append(list, netip.MustParseAddr(a))
	}
	return &hosts{[][]netip.Addr{list}}
}

func contains(text []byte, part string) bool { return bytes.Contains(text, []byte(part)) }
