package processor_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/panvault/panvault/cmd/panvault/processor"
)

// wire sends bytes over a socket of its own and returns all that comes until
// the other side closes.
func (s *system) wire(path, body string) string {
	s.t.Helper()
	conn := s.dial(path, body)
	defer conn.Close()
	got, err := io.ReadAll(conn)
	if err != nil {
		s.t.Errorf("read: %v after %.80q", err, got)
	}
	return string(got)
}

func (s *system) dial(path, body string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: processor.test\r\nConnection: close\r\nAuthorization: key\r\nX-Api-Key: key\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	return conn
}

// expectation is what must come over the wire for an amount.
type expectation struct {
	name   string
	status string   // of the first line; "" if there is none
	has    []string // in the bytes
	json   bool     // the body is one JSON object
	whole  bool     // no byte is missing, by Content-Length or chunks
}

func echoed(name, has string) expectation {
	return expectation{name, "200 OK", []string{has, `"status":"approved"`}, true, true}
}

func expectations() map[int]expectation {
	return map[int]expectation{
		900001: {"normal", "200 OK", []string{`"status":"approved"`, "\r\nContent-Type: application/json"}, true, true},
		900002: {"slow", "200 OK", []string{`"status":"approved"`}, true, true},
		900004: {"drop", "", nil, false, false},
		900005: {"drop_in_header", "200 OK", []string{"Content-Type: applica"}, false, false},
		900006: {"drop_in_body", "200 OK", []string{"Content-Length: ", "\r\n\r\n{"}, false, false},
		900007: echoed("echo_plain", `"echo":"4242424242424242"`),
		900008: echoed("echo_spaced", `"echo":"4242 4242 4242 4242"`),
		900009: echoed("echo_base64", `"echo":"`+base64.StdEncoding.EncodeToString([]byte(visa))+`"`),
		900010: echoed("echo_url", `"echo":"`+strings.Repeat("%34%32", 8)+`"`),
		900011: echoed("echo_escaped", `"echo":"`+strings.Repeat(`\u0034\u0032`, 8)+`"`),
		900012: {"echo_chunked", "200 OK", []string{"Transfer-Encoding: chunked", `"echo":"42424242` + "\r\na\r\n" + `42424242"}`}, true, true},
		900013: echoed("echo_header", "\r\nX-Card-Number: 4242424242424242\r\n"),
		900014: echoed("echo_number", `"echo":4242424242424242}`),
		900015: {"html", "200 OK", []string{"Content-Type: text/html", "<h1>502 Bad Gateway"}, false, true},
		900016: {"invalid_json", "200 OK", []string{"Content-Type: application/json", `"status":"approved"`}, false, true},
		900017: {"error_500", "500 Internal Server Error", []string{`"code":"internal"`}, true, true},
		900018: {"error_503", "503 Service Unavailable", []string{"Retry-After: 1"}, true, true},
		900019: {"redirect", "302 Found", []string{"\r\nLocation: http://169.254.169.254/\r\n"}, false, true},
		900020: {"huge", "200 OK", []string{`"status":"approved"`, strings.Repeat("x", 5<<20)}, true, true},
		900021: {"content_type", "200 OK", []string{"Content-Type: text/plain", `"status":"approved"`}, true, true},
		900022: {"empty", "200 OK", []string{"Content-Length: 0"}, false, true},
		900023: {"declined_402", "402 Payment Required", []string{`"failure_code":"payment_rejected"`}, true, true},
		900024: {"drop_uncharged", "", nil, false, false},
		900026: {"redirect_307", "307 Temporary Redirect", []string{"\r\nLocation: http://169.254.169.254/\r\n"}, false, true},
		900027: {"echo_error", "400 Bad Request", []string{`card 4242424242424242 was refused`}, true, true},
	}
}

// row is a behaviour in the answer of GET /.
type row struct {
	Amount         int
	Name, Does     string
	Charges, Drops bool
}

func (s *system) rows() []row {
	s.t.Helper()
	_, text := s.send("GET", "/", "")
	var index struct{ Amounts []row }
	if err := json.Unmarshal([]byte(text), &index); err != nil || len(index.Amounts) != 28 {
		s.t.Fatalf("the index has %d amounts, want 28: %v", len(index.Amounts), err)
	}
	return index.Amounts
}

// TestBehaviours looks at the bytes of every behaviour that ends by itself, and
// at what was charged: it must be what the index says.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	s := start(t)
	want := expectations()
	for _, b := range s.rows() {
		e, ok := want[b.Amount]
		if !ok {
			if !strings.HasPrefix(b.Name, "timeout") && b.Name != "chaos" {
				t.Errorf("no test of %+v", b)
			}
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			before := time.Now()
			got := s.wire("/payments", request(b.Name, visa, b.Amount))
			e.check(t, b, got)
			if b.Name == "slow" && time.Since(before) < 2*time.Second {
				t.Errorf("answered after %v", time.Since(before))
			}
			if r := s.Reference(b.Name); r.Received != 1 || r.Charged != b.Charges {
				t.Errorf("received %d, charged %v, want 1 and %v", r.Received, r.Charged, b.Charges)
			}
		})
	}
}

