package httpapi_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// request is written by hand, byte for byte: net/http would tidy it up.
type request struct {
	method, path string
	auth         string // the Authorization header, "" for none
	contentType  string
	header       []string // further lines
	body         string
	chunked      bool
}

func (r request) bytes(host string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.path, host)
	if r.auth != "" {
		fmt.Fprintf(&b, "Authorization: %s\r\n", r.auth)
	}
	if r.contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", r.contentType)
	}
	for _, line := range r.header {
		b.WriteString(line + "\r\n")
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for piece := range slices.Chunk([]byte(r.body), 7) {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
		}
		b.WriteString("0\r\n\r\n")
	case r.body != "":
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	default:
		b.WriteString("\r\n")
	}
	return []byte(b.String())
}

// basic is the Authorization header for what stands between the key and the
// base64: the key alone, or with a colon and more.
func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

// do sends one request on a connection of its own and checks what is true of
// every answer.
func (w *wire) do(t testing.TB, r request) answer {
	t.Helper()
	sent := r.bytes(w.addr)
	a := send(t, dial(t, w.addr), sent, r.method)
	a.check(t)
	a.documented(t, sent, w.tags...)
	return a
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// exchange sends bytes and reads one answer, which must be as documented, then
// closes the connection.
func exchange(t testing.TB, conn net.Conn, sent []byte, method string) answer {
	t.Helper()
	a := send(t, conn, sent, method)
	a.documented(t, sent)
	return a
}

// send is exchange without a look at the answer.
func send(t testing.TB, conn net.Conn, sent []byte, method string) answer {
	t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = conn.Write(sent) }() // a refused body may never be taken
	return readAnswer(t, bufio.NewReader(conn), method)
}

func readAnswer(t testing.TB, from *bufio.Reader, method string) answer {
	t.Helper()
	resp, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	return answer{method: method, status: resp.StatusCode, header: resp.Header, raw: string(body)}
}

// goodCard is a card as JSON literals.
func goodCard() map[string]string {
	return map[string]string{
		"name": `"JANE DOE"`, "number": `"4242424242424242"`,
		"expiration_month": `10`, "expiration_year": `2030`, "security_code": `"123"`,
	}
}

// with returns goodCard with changes; a parameter set to "" is left out.
func with(changes map[string]string) map[string]string {
	card := goodCard()
	for name, literal := range changes {
		if card[name] = literal; literal == "" {
			delete(card, name)
		}
	}
	return card
}

// cardJSON is a request body with goodCard and changes.
func cardJSON(changes map[string]string) string {
	return `{"card":` + object(with(changes)) + `}`
}

func object(fields map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, fmt.Sprintf("%q:%s", name, fields[name]))
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// cardForm is the same as a form; JSON strings lose their quotes.
func cardForm(changes map[string]string) string {
	form := url.Values{}
	for name, literal := range with(changes) {
		form.Set("card["+name+"]", strings.Trim(literal, `"`))
	}
	return form.Encode()
}

func asForm(r *request) { r.contentType = "application/x-www-form-urlencoded" }
