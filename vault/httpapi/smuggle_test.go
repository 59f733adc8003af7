package httpapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSmuggling sends requests that two readers could cut in different places,
// each followed by a second request that must never be answered as such. Every
// one is refused or the connection closed; nothing gets through, and nothing
// is a 5xx.
func TestSmuggling(t *testing.T) {
	w := newWire(t, config{})
	auth := "Authorization: " + basic(w.public) + "\r\n"
	smuggled := "GET /tokens/smuggled HTTP/1.1\r\nHost: x\r\n" + auth + "\r\n"
	head := "POST /tokens HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Type: application/json\r\n"
	card := cardJSON(nil)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(card))
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(card), card)
	tests := map[string]string{
		"TE.CL":                        head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"CL.TE":                        head + "Transfer-Encoding: chunked\r\n" + length + "\r\n" + chunked,
		"TE.CL, split name":            head + "content-LENGTH: 4\r\ntransfer-ENCODING: chunked\r\n\r\n" + chunked,
		"TE with a tab":                head + "Transfer-Encoding:\tchunked\r\n" + length + "\r\n" + chunked,
		"TE with a space before colon": head + "Transfer-Encoding : chunked\r\n" + length + "\r\n" + card,
		"TE twice":                     head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"TE twice, equal":              head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"TE list":                      head + "Transfer-Encoding: identity, chunked\r\n\r\n" + chunked,
		"TE unknown":                   head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked,
		"TE gzip":                      head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked,
		"TE vertical tab":              head + "Transfer-Encoding: \vchunked\r\n\r\n" + chunked,
		"TE in HTTP/1.0":               strings.Replace(head, "1.1", "1.0", 1) + "Transfer-Encoding: chunked\r\n" + length + "\r\n" + chunked,
		"CL twice":                     head + "Content-Length: 4\r\n" + length + "\r\n" + card,
		"CL twice, equal":              head + length + length + "\r\n" + card,
		"CL list":                      head + "Content-Length: 4, 4\r\n\r\n" + card,
		"CL negative":                  head + "Content-Length: -1\r\n\r\n" + card,
		"CL plus":                      head + "Content-Length: +4\r\n\r\n" + card,
		"CL hexadecimal":               head + "Content-Length: 0x4\r\n\r\n" + card,
		"CL empty":                     head + "Content-Length: \r\n\r\n" + card,
		"CL overflow":                  head + "Content-Length: 18446744073709551617\r\n\r\n" + card,
		"CL with a space in":           head + "Content-Length: 1 0\r\n\r\n" + card,
		"bare LF":                      strings.ReplaceAll(head+length+"\r\n", "\r\n", "\n") + card,
		"bare LF before CL":            head + "X-A: b\n" + length + "\r\n" + card,
		"bare LF after CL":             head + strings.TrimSuffix(length, "\r\n") + "\n\r\n" + card,
		"bare LF ends the head":        head + length + "\n" + card,
		"bare CR in a value":           head + "X-A: b\rContent-Length: 4\r\n" + length + "\r\n" + card,
		"obs-fold":                     head + "X-A: b\r\n Content-Length: 4\r\n" + length + "\r\n" + card,
		"obs-fold of TE":               head + "Transfer-Encoding:\r\n chunked\r\n" + length + "\r\n" + card,
		"obs-fold first":               "POST /tokens HTTP/1.1\r\n Host: x\r\n" + auth + length + "\r\n" + card,
		"zero byte in a name":          head + "X\x00-A: b\r\n" + length + "\r\n" + card,
		"zero byte in a value":         head + "X-A: b\x00\r\n" + length + "\r\n" + card,
		"space in a name":              head + "X A: b\r\n" + length + "\r\n" + card,
		"no colon":                     head + "Content-Length\r\n\r\n" + card,
		"no Host":                      strings.Replace(head, "Host: x\r\n", "", 1) + length + "\r\n" + card,
		"two Hosts":                    strings.Replace(head, "Host: x\r\n", "Host: x\r\nHost: y\r\n", 1) + length + "\r\n" + card,
		"bad Host":                     strings.Replace(head, "Host: x", "Host: x y", 1) + length + "\r\n" + card,
		"chunk: bare LF":               head + "Transfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(chunked, "\r\n", "\n"),
		"chunk: bare LF in extension":  head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x;a=b\n%s\r\n0\r\n\r\n", len(card), card),
		"chunk: negative":              head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + card + "\r\n0\r\n\r\n",
		"chunk: prefix":                head + "Transfer-Encoding: chunked\r\n\r\n0x10\r\n" + card + "\r\n0\r\n\r\n",
		"chunk: overflow":              head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n" + card + "\r\n0\r\n\r\n",
		"chunk: longer than said":      head + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + card + "\r\n0\r\n\r\n",
		"chunk: endless extension":     head + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 64<<10) + "\r\n",
		"version":                      strings.Replace(head, "HTTP/1.1", "HTTP/1.9x", 1) + length + "\r\n" + card,
		"HTTP/2 preface":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/3.0":                     strings.Replace(head, "HTTP/1.1", "HTTP/3.0", 1) + length + "\r\n" + card,
		"HTTP/0.9":                     "GET /tokens\r\n",
		"TLS to a plain port":          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 64),
		"spaces only":                  "   \r\n\r\n",
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			if name != "chunk: endless extension" {
				raw += smuggled
			}
			for _, a := range w.sendAll(t, raw) {
				a.check(t)
				a.documented(t, nil) // whose request it answers is what is in doubt
				if a.status != http.StatusBadRequest && a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("%d %s", a.status, a.raw)
				}
			}
		})
	}
}

