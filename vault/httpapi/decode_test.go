package httpapi

import (
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

// Parameters are those of the query and of the body; where both have one the
// query wins on GET, else the body.
func TestDecodeMerges(t *testing.T) {
	const body = `{"both":"body","body":1,"null":null}`
	for method, want := range map[string]string{"GET": "query", "HEAD": "query", "POST": "body", "PATCH": "body", "DELETE": "body"} {
		r := httptest.NewRequest(method, "/?both=query&query=2&null=x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		buf := new(bufferPool).get()
		if err := readBody(r, maxBody, buf); err != nil {
			t.Fatal(err)
		}
		v, err := decode(r, buf)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(v.Get("both").Bytes); got != want {
			t.Errorf("%s: both is %q, want %q", method, got, want)
		}
		if string(v.Get("query").Bytes) != "2" || string(v.Get("body").Bytes) != "1" {
			t.Errorf("%s: a parameter is lost", method)
		}
	}
}

// A body that breaks off is a malformed request, not an internal error.
func TestReadBodyUnreadable(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, errors.New("reset")} {
		r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(`{`), iotest.ErrReader(cause)))
		if err := readBody(r, maxBody, &buffer{body: make([]byte, 0, 64)}); !errors.Is(err, errUnreadable) {
			t.Errorf("%v: got %v, want %v", cause, err, errUnreadable)
		}
	}
}

// The limit of a body is exact, however it arrives.
func TestReadBodyLimit(t *testing.T) {
	for size, want := range map[int]error{99: nil, 100: nil, 101: errBodyTooLarge, 5000: errBodyTooLarge} {
		for name, reader := range map[string]io.Reader{
			"announced": strings.NewReader(strings.Repeat("x", size)),
			"chunked":   iotest.HalfReader(strings.NewReader(strings.Repeat("x", size))),
			"bytes":     iotest.OneByteReader(strings.NewReader(strings.Repeat("x", size))),
		} {
			buf := &buffer{body: make([]byte, 0, 16)}
			err := readBody(httptest.NewRequest("POST", "/", reader), 100, buf)
			if !errors.Is(err, want) || (err == nil && len(buf.body) != size) {
				t.Errorf("%d bytes, %s: %d read, %v", size, name, len(buf.body), err)
			}
		}
	}
}

func TestCheckURL(t *testing.T) {
	for target, want := range map[string]error{
		"/tokens": nil, "/tokens?limit=1&offset=2": nil, "/tokens?from=2026-01-01T00:00:00Z&to=2026-12-31T23:59:59.123456789Z": nil,
		"/customers?card=tokn_test_1": nil, "/tokens?metadata[order]=123456789": nil,
		"/tokens?card[x]=1": errCardInURL, "/4242424242424242": errNoRoute, "/tokens?a=%": errMalformedForm,
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := checkURL(u); !errors.Is(got, want) {
			t.Errorf("%s: got %v, want %v", target, got, want)
		}
	}
}
