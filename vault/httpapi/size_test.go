package httpapi_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
)

const (
	maxBody = 64 << 10
	maxHead = 8 << 10
)

func newReader(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }

// padded is a card in a JSON body of exactly n bytes.
func padded(n int) string {
	body := cardJSON(nil)
	return body[:len(body)-1] + strings.Repeat(" ", n-len(body)) + "}"
}

func TestBodySize(t *testing.T) {
	w := newWire(t, config{})
	for _, chunked := range []bool{false, true} {
		edit := func(r *request) { r.chunked = chunked }
		for _, n := range []int{4 << 10, 4<<10 + 1, 8 << 10, maxBody - 1, maxBody} {
			if a := w.post(t, padded(n), edit); a.status != http.StatusOK {
				t.Errorf("%d bytes, chunked %t: %d %s", n, chunked, a.status, a.raw)
			}
		}
		for _, n := range []int{maxBody + 1, 100 << 10, 2 << 20} {
			a := w.post(t, padded(n), edit)
			a.want(t, http.StatusRequestEntityTooLarge, "bad_request", "request body is too large")
		}
	}
	// The size that is announced is enough; the body need not be sent.
	a := exchange(t, dial(t, w.addr), []byte("POST /tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
		"Authorization: "+basic(w.public)+"\r\nContent-Length: 99999999999\r\n\r\n{"), "POST")
	a.check(t)
	a.want(t, http.StatusRequestEntityTooLarge, "bad_request", "request body is too large")
}

func TestHeadSize(t *testing.T) {
	w := newWire(t, config{})
	head := func(size int) request {
		r := request{method: "GET", path: "/nothing", auth: basic(w.public)}
		r.header = []string{"X-Padding: "}
		r.header[0] += strings.Repeat("x", size-len(r.bytes(w.addr))+len("\r\n"))
		return r
	}
	w.do(t, head(maxHead)).want(t, http.StatusNotFound, "not_found", unknownRoute)
	for _, size := range []int{maxHead + 1, 16 << 10, 32 << 10, 40 << 10, 200 << 10} {
		a := w.do(t, head(size))
		a.want(t, http.StatusRequestEntityTooLarge, "bad_request", "request headers are too large")
	}
	// Many small headers, and a long path, count alike.
	many := request{method: "GET", path: "/nothing", auth: basic(w.public)}
	for range 1000 {
		many.header = append(many.header, "X-A: 12345")
	}
	w.do(t, many).want(t, http.StatusRequestEntityTooLarge, "bad_request", "request headers are too large")
	long := request{method: "GET", path: "/" + strings.Repeat("x", maxHead), auth: basic(w.public)}
	w.do(t, long).want(t, http.StatusRequestEntityTooLarge, "bad_request", "request headers are too large")
	// Size comes before the key: a head that is too large is not read.
	long.auth = ""
	w.do(t, long).want(t, http.StatusRequestEntityTooLarge, "bad_request", "request headers are too large")
}
