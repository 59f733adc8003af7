package inplace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/panvault/panvault/vault/internal/inplace"
)

// Fuzzing starts from the files committed here, beside the seeds in code.
func TestFuzzCorpusIsNotEmpty(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "fuzz", "FuzzJSON"))
	if err != nil || len(files) == 0 {
		t.Errorf("FuzzJSON has no corpus: %v", err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]error{
		`{}`: nil, " {\"a\":[1,{\"b\":null}]}\r\n": nil, `{"a":[[1]]}`: nil,
		``: inplace.ErrMalformed, `[]`: inplace.ErrMalformed, `{"a":01}`: inplace.ErrMalformed, `{"a":1,}`: inplace.ErrMalformed,
		`{} {}`: inplace.ErrMalformed, "{\"a\":\"\xff\"}": inplace.ErrMalformed, `{"a":"\ud800"}`: inplace.ErrMalformed,
		`{"a":1,"\u0061":2}`: inplace.ErrDuplicate, `{"b":{"a":1,"a":1}}`: inplace.ErrDuplicate, `{"a":{"a":1},"b":{"a":1}}`: nil,
		`{"a":[[[1]]]}`: inplace.ErrTooDeep, `{"a":{"a":{"a":{"a":1}}}}`: inplace.ErrTooDeep, `{"a":[1,2,3,4,5,6,7,8]}`: nil,
		`{"a":[1,2,3,4,5,6,7,8,9]}`: inplace.ErrTooMany,
	} {
		p := inplace.Parser{Depth: 4, Values: 10}
		if _, err := p.Parse([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}

// A parser that is used again reads each text like a new one.
func TestParserIsReusable(t *testing.T) {
	p := inplace.Parser{Depth: 8, Values: 100}
	for _, text := range []string{`{"a":{"b":1,"c":{"d":2}},"e":3}`, `{"a":{"b":1`, `{"x":{},"y":{"z":"1"}}`, `{"a":1,"a":2}`, `{"e":3}`} {
		want, standard := standardJSON([]byte(text))
		v, err := p.Parse([]byte(text))
		if err == nil && (standard != nil || !equal(plain(v), want)) {
			t.Errorf("%s: got %v, want %v", text, plain(v), want)
		}
	}
}

// FuzzJSON compares the parser with encoding/json: what it accepts,
// encoding/json accepts with the same values, and what it refuses beyond that
// it refuses for a reason of its own.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"card":{"name":"JANE DOE","number":4242424242424242,"expiration_month":"10"}}`))
	f.Add([]byte(`{"a":[1,-0.5e+3,null,true,false,"\u00e9\ud83d\ude00\n",{}],"":""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		want, standard := standardJSON(body)
		p := inplace.Parser{Depth: 8, Values: 1000}
		in := bytes.Clone(body)
		v, err := p.Parse(in)
		if err != nil {
			refusedWithReason(t, body, want, standard, err)
			return
		}
		if standard != nil {
			t.Fatalf("accepted %q; encoding/json: %v", body, standard)
		}
		if got := plain(v); !equal(got, want) {
			t.Fatalf("%q: got %v, want %v", body, got, want)
		}
		within(t, in, v)
	})
}

func standardJSON(body []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var out any
	if err := dec.Decode(&out); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("trailing data")
	}
	if _, ok := out.(map[string]any); !ok {
		return nil, errors.New("no object")
	}
	return out, nil
}

func refusedWithReason(t *testing.T, body []byte, want any, standard, err error) {
	if !errors.Is(err, inplace.ErrMalformed) && !errors.Is(err, inplace.ErrDuplicate) && !errors.Is(err, inplace.ErrTooMany) && !errors.Is(err, inplace.ErrTooDeep) {
		t.Fatalf("%q: %v is no error of the parser", body, err)
	}
	if standard != nil || !errors.Is(err, inplace.ErrMalformed) {
		return
	}
	// encoding/json replaces broken UTF-8 and half surrogate pairs by U+FFFD.
	if utf8.Valid(body) && !strings.Contains(fmt.Sprint(want), "\ufffd") {
		t.Fatalf("refused %q, which encoding/json reads as %v", body, want)
	}
}

// plain turns a value into what encoding/json makes of the same text.
func plain(v inplace.Value) any {
	switch v.Kind {
	case inplace.Object:
		out := make(map[string]any)
		for _, f := range v.Fields {
			out[string(f.Name)] = plain(f.Value)
		}
		return out
	case inplace.Array:
		out := []any{}
		for _, item := range v.Items {
			out = append(out, plain(item))
		}
		return out
	case inplace.Text:
		return string(v.Bytes)
	case inplace.Number:
		return json.Number(v.Bytes)
	case inplace.Boolean:
		return string(v.Bytes) == "true"
	}
	return nil
}

func equal(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// within checks that every slice of v is memory of buf, so that wiping the
// buffer wipes them all.
func within(t *testing.T, buf []byte, v inplace.Value) {
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

// aliases collects every slice of the text that a value holds.
func aliases(v inplace.Value) [][]byte {
	out := [][]byte{v.Bytes}
	for _, f := range v.Fields {
		out = append(append(out, f.Name), aliases(f.Value)...)
	}
	for _, item := range v.Items {
		out = append(out, aliases(item)...)
	}
	return out
}
