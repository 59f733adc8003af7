package forward

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Answer is what a processor said, unscrubbed: its body and headers come out
// through Scrub only. It prints as a fixed text.
type Answer struct {
	reach func() *answer
}

type answer struct {
	endpoint *endpoint
	status   int
	media    string // the Content-Type header
	encoding string // the Content-Encoding header
	header   http.Header
	body     []byte
	masked   int // numbers that were masked in its head
	total    time.Duration
}

func newAnswer(e *endpoint, resp *http.Response, body []byte) *Answer {
	a := &answer{
		endpoint: e, status: resp.StatusCode, media: resp.Header.Get("Content-Type"),
		encoding: resp.Header.Get("Content-Encoding"), header: headersOf(resp, e.answer), body: body,
	}
	return &Answer{reach: func() *answer { return a }}
}

// Status returns the HTTP status, 200 to 999.
func (a Answer) Status() int { return a.reach().status }

// Total returns how long the Send took.
func (a Answer) Total() time.Duration { return a.reach().total }

// Wipe clears the body. It must not run beside Scrub.
func (a Answer) Wipe() {
	clear(a.reach().body)
	a.reach().body = nil
}

const answerMask = "[processor's answer]"

// String returns a fixed text.
func (Answer) String() string { return answerMask }

// GoString is String: %#v redacts too.
func (Answer) GoString() string { return answerMask }

// Format writes String for every verb and flag.
func (Answer) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, answerMask) }

// MarshalText returns String; encoding/json uses it too.
func (Answer) MarshalText() ([]byte, error) { return []byte(answerMask), nil }

// LogValue returns String for structured logs.
func (Answer) LogValue() slog.Value { return slog.StringValue(answerMask) }