// Bodies that would take long or much to parse are refused at a small price.
func TestBombs(t *testing.T) {
	w := newWire(t, config{})
	bombs := map[string]string{
		"arrays":          strings.Repeat("[", 100_000),
		"arrays inside":   `{"a":` + strings.Repeat("[", 60_000),
		"objects inside":  strings.Repeat(`{"a":`, 12_000),
		"many names":      `{"a":{` + strings.Repeat(`"x":1,`, 10_000),
		"distinct names":  manyNames(6_000),
		"many numbers":    `{"a":[` + strings.Repeat("1,", 30_000),
		"long number":     `{"a":1` + strings.Repeat("0", 60_000),
		"escapes":         `{"a":"` + strings.Repeat(`\u0041`, 10_000),
		"form of names":   strings.Repeat("a=1&", 16_000),
		"form of arrays":  strings.Repeat("a[]=1&", 10_000),
		"form of depth":   strings.Repeat("a[b]", 10_000) + "=1",
		"form of nesting": "a" + strings.Repeat("[b]", 20_000) + "=1",
		"form of &":       strings.Repeat("&", 60_000),
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for name, body := range bombs {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				a := w.post(t, body, func(r *request) {
					if strings.HasPrefix(name, "form") {
						asForm(r)
					}
				})
				if a.status != http.StatusBadRequest && a.status != http.StatusRequestEntityTooLarge {
					t.Errorf("%d %s", a.status, a.raw)
				}
			}
		})
	}
	runtime.ReadMemStats(&after)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(5*len(bombs)*2<<20) {
		t.Errorf("%d MiB were allocated for %d bombs", used>>20, 5*len(bombs))
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"n%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// sendAll sends bytes on one connection, ends its writing side and reads every
// answer until the server closes.
func (w *wire) sendAll(t testing.TB, raw string) []answer {
	t.Helper()
	conn := dial(t, w.addr)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		_, _ = conn.Write([]byte(raw))
		time.Sleep(100 * time.Millisecond) // a request of a client that leaves is abandoned
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	var answers []answer
	for from := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(from, nil)
		if err != nil {
			if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("the server neither answers nor closes")
			}
			return answers
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return answers // reset while it was read
		}
		answers = append(answers, answer{method: "POST", status: resp.StatusCode, header: resp.Header, raw: string(body)})
	}
}

// The second of two requests on a connection is watched as the first is.
func TestSmugglingBehindAGoodRequest(t *testing.T) {
	w := newWire(t, config{})
	first := request{method: "POST", path: "/tokens", auth: basic(w.public), contentType: "application/json", body: cardJSON(nil)}
	for name, lines := range map[string]string{
		"both lengths":       "Host: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
		"length twice":       "Host: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n",
		"bare LF":            "Host: x\nContent-Length: 0\r\n",
		"fold":               "Host: x\r\nX-A: b\r\n c\r\n",
		"length before Host": "Content-Length: 0\r\nTransfer-Encoding: chunked\r\nHost: x\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			second := "GET /tokens/smuggled HTTP/1.1\r\n" + lines + "Authorization: " + basic(w.public) + "\r\n\r\n0\r\n\r\n"
			conn := dial(t, w.addr)
			defer conn.Close()
			from := bufio.NewReader(conn)
			if _, err := conn.Write(first.bytes(w.addr)); err != nil {
				t.Fatal(err)
			}
			a := readAnswer(t, from, "POST")
			a.documented(t, first.bytes(w.addr))
			if a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.raw)
			}
			if _, err := conn.Write([]byte(second)); err != nil {
				t.Fatal(err)
			}
			if got, _ := io.ReadAll(from); len(got) > 0 { // closed or reset
				t.Errorf("answered %q, want the connection closed", got)
			}
		})
	}
}

// What looks like a head inside a body is data.
func TestHeadsInsideBodies(t *testing.T) {
	w := newWire(t, config{})
	for _, body := range []string{
		strings.ReplaceAll(cardJSON(nil), ",", ",\n"),
		strings.ReplaceAll(cardJSON(nil), ",", ",\n\n "),
		`{"x":"Content-Length: 5 Transfer-Encoding: chunked",` + cardJSON(nil)[1:],
	} {
		a := w.post(t, body)
		if a.status != http.StatusOK {
			t.Errorf("%q: %d %s", body, a.status, a.raw)
		}
	}
}

// A client that sends its head one byte at a time is cut off; one that sends
// its body so gets its answer.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	w := newWire(t, config{})
	t.Run("head", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, w.addr)
		defer conn.Close()
		start := time.Now()
		for {
			if _, err := conn.Write([]byte("G")); err != nil {
				break
			}
			if time.Since(start) > 15*time.Second {
				t.Fatal("still connected after 15 s")
			}
			time.Sleep(250 * time.Millisecond)
		}
	})
	t.Run("body", func(t *testing.T) {
		t.Parallel()
		conn := dial(t, w.addr)
		defer conn.Close()
		r := request{method: "POST", path: "/tokens", auth: basic(w.public), contentType: "application/json", body: cardJSON(nil)}
		for _, c := range r.bytes(w.addr) {
			if _, err := conn.Write([]byte{c}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		a := readAnswer(t, bufio.NewReader(conn), "POST")
		a.documented(t, r.bytes(w.addr))
		if a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
}
