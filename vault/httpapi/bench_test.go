package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	benchJSON = `{"card":{"name":"JANE DOE","number":"4242424242424242","expiration_month":10,"expiration_year":2045,` +
		`"city":"Bangkok","postal_code":"10320","security_code":"123"}}`
	benchForm = "card[name]=JANE+DOE&card[number]=4242424242424242&card[expiration_month]=10&card[expiration_year]=2045" +
		"&card[city]=Bangkok&card[postal_code]=10320&card[security_code]=123"
)

// BenchmarkParse measures the parsers alone; both work in place, so each round
// starts from a fresh copy.
func BenchmarkParse(b *testing.B) {
	pooled := new(bufferPool).get()
	for name, bench := range map[string]struct {
		parse func([]byte) (value, error)
		body  string
	}{
		"JSON": {func(body []byte) (value, error) { return parseJSON(&pooled.json, body) }, benchJSON}, "Form": {parseForm, benchForm},
		"FormEscaped": {parseForm, strings.NewReplacer("[", "%5B", "]", "%5D").Replace(benchForm)},
	} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, len(bench.body))
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.body)))
			for b.Loop() {
				copy(buf, bench.body)
				if _, err := bench.parse(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHead measures what watching a connection adds to each request.
func BenchmarkHead(b *testing.B) {
	request := []byte("POST /tokens HTTP/1.1\r\nHost: 127.0.0.1:8440\r\nAuthorization: Basic cGtleV90ZXN0XzAwMDAwMDAwMDAwMDAwMDAwMDA6\r\n" +
		"User-Agent: OmiseGo/1.7.2 Go/go1.21.5\r\nContent-Type: application/json\r\nContent-Length: 157\r\n\r\n" + benchJSON)
	var h head
	b.ReportAllocs()
	b.SetBytes(int64(len(request)))
	for b.Loop() {
		if _, done, err := h.scan(request); !done || err != nil {
			b.Fatal(err)
		}
		h = head{line: h.line[:0]}
	}
}

// BenchmarkEndpoint is a request that does nothing: authentication, parsing,
// encoding and the log line alone.
func BenchmarkEndpoint(b *testing.B) {
	api := newBench(b)
	rt := routes()[0]
	rt.serve = func(*API, context.Context, *call) (any, error) { return errorBody{Object: "x"}, nil }
	run(b, api, api.endpoint(rt))
}

// BenchmarkTokenize is POST /tokens in process, with SQLite and a local keyring:
// one durable card a round.
func BenchmarkTokenize(b *testing.B) {
	api := newBench(b)
	run(b, api, api.Handler(Public))
}

// BenchmarkTokenizeParallel is the same from many clients at once, whose writes
// share commits.
func BenchmarkTokenizeParallel(b *testing.B) {
	api := newBench(b)
	api.API.log = quiet()
	handler := api.Handler(Public)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, api.request("POST", "/tokens", benchJSON))
			if rec.Code != http.StatusOK {
				b.Errorf("%d %s", rec.Code, rec.Body)
			}
		}
	})
}

func run(b *testing.B, api *bench, handler http.Handler) {
	api.API.log = quiet()
	r := api.request("POST", "/tokens", "")
	b.ReportAllocs()
	for b.Loop() {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(benchJSON)), int64(len(benchJSON))
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != http.StatusOK {
			b.Fatalf("%d %s", rec.Code, rec.Body)
		}
	}
}
