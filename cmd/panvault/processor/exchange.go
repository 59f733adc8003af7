package processor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	slowAnswer = 2 * time.Second
	hugeAnswer = 5 << 20
	metadata   = "http://169.254.169.254/" // of cloud machines: nobody must be led there
)

// exchange is a request that is about to be answered. Its methods are the ways
// to do so.
type exchange struct {
	w      http.ResponseWriter
	r      *http.Request
	status int    // of the right answer
	body   []byte // of the right answer, a JSON object
	number []byte // of the card
	chance byte
}

func (x *exchange) honest() { writeJSON(x.w, x.status, x.body) }

func (x *exchange) slow() { x.after(slowAnswer) }

func (x *exchange) delay() { x.after(slowAnswer * time.Duration(x.chance) / 256) }

// after answers later, unless the client leaves or the server stops.
func (x *exchange) after(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		x.honest()
	case <-x.r.Context().Done():
		x.drop()
	}
}

func (x *exchange) never() {
	<-x.r.Context().Done()
	x.drop() // returning would be an empty answer, for who is still there when the server stops
}

func (x *exchange) drop() { x.raw(nil) }

func (x *exchange) dropInHeader() {
	x.raw([]byte("HTTP/1.1 200 OK\r\nContent-Type: applica"))
}

func (x *exchange) dropInBody() {
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
		x.status, http.StatusText(x.status), len(x.body))
	x.raw(append([]byte(head), x.body[:len(x.body)/2]...))
}

// raw sends bytes as they are, if any, and closes the connection.
func (x *exchange) raw(b []byte) {
	var conn net.Conn
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server closes it then
	}
	defer func() { _ = conn.Close() }()
	if len(b) > 0 {
		_, _ = conn.Write(b) // the client may be gone
	}
}

// with returns the right answer with one more field, of a value in JSON.
func (x *exchange) with(name string, value []byte) []byte {
	body := append([]byte(nil), x.body[:len(x.body)-1]...)
	body = append(body, `,"`+name+`":`...)
	body = append(body, value...)
	return append(body, '}')
}

// echo answers with the number, as a JSON value, in a field.
func (x *exchange) echo(value []byte) {
	body := x.with("echo", value)
	defer clear(body)
	writeJSON(x.w, x.status, body)
}

func quote(b []byte) []byte { return append(append([]byte{'"'}, b...), '"') }

// each writes every digit of the number in a format.
func (x *exchange) each(format string) []byte {
	var b []byte
	for _, digit := range x.number {
		b = fmt.Appendf(b, format, digit)
	}
	return b
}

func (x *exchange) echoPlain()   { x.echo(quote(x.number)) }
func (x *exchange) echoNumber()  { x.echo(x.number) }
func (x *exchange) echoURL()     { x.echo(quote(x.each("%%%02X"))) }
func (x *exchange) echoEscaped() { x.echo(quote(x.each(`\u%04x`))) }
func (x *exchange) echoBase64()  { x.echo(quote(base64.StdEncoding.AppendEncode(nil, x.number))) }

func (x *exchange) echoSpaced() {
	var b []byte
	for i, digit := range x.number {
		if i > 0 && i%4 == 0 {
			b = append(b, ' ')
		}
		b = append(b, digit)
	}
	x.echo(quote(b))
}

// echoChunked sends two chunks, with the middle of the number between them.
func (x *exchange) echoChunked() {
	body := x.with("echo", quote(x.number))
	defer clear(body)
	middle := len(body) - len(`"}`) - len(x.number)/2
	x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write(body[:middle]) // the client may be gone
	_ = http.NewResponseController(x.w).Flush()
	_, _ = x.w.Write(body[middle:])
}

func (x *exchange) echoHeader() {
	x.w.Header().Set("X-Card-Number", string(x.number))
	x.honest()
}

func (x *exchange) echoError() {
	writeError(x.w, http.StatusBadRequest, "invalid_card", "card "+string(x.number)+" was refused by the acquirer")
}

// write sends a body of another kind than JSON.
func (x *exchange) write(kind string, body []byte) {
	x.w.Header().Set("Content-Type", kind)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(x.status)
	_, _ = x.w.Write(body) // the client may be gone
}

func (x *exchange) html() {
	x.status = http.StatusOK
	x.write("text/html; charset=utf-8", []byte("<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><h1>502 Bad Gateway</h1></body></html>\n"))
}

func (x *exchange) invalidJSON() {
	x.status = http.StatusOK
	x.write("application/json; charset=utf-8", x.body[:len(x.body)-1])
}

func (x *exchange) error500() {
	writeError(x.w, http.StatusInternalServerError, "internal", "something went wrong")
}

func (x *exchange) error503() {
	x.w.Header().Set("Retry-After", "1")
	writeError(x.w, http.StatusServiceUnavailable, "unavailable", "come again later")
}

func (x *exchange) redirect() {
	x.w.Header().Set("Location", metadata)
	x.w.WriteHeader(http.StatusFound)
}

func (x *exchange) redirect307() {
	x.w.Header().Set("Location", metadata)
	x.w.WriteHeader(http.StatusTemporaryRedirect)
}

func (x *exchange) huge() {
	body := x.with("padding", quote(bytes.Repeat([]byte{'x'}, hugeAnswer)))
	writeJSON(x.w, x.status, body)
}

func (x *exchange) contentType() { x.write("text/plain; charset=utf-8", x.body) }

func (x *exchange) empty() { x.w.WriteHeader(http.StatusOK) }
