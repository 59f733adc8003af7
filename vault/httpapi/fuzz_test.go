package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// Fuzzing starts from the files committed here, beside the seeds in code.
func TestFuzzCorporaAreNotEmpty(t *testing.T) {
	for _, target := range []string{"FuzzForm", "FuzzRequest", "FuzzPortions"} {
		files, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no corpus: %v", target, err)
		}
	}
}

// within checks that every slice of v is memory of buf, so that wiping the
// buffer wipes them all.
func within(t *testing.T, buf []byte, v value) {
	for _, slice := range aliases(v) {
		if len(slice) == 0 {
			continue
		}
		first := bytes.Clone(slice[:1])
		slice[0] ^= 0xff
		found := false
		for i := range buf {
			found = found || &buf[i] == &slice[0]
		}
		slice[0] = first[0]
		if !found {
			t.Fatal("a value is a copy outside the buffer")
		}
	}
}

// FuzzForm compares the parser with net/url: what it accepts, net/url reads
// with the same names and values (but for semicolons, which net/url refuses
// and nobody separates by any more).
func FuzzForm(f *testing.F) {
	f.Add([]byte("card[name]=JANE+DOE&card%5Bnumber%5D=4242&card[a][]=1&card[a][]=2"))
	f.Add([]byte("a=%e0%b8%81&&b&=&=c&[d]=1&e[=2&f]=3&g[h]i=4&a[][b]=5"))
	f.Fuzz(func(t *testing.T, body []byte) {
		standard, standardErr := url.ParseQuery(string(body))
		in := bytes.Clone(body)
		v, err := parseForm(in)
		if err != nil {
			var re *requestError
			if !errors.As(err, &re) || re.status != http.StatusBadRequest {
				t.Fatalf("%q: %v is no refusal of a request", body, err)
			}
			if errors.Is(err, errMalformedForm) && standardErr == nil && validForm(standard) {
				t.Fatalf("refused %q, which net/url reads as %v", body, standard)
			}
			return
		}
		if bytes.ContainsRune(body, ';') {
			return
		}
		if standardErr != nil {
			t.Fatalf("accepted %q; net/url: %v", body, standardErr)
		}
		got, want := make(url.Values), standard
		flatten(got, "", v)
		delete(want, "")
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("%q: got %v, want %v", body, got, want)
		}
		within(t, in, v)
	})
}

func validForm(form url.Values) bool {
	for name, values := range form {
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(s string) bool { return !utf8.ValidString(s) }) {
			return false
		}
	}
	return true
}

func flatten(out url.Values, name string, v value) {
	switch v.Kind {
	case inplace.Object:
		for _, f := range v.Fields {
			inner := string(f.Name)
			if name != "" {
				inner = name + "[" + inner + "]"
			}
			flatten(out, inner, f.Value)
		}
	case inplace.Array:
		for _, item := range v.Items {
			flatten(out, name+"[]", item)
		}
	default:
		out.Add(name, string(v.Bytes))
	}
}

// FuzzRequest sends anything at all to every route: never a 5xx, always a JSON
// object with an "object", success exactly 200, nothing of a number in the log.
func FuzzRequest(f *testing.F) {
	b := newBench(f)
	handler := b.Handler(Public, Private)
	good := `{"card":{"name":"JANE DOE","number":"4242424242424242","expiration_month":10,"expiration_year":2045}}`
	f.Add("POST", "/tokens", "application/json", "2019-05-29", []byte(good))
	f.Add("GET", "/tokens/tokn_test_1?a[b]=c", "application/x-www-form-urlencoded", "", []byte("card[name]=x"))
	f.Fuzz(func(t *testing.T, method, target, media, asked string, body []byte) {
		u, err := url.ParseRequestURI(target)
		if err != nil || method == "" || strings.HasPrefix(method, "HEAD") {
			return // net/http refuses it
		}
		r := &http.Request{
			Method: method, URL: u, RequestURI: target, Host: "x", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {media}, "Omise-Version": {asked}}, RemoteAddr: "192.0.2.1:1",
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		}
		r.SetBasicAuth(b.public, "")
		b.log.Reset()
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r.WithContext(t.Context()))
		if rec.Code == http.StatusNoContent && method == http.MethodOptions {
			return
		}
		var answer struct{ Object string }
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || answer.Object == "" {
			t.Fatalf("%d %q (%v)", rec.Code, rec.Body, err)
		}
		if rec.Code != http.StatusOK && (rec.Code < 400 || rec.Code > 499) || (rec.Code == http.StatusOK) == (answer.Object == "error") {
			t.Fatalf("%d %s\n%s", rec.Code, rec.Body, b.log)
		}
		if len(body) > 20 && bytes.Contains(b.log.Bytes(), body) {
			t.Fatalf("the body is in the log: %s", b.log)
		}
	})
}

// FuzzPortions checks that a connection's bytes are judged alike however they
// are cut, and that what net/http would read as two lengths never passes.
func FuzzPortions(f *testing.F) {
	f.Add([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"), uint8(3))
	f.Add([]byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		want := drain(bytes.Clone(stream)) == nil
		if got := drain(slices.Collect(slices.Chunk(bytes.Clone(stream), int(size)+1))...) == nil; got != want {
			t.Fatalf("%q: %t whole, %t in pieces of %d", stream, want, got, int(size)+1)
		}
		head, _, complete := bytes.Cut(stream, []byte("\r\n\r\n"))
		if want && complete {
			lengths := 0
			for line := range strings.SplitSeq(strings.ToLower(string(head)), "\n") {
				if strings.HasPrefix(line, "content-length:") || strings.HasPrefix(line, "transfer-encoding:") {
					lengths++
				}
			}
			if lengths > 1 {
				t.Fatalf("%q passes with %d lengths", stream, lengths)
			}
		}
	})
}
