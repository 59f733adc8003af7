package forward_test

import (
	"bytes"
	"crypto/rand"
	"net"
	"testing"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// The buffer that a request was sent from is wiped, and so is one that was never
// sent. Copies that crypto/tls, the runtime and the kernel make are another
// matter: see the package's comment.
func TestRequestIsWiped(t *testing.T) {
	p := newProcessor(t, func(_ *processor, c net.Conn) {
		b := make([]byte, 4096)
		for n := 0; !bytes.HasSuffix(b[:n], []byte("}}")); {
			m, err := c.Read(b[n:])
			if n += m; err != nil {
				break
			}
		}
		_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"))
	})
	d := p.destination()
	d.Body = `{"card":{"number":"{{.Number}}","cvv":"{{.SecurityCode}}"}}`
	number, err := card.NewPAN([]byte("4242424242424242"))
	if err != nil {
		t.Fatal(err)
	}
	v := forward.Values{Number: number, Code: securityCode(t, code), Expiry: card.Expiry{Month: 1, Year: 2030}}
	for name, end := range map[string]func(r *forward.Request){
		"sent": func(r *forward.Request) {
			a, err := forward.NewSender(nil, nil).Send(t.Context(), r, nil)
			if err != nil {
				t.Fatal(err)
			}
			a.Wipe()
		},
		"given up": func(r *forward.Request) { r.Wipe() },
	} {
		r, err := endpoint(t, d).Render(v, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		wire := forward.Wire(r)
		if !bytes.Contains(wire, []byte("4242424242424242")) {
			t.Fatalf("%s: the request holds no number", name)
		}
		end(r)
		if !bytes.Equal(wire, make([]byte, len(wire))) {
			t.Errorf("%s: the request's buffer is not wiped", name)
		}
	}
}
