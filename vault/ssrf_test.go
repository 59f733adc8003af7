package vault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/store"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/forward"
)

// trap is what nobody must reach: it listens and counts who comes.
type trap struct {
	port  string
	calls atomic.Int64
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &trap{}
	if _, tr.port, err = net.SplitHostPort(l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tr.calls.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return tr
}

// names is a resolver that gives its answers in turn, the last one for ever.
type names struct {
	mu      sync.Mutex
	answers [][]netip.Addr
	asked   int
}

func (n *names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := min(n.asked, len(n.answers)-1)
	n.asked++
	return n.answers[i], nil
}

// leadsTo makes a resolver of answers, each with its addresses between spaces.
func leadsTo(answers ...string) *names {
	n := &names{}
	for _, answer := range answers {
		var all []netip.Addr
		for a := range strings.FieldsSeq(answer) {
			all = append(all, netip.MustParseAddr(a))
		}
		n.answers = append(n.answers, all)
	}
	return n
}

// acquirer is a destination outside; %s in what it is changed to is the port of
// the trap.
func acquirer(port string) forward.Destination {
	return forward.Destination{
		Name: "acquirer", URL: "https://acquirer.example.com:" + port, Method: "POST", Path: "/pay",
		ContentType: "application/json", Body: `{"number": "{{.Number}}"}`, Timeout: 2 * time.Second,
	}
}

// TestSSRFSettings: what leads elsewhere is no destination.
func TestSSRFSettings(t *testing.T) {
	tr := newTrap(t)
	for _, test := range []struct{ name, url string }{
		{"v4-mapped address", "https://[::ffff:127.0.0.1]:%s"},
		{"v4-mapped address in hexadecimal", "https://[::ffff:7f00:1]:%s"},
		{"decimal address", "https://2130706433:%s"},
		{"octal address", "https://0177.0.0.1:%s"},
		{"octal address in one", "https://017700000001:%s"},
		{"hexadecimal address", "https://0x7f000001:%s"},
		{"hexadecimal parts", "https://0x7f.0x0.0x0.0x1:%s"},
		{"short address", "https://127.1:%s"},
		{"address with leading zeros", "https://127.0.0.01:%s"},
		{"full-width address", "https://１２７.０.０.１:%s"},
		{"full-width dots", "https://127。0。0。1:%s"},
		{"userinfo", "https://acquirer.example.com@127.0.0.1:%s"},
		{"userinfo with a password", "https://user:secret@127.0.0.1:%s"},
		{"userinfo behind a backslash", `https://acquirer.example.com\@127.0.0.1:%s`},
		{"userinfo behind a fragment", "https://acquirer.example.com#@127.0.0.1:%s"},
		{"escaped userinfo", "https://acquirer.example.com%%40127.0.0.1:%s"},
		{"address with a zone", "https://[fe80::1%%25lo]:%s"},
		{"long IPv6 loopback", "https://[0:0:0:0:0:0:0:1]:%s"},
		{"IPv6 loopback without brackets", "https://::1:%s"},
		{"two ports", "https://acquirer.example.com:443:%s"},
		{"signed port", "https://acquirer.example.com:+%s"},
		{"port of the request", "https://acquirer.example.com:{{.Fields.port}}%.0s"},
		{"host of the request", "https://{{.Fields.host}}:%s"},
		{"CRLF in the host", "https://acquirer.example.com\r\nHost: x:%s"},
		{"NUL in the host", "https://127.0.0.1\x00.example.com:%s"},
		{"trailing dot", "https://localhost.:%s"},
		{"upper case", "https://LOCALHOST:%s"},
		{"files", "file:///etc/passwd?%s"},
		{"gopher", "gopher://127.0.0.1:%s"},
		{"plain text", "http://acquirer.example.com:%s"},
		{"no scheme", "//127.0.0.1:%s"},
	} {
		d := acquirer(tr.port)
		d.URL = fmt.Sprintf(test.url, tr.port)
		refuseSettings(t, test.name, d, "url: ")
	}
	for _, test := range []struct {
		name, about string
		change      func(d *forward.Destination)
	}{
		{"CRLF in the path", "path: ", func(d *forward.Destination) { d.Path = "/pay HTTP/1.1\r\nHost: 169.254.169.254" }},
		{"another host as path", "path: ", func(d *forward.Destination) { d.Path = "//169.254.169.254/" }},
		{"userinfo as path", "path: ", func(d *forward.Destination) { d.Path = "@127.0.0.1/" }},
		{"CRLF in a header", "headers[0]: ", func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: "X-Key", Value: []byte("a\r\nHost: 169.254.169.254")}}
		}},
		{"CRLF in a header's name", "headers[0]: ", func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: "X-Key: a\r\nHost", Value: []byte("169.254.169.254")}}
		}},
		{"another Host", "headers[0]: ", func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: "Host", Value: []byte("169.254.169.254")}}
		}},
		{"CONNECT", "method: ", func(d *forward.Destination) { d.Method = "CONNECT" }},
		{"CRLF in the method", "method: ", func(d *forward.Destination) { d.Method = "POST / HTTP/1.1\r\nX:" }},
	} {
		d := acquirer(tr.port)
		test.change(&d)
		refuseSettings(t, test.name, d, test.about)
	}
}