func (e expectation) check(t *testing.T, b row, got string) {
	t.Helper()
	first, _, _ := strings.Cut(got, "\r\n")
	if want := strings.TrimSuffix("HTTP/1.1 "+e.status, "HTTP/1.1 "); first != want {
		t.Errorf("the answer begins with %q, want %q", first, want)
	}
	if b.Name != e.name || b.Drops == e.whole {
		t.Errorf("the index says %+v, want the name %s and drops %v", b, e.name, !e.whole)
	}
	for _, part := range e.has {
		if !strings.Contains(got, part) {
			t.Errorf("%.50q is not in %.800q", part, got)
		}
	}
	head, rest, _ := strings.Cut(got, "\r\n\r\n")
	if shows := strings.Contains(head+rest, visa); shows && !strings.HasPrefix(e.name, "echo") {
		t.Errorf("the number is in %.800q", got)
	}
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	if (err == nil) != e.whole {
		t.Errorf("reading the answer: %v, want it whole: %v", err, e.whole)
	}
	if b.Name == "drop_in_body" && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reading the body: %v, want an unexpected end", err)
	}
	var object map[string]any
	if err := json.Unmarshal(body, &object); (err == nil) != e.json {
		t.Errorf("the body is %.800q: %v", body, err)
	}
}

// TestTimeouts: there is no answer, the payment is on record all the same, and
// the server sees that the client leaves.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tt := range []struct {
		amount  int
		charged bool
	}{{900003, true}, {900025, false}} {
		reference := strconv.Itoa(tt.amount)
		conn := s.dial("/payments", request(reference, visa, tt.amount))
		await(t, "the payment", func() bool { return s.Reference(reference).Received == 1 })
		if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d: read %d bytes, %v, want nothing", tt.amount, n, err)
		}
		if r := s.Reference(reference); r.Charged != tt.charged {
			t.Errorf("%d: %+v", tt.amount, r)
		}
		_ = conn.Close() // the test's end waits for the handlers, and so for this
	}
	if total := s.Statistics(); total.Dropped != 2 {
		t.Errorf("statistics are %+v", total)
	}
}

func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestClientLeavesSlowAnswer: a late answer is not waited for.
func TestClientLeavesSlowAnswer(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/payments", strings.NewReader(request("slow", visa, 900002)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
		t.Errorf("answered %s within 100 ms", resp.Status)
	}
}

// TestChaos: chance alone chooses, each of the four in turn here.
func TestChaos(t *testing.T) {
	t.Parallel()
	for chance, want := range []string{"", `"status":"approved"`, `"echo":"` + visa + `"`, `"status":"approved"`} {
		s := start(t, func(o *processor.Options) { o.Random = constant(chance) })
		got := s.wire("/payments", request("chaos", visa, 900099))
		if !strings.Contains(got, want) || (got == "") != (want == "") || strings.Contains(got, "echo") != strings.Contains(want, "echo") {
			t.Errorf("chance %d: %q, want %q", chance, got, want)
		}
		names := []string{"drop", "delay", "echo", "normal"}
		if !strings.Contains(s.log.String(), `behaviour="chaos: `+names[chance]+`"`) || !s.Reference("chaos").Charged {
			t.Errorf("chance %d: logged %s", chance, s.log)
		}
	}
}

// constant is a source of random numbers that are all the same.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

// TestBehavioursKeepDeclines: a test amount makes no card good.
func TestBehavioursKeepDeclines(t *testing.T) {
	t.Parallel()
	s := start(t)
	for amount, status := range map[int]int{900007: 200, 900021: 200, 900023: 402} {
		got := s.get(status, "POST", "/payments", request("declined", "4111111111130012", amount))
		if got["status"] != "declined" || got["failure_code"] != "stolen_or_lost_card" {
			t.Errorf("%d: %v", amount, got)
		}
	}
	if r := s.Reference("declined"); r.Charged || r.Declined != 3 {
		t.Errorf("%+v", r)
	}
}

// TestDocumentedBehaviours: the document's table is the index's.
func TestDocumentedBehaviours(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "sandbox-processor.md"))
	if err != nil {
		t.Fatal(err)
	}
	yes := map[bool]string{true: "yes", false: "no"}
	for _, b := range start(t).rows() {
		line := fmt.Sprintf("| %d | `%s` | %s | %s |", b.Amount, b.Name, b.Does, yes[b.Charges])
		if !bytes.Contains(text, []byte(line+"\n")) {
			t.Errorf("the document has no line\n%s", line)
		}
	}
}
