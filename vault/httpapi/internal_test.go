package httpapi

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/panvault/panvault/policy"
	"github.com/panvault/panvault/vault"
	"github.com/panvault/panvault/vault/vaulttest"
)

// bench is an API over the real service, for tests of what is not exported.
type bench struct {
	*API
	public string // a public key in test mode
	log    *bytes.Buffer
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{log: &bytes.Buffer{}}
	logger := slog.New(slog.NewJSONHandler(b.log, nil))
	v := vaulttest.New(t, nil)
	merchant := v.Merchant(t, vault.MerchantSettings{})
	b.public = v.Key(t, merchant, policy.Public, false).Reveal()
	api, err := New(Options{Service: v.Service, PublicURL: "https://vault.example", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	b.API = api
	return b
}

// request builds a JSON request with the public key.
func (b *bench) request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.SetBasicAuth(b.public, "")
	r.Header.Set("Content-Type", "application/json")
	return r
}

// run answers one request on a route made for the test.
func (b *bench) run(r *http.Request, serve func(context.Context, *call) (any, error)) *httptest.ResponseRecorder {
	rt := routes()[0]
	rt.serve = func(_ *API, ctx context.Context, c *call) (any, error) { return serve(ctx, c) }
	rec := httptest.NewRecorder()
	b.endpoint(rt).ServeHTTP(rec, r)
	return rec
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// aliases collects every slice of the request's buffers that a value holds.
func aliases(v value) [][]byte {
	out := [][]byte{v.Bytes}
	for _, f := range v.Fields {
		out = append(append(out, f.Name), aliases(f.Value)...)
	}
	for _, item := range v.Items {
		out = append(out, aliases(item)...)
	}
	return out
}

// After its request nothing is left of what a buffer held, also when the
// handler failed or panicked.
func TestRequestsAreWiped(t *testing.T) {
	b := newBench(t)
	body := `{"card":{"number":"5454545454545454","name":"J\u0041NE","a":[1,{"b":987}]},"pad":"` + strings.Repeat("x", 9000) + `"}`
	outcomes := map[string]func() (any, error){
		"answer": func() (any, error) { return errorBody{Object: "x"}, nil },
		"error":  func() (any, error) { return nil, &vault.Error{Code: vault.BadRequest} },
		"panic":  func() (any, error) { panic("x") },
	}
	for name, outcome := range outcomes {
		t.Run(name, func(t *testing.T) {
			var held [][]byte
			b.run(b.request("POST", "/tokens?q=MARKER", body), func(_ context.Context, c *call) (any, error) {
				held = aliases(c.params)
				if got := string(c.params.Get("card").Get("number").Bytes); got != "5454545454545454" {
					t.Errorf("number %q during the request", got)
				}
				return outcome()
			})
			if len(held) < 10 {
				t.Fatalf("%d slices", len(held))
			}
			for _, slice := range held {
				if !zero(slice) {
					t.Errorf("%q is left", slice)
				}
			}
		})
	}
}

func TestBufferPoolWipes(t *testing.T) {
	var p bufferPool
	for range 20 { // a pool may drop what it is given
		b := p.get()
		if len(b.body) != 0 || len(b.query) != 0 || !zero(b.body[:cap(b.body)]) || !zero(b.query[:cap(b.query)]) {
			t.Fatal("a buffer is not empty")
		}
		b.body = append(b.body, bytes.Repeat([]byte("4"), 5000)...)
		b.query = append(b.query, "card=4"...)
		b.body, b.query = b.body[:7], b.query[:2] // what is behind the length counts too
		body, query := b.body[:cap(b.body)], b.query[:cap(b.query)]
		p.put(b)
		if !zero(body) || !zero(query) {
			t.Fatal("a buffer went back with data in it")
		}
	}
}

// Growing a buffer leaves nothing in the smaller one.
func TestReadBodyWipesWhatItLeaves(t *testing.T) {
	buf := &buffer{body: make([]byte, 0, 16)}
	first := buf.body[:16]
	var left [][]byte
	body := &watchedReader{data: bytes.Repeat([]byte("4"), 1000), before: func() {
		if cap(buf.body) > 16 {
			left = append(left, first)
		}
	}}
	r := httptest.NewRequest("POST", "/", body)
	if err := readBody(r, 1000, buf); err != nil {
		t.Fatal(err)
	}
	if string(buf.body) != strings.Repeat("4", 1000) {
		t.Errorf("read %d bytes", len(buf.body))
	}
	if len(left) == 0 || !zero(first) {
		t.Error("the first buffer was not wiped when it was outgrown")
	}
}

// watchedReader gives one byte at a time and calls before ahead of each.
type watchedReader struct {
	data   []byte
	before func()
}

// Read reads a byte.
func (w *watchedReader) Read(b []byte) (int, error) {
	w.before()
	n := copy(b[:min(1, len(b))], w.data)
	w.data = w.data[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// The buffers of concurrent requests are apart.
func TestBuffersAreNotShared(t *testing.T) {
	b := newBench(t)
	b.API.log = quiet()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			mark := strings.Repeat(string(rune('a'+i)), 64)
			for range 20 {
				b.run(b.request("POST", "/tokens", `{"mark":"`+mark+`"}`), func(_ context.Context, c *call) (any, error) {
					if got := string(c.params.Get("mark").Bytes); got != mark {
						t.Errorf("got %q, want %q", got, mark)
					}
					return errorBody{}, nil
				})
			}
		})
	}
	wg.Wait()
}
