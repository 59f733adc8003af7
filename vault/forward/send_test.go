package forward_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/vault/forward"
)

// processor is a server that plays a script on each connection and counts the
// requests that reach it whole.
type processor struct {
	url      string
	conns    atomic.Int32
	requests atomic.Int32
	bodies   chan string
}

func newProcessor(t *testing.T, script func(p *processor, c net.Conn)) *processor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &processor{url: "http://" + l.Addr().String(), bodies: make(chan string, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.conns.Add(1)
			script(p, c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return p
}

// read reads one request.
func (p *processor) read(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.requests.Add(1)
	p.bodies <- string(b)
}

func (p *processor) destination() forward.Destination {
	d := destination()
	d.URL, d.AllowPlaintext, d.AllowPrivate = p.url, true, true
	return d
}

// says answers a request with fixed bytes.
func says(text string) func(*processor, net.Conn) {
	return func(p *processor, c net.Conn) {
		p.read(c)
		_, _ = io.WriteString(c, text)
	}
}

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script func(*processor, net.Conn)
		class  error
		reason string
		status int
		body   string
	}{
		{"answer", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"), nil, "", 200, "ok"},
		{"answer and more", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 X\r\n\r\n"), nil, "", 200, "ok"},
		{"decline", says("HTTP/1.1 402 No\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"), nil, "", 402, "no"},
		{"server error", says("HTTP/1.1 500 No\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"), nil, "", 500, "no"},
		{"204", says("HTTP/1.1 204 No Content\r\n\r\n"), nil, "", 204, ""},
		{"chunks", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), nil, "", 200, "ok"},
		{"trailers", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n"), nil, "", 200, "ok"},
		{"until the end", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok"), nil, "", 200, "ok"},
		{"HTTP/1.0", says("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nok"), nil, "", 200, "ok"},
		{"100 first", says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"), nil, "", 200, "ok"},
		{"redirect", says("HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"), nil, "", 307, ""},
		{"redirect to itself", says("HTTP/1.1 308 Go\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), nil, "", 308, ""},
		{"exactly the limit", says("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000)), nil, "", 200, strings.Repeat("x", 1000)},

		{"closed at once", func(p *processor, c net.Conn) {}, forward.ErrUnknown, "", 0, ""},
		{"closed after a byte", func(p *processor, c net.Conn) { _, _ = c.Read(make([]byte, 1)) }, forward.ErrUnknown, "", 0, ""},
		{"reset", func(p *processor, c net.Conn) { p.read(c); _ = c.(*net.TCPConn).SetLinger(0) }, forward.ErrUnknown, "no answer", 0, ""},
		{"no answer", says(""), forward.ErrUnknown, "no answer", 0, ""},
		{"100 only", says("HTTP/1.1 100 Continue\r\n\r\n"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"half a status line", says("HTTP/1.1 20"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"half a head", says("HTTP/1.1 200 OK\r\nContent-Le"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"half a body", says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"half a chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nok"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"no last chunk", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), forward.ErrUnknown, "answer cut short", 0, ""},
		{"garbage", says("SSH-2.0-OpenSSH_9.0\r\n\r\n"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"bad status", says("HTTP/1.1 abc OK\r\n\r\n"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"HTTP/2", says("HTTP/2.0 200 OK\r\n\r\n"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"bad length", says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"two lengths", says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"switching", says("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"endless 1xx", says(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)), forward.ErrUnknown, "the answer is malformed", 0, ""},
		{"huge head", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n"), forward.ErrUnknown, "the answer's head is too large", 0, ""},
		{"huge body announced", says("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + strings.Repeat("x", 1001)), forward.ErrUnknown, "the answer is too large", 0, ""},
		{"huge body in chunks", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("64\r\n"+strings.Repeat("x", 100)+"\r\n", 11) + "0\r\n\r\n"), forward.ErrUnknown, "the answer is too large", 0, ""},
		{"huge body until the end", says("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 5000)), forward.ErrUnknown, "the answer is too large", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProcessor(t, tt.script)
			d := p.destination()
			d.MaxResponse = 1000
			r := render(t, d, values(t, ""))
			befores := 0
			s := forward.NewSender(nil, nil)
			a, err := s.Send(t.Context(), r, func() error { befores++; return nil })
			if tt.class != nil {
				if !errors.Is(err, tt.class) || errors.Is(err, forward.ErrNotSent) || tt.reason != "" && forward.Reason(err) != tt.reason {
					t.Fatalf("got %v, want %v: %s", err, tt.class, tt.reason)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				c, err := forward.Scrub(a, secrets(t))
				if err != nil || a.Status() != tt.status || c.Status != tt.status || string(c.Body) != tt.body || len(c.Header) != 0 {
					t.Errorf("got %d %q %v (%v)", c.Status, c.Body, c.Header, err)
				}
			}
			if _, err := s.Send(t.Context(), r, nil); !errors.Is(err, forward.ErrSpent) || errors.Is(err, forward.ErrNotSent) {
				t.Errorf("sent twice: %v", err)
			}
			if befores != 1 || p.conns.Load() > 1 || p.requests.Load() > 1 {
				t.Errorf("%d befores, %d connections, %d requests, want one", befores, p.conns.Load(), p.requests.Load())
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	got := make(chan string, 1)
	p := newProcessor(t, func(p *processor, c net.Conn) {
		b := make([]byte, 64<<10)
		n := 0
		for !strings.HasSuffix(string(b[:n]), `"ref":"fwd_test_1"}`) {
			m, err := c.Read(b[n:])
			if n += m; err != nil {
				break
			}
		}
		got <- string(b[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	d := p.destination()
	d.Path = "/v1/{{.Fields.id}}"
	d.Headers = []forward.Header{{Name: "authorization", Value: []byte("Bearer {{x}}"), Secret: true}, {Name: "Idempotency-Key", Value: []byte("{{.Reference}}")}}
	r := render(t, d, values(t, `{"id":"a b"}`))
	if _, err := forward.NewSender(nil, nil).Send(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	body := `{"card":{"number":"4539578763621486","exp":"03/31","cvv":"731","name":"Jane \"J\" \u003CDoe\u003E \u0026 Co"},"ref":"fwd_test_1"}`
	want := "POST /v1/a%20b HTTP/1.1\r\nHost: " + strings.TrimPrefix(p.url, "http://") + "\r\nContent-Type: application/json\r\n" +
		"Accept-Encoding: identity\r\nConnection: close\r\nAuthorization: Bearer {{x}}\r\nIdempotency-Key: fwd_test_1\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	if got := <-got; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEveryContentTypeArrives(t *testing.T) {
	for _, tt := range []struct{ media, body, want string }{
		{typeForm, "n={{.Number}}&c={{.SecurityCode}}&n2={{.Number}}", "n=" + number + "&c=731&n2=" + number},
		{typeXML, "<p n='{{.Number}}'>{{.SecurityCode}}</p>", "<p n='" + number + "'>731</p>"},
		{typeJSON, `{"n":{{.Number}},"c":"{{.SecurityCode}}"}`, `{"n":` + number + `,"c":"731"}`},
	} {
		p := newProcessor(t, says("HTTP/1.1 204 No\r\n\r\n"))
		d := p.destination()
		d.ContentType, d.Body = tt.media, tt.body
		if _, err := forward.NewSender(nil, nil).Send(t.Context(), render(t, d, values(t, "")), nil); err != nil {
			t.Fatal(err)
		}
		if got := <-p.bodies; got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestGET(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"))
	d := p.destination()
	d.Method, d.ContentType, d.Body, d.Path = "GET", "", "", "/v1/{{.Reference}}"
	r, err := endpoint(t, d).Render(forward.Values{Reference: "r1"}, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forward.NewSender(nil, nil).Send(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if got := <-p.bodies; got != "" {
		t.Errorf("a GET has the body %q", got)
	}
}

func TestNotSent(t *testing.T) {
	errLedger := errors.New("ledger")
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, tt := range []struct {
		name   string
		set    func(*forward.Destination)
		before func(cancel func()) error
		cause  error
		reason string
	}{
		{"nobody listens", func(d *forward.Destination) { d.URL = "http://" + closed.Addr().String() }, nil, nil, "no connection to the host"},
		{"the ledger fails", func(*forward.Destination) {}, func(func()) error { return errLedger }, errLedger, "the caller ended the attempt"},
		{"cancelled before writing", func(*forward.Destination) {}, func(cancel func()) error { cancel(); return nil }, context.Canceled, "the time was over before writing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProcessor(t, says("HTTP/1.1 200 OK\r\n\r\n"))
			d := p.destination()
			tt.set(&d)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := forward.NewSender(nil, nil).Send(ctx, render(t, d, values(t, "")), func() error {
				if tt.before == nil {
					return nil
				}
				return tt.before(cancel)
			})
			if !errors.Is(err, forward.ErrNotSent) || errors.Is(err, forward.ErrUnknown) || forward.Reason(err) != tt.reason || tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
			if n := p.requests.Load(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

func TestSlowAnswers(t *testing.T) {
	for _, first := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"} {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		p := newProcessor(t, func(p *processor, c net.Conn) {
			says(first)(p, c)
			cancel()
			<-release
		})
		_, err := forward.NewSender(nil, nil).Send(ctx, render(t, p.destination(), values(t, "")), nil)
		close(release)
		if !errors.Is(err, forward.ErrUnknown) || forward.Reason(err) != "the time was over before the answer" {
			t.Errorf("after %q: %v", first, err)
		}
	}
}

func TestTiming(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 204 No\r\n\r\n"))
	at := time.Unix(0, 0)
	a, err := forward.NewSender(nil, func() time.Time { at = at.Add(time.Second); return at }).
		Send(t.Context(), render(t, p.destination(), values(t, "")), nil)
	if err != nil || a.Total() != time.Second {
		t.Errorf("%v, %v", a.Total(), err)
	}
}

func TestWipedRequest(t *testing.T) {
	r := render(t, destination(), values(t, ""))
	r.Wipe()
	r.Wipe()
	if _, err := forward.NewSender(resolvesTo("8.8.8.8"), nil).Send(t.Context(), r, nil); !errors.Is(err, forward.ErrSpent) {
		t.Error(err)
	}
	if !contains(r.Masked(), "************1486") {
		t.Error("no masked body after Wipe")
	}
}

func TestRefusedAddresses(t *testing.T) {
	for _, tt := range []struct {
		addr    string
		private string // reason with AllowPrivate, "" when it may be tried
	}{
		{"127.0.0.1", ""}, {"127.255.255.254", ""}, {"10.0.0.1", ""}, {"172.16.0.1", ""}, {"192.168.1.1", ""},
		{"100.64.0.1", ""}, {"169.254.1.1", ""}, {"192.0.2.1", ""}, {"198.18.0.1", ""}, {"198.51.100.1", ""}, {"203.0.113.1", ""},
		{"192.0.0.1", ""}, {"240.0.0.1", ""}, {"0.1.2.3", ""}, {"::1", ""}, {"fc00::1", ""}, {"fe80::1", ""}, {"fec0::1", ""},
		{"2001:db8::1", ""}, {"100::1", ""}, {"2002:7f00:1::", ""}, {"2002:a00:1::1", ""}, {"64:ff9b::7f00:1", ""}, {"64:ff9b::a00:1", ""},
		{"64:ff9b:1::808:808", ""}, {"2001:0:808:808::80ff:fffe", ""}, {"::127.0.0.1", ""}, {"::ffff:10.0.0.1", ""},
		{"0.0.0.0", "x"}, {"::", "x"}, {"255.255.255.255", "x"}, {"224.0.0.1", "x"}, {"ff02::1", "x"},
		{"169.254.169.254", "x"}, {"fd00:ec2::254", "x"}, {"::ffff:169.254.169.254", "x"}, {"64:ff9b::a9fe:a9fe", "x"},
		{"2002:a9fe:a9fe::", "x"}, {"::169.254.169.254", "x"}, {"2001:0:808:808::5601:5601", "x"}, {"100.100.100.200", "x"}, {"fe80::1%eth0", "x"},
	} {
		for _, allow := range []bool{false, true} {
			if allow && tt.private == "" {
				continue
			}
			d := destination()
			d.AllowPrivate = allow
			called := false
			_, err := forward.NewSender(resolvesTo("8.8.8.8", tt.addr), nil).Send(t.Context(), render(t, d, values(t, "")), func() error { called = true; return nil })
			if !errors.Is(err, forward.ErrNotSent) || !strings.HasPrefix(forward.Reason(err), "the host has an address that is refused: ") || called {
				t.Errorf("%s with AllowPrivate %v: %v", tt.addr, allow, err)
			}
		}
	}
}

// An address that is written down is refused with the configuration.
func TestRefusedLiterals(t *testing.T) {
	for _, url := range []string{"https://127.0.0.1", "https://169.254.169.254", "https://[::1]", "https://[fd00:ec2::254]", "https://10.0.0.1:8443", "https://[64:ff9b::a9fe:a9fe]"} {
		d := destination()
		d.URL = url
		if _, err := forward.New(d); !errors.Is(err, forward.ErrInvalid) || !strings.Contains(err.Error(), "address") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// A name that is public when it is checked and private when it is used is
// resolved once only.
func TestRebinding(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 204 No\r\n\r\n"))
	d := destination()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	d.URL = "https://rebind.example.com:" + port
	h := &hosts{[][]netip.Addr{{netip.MustParseAddr("127.0.0.1")}, {netip.MustParseAddr("8.8.8.8")}}}
	_, err := forward.NewSender(h, nil).Send(t.Context(), render(t, d, values(t, "")), nil)
	if !errors.Is(err, forward.ErrNotSent) || p.conns.Load() != 0 || len(h.answers) != 1 {
		t.Errorf("%v; %d connections, %d answers left", err, p.conns.Load(), len(h.answers))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h = &hosts{[][]netip.Addr{{netip.MustParseAddr("8.8.8.8")}, {netip.MustParseAddr("127.0.0.1")}, {netip.MustParseAddr("127.0.0.2")}}}
	_, err = forward.NewSender(h, nil).Send(ctx, render(t, d, values(t, "")), nil)
	if !errors.Is(err, forward.ErrNotSent) || p.conns.Load() != 0 || len(h.answers) != 2 {
		t.Errorf("%v; %d connections, %d answers left", err, p.conns.Load(), len(h.answers))
	}
}

func TestPlaintextStaysInside(t *testing.T) {
	d := destination()
	d.URL, d.AllowPlaintext, d.AllowPrivate = "http://psp.internal", true, true
	_, err := forward.NewSender(resolvesTo("8.8.8.8"), nil).Send(t.Context(), render(t, d, values(t, "")), nil)
	if !errors.Is(err, forward.ErrNotSent) || !strings.Contains(err.Error(), "plain text") {
		t.Error(err)
	}
}

func TestLocalhostNames(t *testing.T) {
	for _, host := range []string{"localhost", "localhost.localdomain", "127.0.0.1.nip.example"} {
		d := destination()
		d.URL = "https://" + host
		_, err := forward.NewSender(resolvesTo("127.0.0.1"), nil).Send(t.Context(), render(t, d, values(t, "")), nil)
		if !errors.Is(err, forward.ErrNotSent) || !strings.Contains(err.Error(), "not a public address") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestSecondAddress(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 204 No\r\n\r\n"))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.url, "http://"))
	d := p.destination()
	d.URL = "http://psp.internal:" + port
	if _, err := forward.NewSender(resolvesTo("127.0.0.2", "127.0.0.1"), nil).Send(t.Context(), render(t, d, values(t, "")), nil); err != nil {
		t.Error(err)
	}
	if c, r := p.conns.Load(), p.requests.Load(); c != 1 || r != 1 {
		t.Errorf("%d connections, %d requests", c, r)
	}
}

func TestConcurrentUse(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"))
	e, s := endpoint(t, p.destination()), forward.NewSender(nil, nil)
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			r, err := e.Render(values(t, ""), rand.Reader)
			if err != nil {
				t.Error(err)
				return
			}
			a, err := s.Send(t.Context(), r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := forward.Scrub(a, secrets(t)); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if n := p.requests.Load(); n != 8 {
		t.Errorf("%d requests, want 8", n)
	}
}

// One request that many try to send is sent once.
func TestConcurrentSend(t *testing.T) {
	p := newProcessor(t, says("HTTP/1.1 204 No\r\n\r\n"))
	r, s := render(t, p.destination(), values(t, "")), forward.NewSender(nil, nil)
	var g sync.WaitGroup
	var sent atomic.Int32
	for range 8 {
		g.Go(func() {
			if _, err := s.Send(t.Context(), r, nil); err == nil {
				sent.Add(1)
			} else if !errors.Is(err, forward.ErrSpent) {
				t.Error(err)
			}
			r.Wipe()
		})
	}
	g.Wait()
	if n := p.requests.Load(); n != 1 || sent.Load() != 1 {
		t.Errorf("%d requests, %d answers, want 1", n, sent.Load())
	}
}