func refuseSettings(t *testing.T, name string, d forward.Destination, about string) {
	t.Helper()
	_, err := forward.New(d)
	if !errors.Is(err, forward.ErrInvalid) || !strings.Contains(err.Error(), about) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%s: %v, want an error about %s", name, err, about)
		return
	}
	t.Logf("%-34s %v", name, err)
}

// TestSSRFRequests: what settings, names and requests lead to is looked at
// before a connection is made, and the card stays here.
func TestSSRFRequests(t *testing.T) {
	tr := newTrap(t)
	const refused, public, metadata = "the host has an address that is refused", "not a public address", "the address of a metadata service"
	literal := func(host string) func(d *forward.Destination) {
		return func(d *forward.Destination) { d.URL = "https://" + host + ":" + tr.port }
	}
	inside := func(d *forward.Destination) { d.AllowPrivate = true }
	for _, test := range []struct {
		name   string
		change func(d *forward.Destination)
		names  *names
		fields map[string]any
		code   vault.Code
		says   string // in the error
		asked  int    // the resolver
	}{
		{"loopback", literal("127.0.0.1"), nil, nil, vault.NotSent, public, 0},
		{"all interfaces", literal("0.0.0.0"), nil, nil, vault.NotSent, "not the address of one host", 0},
		{"private network", literal("10.0.0.1"), nil, nil, vault.NotSent, public, 0},
		{"link-local", literal("169.254.1.1"), nil, nil, vault.NotSent, public, 0},
		{"metadata service", literal("169.254.169.254"), nil, nil, vault.NotSent, metadata, 0},
		{"carrier-grade NAT", literal("100.64.0.1"), nil, nil, vault.NotSent, public, 0},
		{"IPv6 loopback", literal("[::1]"), nil, nil, vault.NotSent, public, 0},
		{"IPv6 link-local", literal("[fe80::1]"), nil, nil, vault.NotSent, public, 0},
		{"IPv6 unique local", literal("[fc00::1]"), nil, nil, vault.NotSent, public, 0},
		{"IPv6 metadata service", literal("[fd00:ec2::254]"), nil, nil, vault.NotSent, metadata, 0},
		{"NAT64 of loopback", literal("[64:ff9b::7f00:1]"), nil, nil, vault.NotSent, public, 0},
		{"NAT64 of a metadata service", literal("[64:ff9b::a9fe:a9fe]"), nil, nil, vault.NotSent, metadata, 0},
		{"6to4 of loopback", literal("[2002:7f00:1::1]"), nil, nil, vault.NotSent, public, 0},
		{"6to4 of a private address", literal("[2002:a00:1::1]"), nil, nil, vault.NotSent, public, 0},
		{"Teredo of loopback", literal("[2001:0:808:808::80ff:fffe]"), nil, nil, vault.NotSent, public, 0},
		{"v4-compatible loopback", literal("[::7f00:1]"), nil, nil, vault.NotSent, public, 0},
		{"ISATAP of loopback", literal("[2606:4700::5efe:7f00:1]"), nil, nil, vault.NotSent, public, 0},

		{"name of loopback", nil, leadsTo("127.0.0.1"), nil, vault.NotSent, public, 1},
		{"localhost", literal("localhost"), leadsTo("127.0.0.1 ::1"), nil, vault.NotSent, public, 1},
		{"metadata name of Google", literal("metadata.google.internal"), leadsTo("169.254.169.254"), nil, vault.NotSent, metadata, 1},
		{"metadata name of Amazon", literal("instance-data.ec2.internal"), leadsTo("169.254.169.254"), nil, vault.NotSent, metadata, 1},
		{"metadata name, private allowed", inside, leadsTo("169.254.169.254"), nil, vault.NotSent, metadata, 1},
		{"IPv6 metadata name, private allowed", inside, leadsTo("fd00:ec2::254"), nil, vault.NotSent, metadata, 1},
		{"v4-mapped answer", nil, leadsTo("::ffff:127.0.0.1"), nil, vault.NotSent, public, 1},
		{"v4-mapped metadata, private allowed", inside, leadsTo("::ffff:169.254.169.254"), nil, vault.NotSent, metadata, 1},
		{"public and private at once", nil, leadsTo("8.8.8.8 127.0.0.1"), nil, vault.NotSent, public, 1},
		{"DNS rebinding, private first", nil, leadsTo("127.0.0.1", "8.8.8.8"), nil, vault.NotSent, refused, 1},
		// The first answer is allowed and nobody is there; the second one would be
		// the trap.
		{"DNS rebinding, private later", inside, leadsTo("127.0.0.2", "127.0.0.1"), nil, vault.NotSent, "no connection to the host", 1},
		{"no address", nil, leadsTo(""), nil, vault.NotSent, "no address", 1},
		{"plain text to the outside", func(d *forward.Destination) {
			d.URL, d.AllowPlaintext, d.AllowPrivate = "http://acquirer.internal:"+tr.port, true, true
		}, leadsTo("8.8.8.8"), nil, vault.NotSent, "a public address, for plain text", 1},

		{"CRLF in a field of the path", pathField, leadsTo("8.8.8.8"), field("x HTTP/1.1\r\nHost: 169.254.169.254\r\n"), vault.BadRequest, "path", 0},
		{"another path in a field", pathField, leadsTo("8.8.8.8"), field("../admin"), vault.BadRequest, "path", 0},
		{"dots in a field", pathField, leadsTo("8.8.8.8"), field(".."), vault.BadRequest, "path", 0},
		{"backslash in a field", pathField, leadsTo("8.8.8.8"), field(`\\169.254.169.254\`), vault.BadRequest, "path", 0},
		{"CRLF in a field of a header", headerField, leadsTo("8.8.8.8"), field("x\r\nHost: 169.254.169.254"), vault.BadRequest, "header", 0},
		{"LF in a field of a header", headerField, leadsTo("8.8.8.8"), field("x\nTransfer-Encoding: chunked"), vault.BadRequest, "header", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := acquirer(tr.port)
			if test.change != nil {
				test.change(&d)
			}
			if _, err := forward.New(d); err != nil { // an address that is written down is refused with the configuration
				if test.names != nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want …%s…", err, test.says)
				}
				t.Log(err)
				return
			}
			s := ssrfTill(t, d, test.names)
			token := s.token(t)
			_, err := s.Forward(t.Context(), s.secret, vault.ForwardRequest{Destination: d.Name, Token: token, Fields: test.fields})
			if vault.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "4242") {
				t.Errorf("got %v, want %s: …%s…", err, test.code, test.says)
			}
			t.Log(err)
			if used, _ := s.used(t, token); used {
				t.Error("the token is used")
			}
			if got := s.ledger(t); got[store.ForwardNotSent] != len(got) || len(got) > 1 {
				t.Errorf("ledger %v", got)
			}
			if test.names != nil && test.names.asked != test.asked {
				t.Errorf("the resolver was asked %d times, want %d", test.names.asked, test.asked)
			}
		})
	}
	if n := tr.calls.Load(); n != 0 {
		t.Errorf("%d connections to where nobody must get", n)
	}
}

func pathField(d *forward.Destination) { d.Path = "/v1/{{.Fields.x}}/pay" }

func headerField(d *forward.Destination) {
	d.Headers = []forward.Header{{Name: "X-Id", Value: []byte("id {{.Fields.x}}")}}
}

func field(value string) map[string]any { return map[string]any{"x": value} }

// ssrfTill is a till with one destination.
func ssrfTill(t *testing.T, d forward.Destination, resolver *names) *till {
	t.Helper()
	endpoint, err := forward.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return &till{shop: newShopWith(t, func(o *vault.Options) {
		if resolver != nil {
			o.Resolver = resolver
		}
		o.Destinations = []vault.Destination{{Endpoint: endpoint, Use: vault.UseForward, Merchants: []string{vault.EveryMerchant}}}
	})}
}

// TestSSRFRedirects: a redirect is an answer, and nobody follows it.
func TestSSRFRedirects(t *testing.T) {
	tr := newTrap(t)
	var requests atomic.Int64
	var location, body atomic.Value // redirection and string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		b, _ := io.ReadAll(r.Body)
		body.Store(r.Host + " " + string(b))
		to := location.Load().(redirection)
		w.Header().Set("Location", to.location)
		w.WriteHeader(to.status)
	}))
	defer server.Close()
	d := acquirer(tr.port)
	d.URL, d.AllowPlaintext, d.AllowPrivate = server.URL, true, true
	d.Body = `{"number": "{{.Number}}", "x": "{{.Fields.x}}"}`
	s := ssrfTill(t, d, nil)
	card := s.stored(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{"http://127.0.0.1:" + tr.port + "/", "http://169.254.169.254/latest/meta-data/", server.URL + "/again"} {
			location.Store(redirection{status, target})
			before := requests.Load()
			f, err := s.Forward(t.Context(), s.secret, vault.ForwardRequest{Destination: d.Name, Card: card, Fields: field("a\r\nHost: evil")})
			if err != nil || f.Status != status || f.State != vault.ForwardAnswered || f.Header.Get("Location") != "" {
				t.Errorf("%d to %s: %+v, %v", status, target, f, err)
			}
			if got := requests.Load() - before; got != 1 {
				t.Errorf("%d to %s: %d requests, want one", status, target, got)
			}
			host := strings.TrimPrefix(server.URL, "http://")
			if want := host + ` {"number": "4242424242424242", "x": "a\u000D\u000AHost: evil"}`; body.Load() != want {
				t.Errorf("it received %s, want %s", body.Load(), want)
			}
		}
	}
	if n := tr.calls.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

type redirection struct {
	status   int
	location string
}

// TestSSRFProxies: settings of the environment for other programs lead no card
// elsewhere.
func TestSSRFProxies(t *testing.T) {
	tr := newTrap(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+tr.port)
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	s := newTill(t)
	// A transport that asks the environment leaves 127.0.0.1 out, so a name is
	// tried as well.
	d := acquirer(tr.port)
	d.URL, d.AllowPlaintext, d.AllowPrivate = strings.Replace(s.processor.URL, "127.0.0.1", "acquirer.internal", 1), true, true
	named := ssrfTill(t, d, leadsTo("127.0.0.1"))
	f, err := named.Forward(t.Context(), named.secret, vault.ForwardRequest{Destination: d.Name, Card: named.stored(t)})
	if err != nil || f.State != vault.ForwardAnswered {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := s.forward(t, vault.ForwardRequest{Card: s.stored(t)}); err != nil {
		t.Error(err)
	}
	if n := tr.calls.Load(); n != 0 {
		t.Errorf("%d connections to the proxy", n)
	}
}
