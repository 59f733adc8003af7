package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/audit"
)

func drawRecord(t *rapid.T) audit.Record {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\/<>&\x00-\x1f\x7f\x{2028}\x{10ffff}]{0,9}`))
	letters := rapid.RuneFrom([]rune("0123456789abcdefghijklmnopqrstuvwxyz"))
	return audit.Record{
		Event: audit.Event{
			Type:    rapid.SampledFrom(audit.Types()).Draw(t, "type"),
			Outcome: rapid.SampledFrom([]audit.Outcome{audit.OK, audit.Denied, audit.Failed}).Draw(t, "outcome"),
			Actor: audit.Actor{
				ID:   text.Draw(t, "actor"),
				Kind: rapid.SampledFrom([]string{"public", "secret", "operator", "system", "unknown"}).Draw(t, "kind"),
			},
			Origin:   audit.Origin{IP: text.Draw(t, "ip"), Request: text.Draw(t, "request")},
			Merchant: text.Draw(t, "merchant"), Object: text.Draw(t, "object"),
			Mode:    rapid.SampledFrom([]string{"", "test", "live"}).Draw(t, "mode"),
			Details: rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,32}`), text, 0, 12).Draw(t, "details"),
		},
		ID:   "evnt_" + rapid.StringOfN(letters, 24, 24, 24).Draw(t, "id"),
		At:   time.UnixMicro(rapid.Int64Range(-62167219200_000000, 253402300799_999999).Draw(t, "at")).UTC(),
		Node: text.Draw(t, "node"),
		Salt: rapid.StringMatching(`[0-9a-f]{32}`).Draw(t, "salt"),
	}
}

func TestEncodeDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		body, err := want.Encode()
		if err != nil {
			t.Fatalf("Encode: %v", err)
		}
		got, err := audit.Decode(body)
		if err != nil {
			t.Fatalf("Decode(%s): %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Decode (-want +got):\n%s", diff)
		}
		checkAnyReader(t, body, want)
	})
}

// checkAnyReader reads the bytes without this package: any JSON reader must
// find the values, and sorting the keys must change nothing but the escapes
// that Go's encoder adds.
func checkAnyReader(t *rapid.T, body []byte, want audit.Record) {
	var p plainRecord
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || p.V != 1 {
		t.Fatalf("%s: version %d, %v", body, p.V, err)
	}
	if diff := cmp.Diff(want, p.record()); diff != "" {
		t.Errorf("read as plain JSON (-want +got):\n%s", diff)
	}
	var tree map[string]any
	if err := json.Unmarshal(body, &tree); err != nil {
		t.Fatal(err)
	}
	var sorted bytes.Buffer
	enc := json.NewEncoder(&sorted)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029", `\u007f`, "\x7f").Replace(sorted.String())
	if got := strings.TrimSuffix(plain, "\n"); got != string(body) && !strings.Contains(string(body), `\\u`) {
		t.Errorf("encoded %s\nsorted  %s", body, got)
	}
}

func TestDecodeRefusesAnyOtherByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRecord(t)
		body, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
		body[at] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		// A changed byte is refused, or it is another record and says so.
		got, err := audit.Decode(body)
		switch {
		case err == nil && cmp.Equal(got, want):
			t.Errorf("%s is another spelling of the same record", body)
		case err != nil && (!errors.Is(err, audit.ErrRecord) || !cmp.Equal(got, audit.Record{})):
			t.Errorf("Decode: %+v, %v, want ErrRecord and nothing else", got, err)
		}
	})
}

func TestEncodeRefuses(t *testing.T) {
	const invalid = "a\xff"
	for _, tt := range []struct {
		name   string
		change func(*audit.Record)
		ok     bool
	}{
		{"nothing", func(*audit.Record) {}, true},
		{"unknown type", func(r *audit.Record) { r.Type = "token.made" }, false},
		{"no type", func(r *audit.Record) { r.Type = "" }, false},
		{"unknown outcome", func(r *audit.Record) { r.Outcome = "maybe" }, false},
		{"no outcome", func(r *audit.Record) { r.Outcome = "" }, false},
		{"no actor", func(r *audit.Record) { r.Actor = audit.Actor{} }, false},
		{"actor without an id", func(r *audit.Record) { r.Actor = audit.Actor{Kind: "unknown"} }, true},
		{"unknown kind of actor", func(r *audit.Record) { r.Actor.Kind = "root" }, false},
		{"unknown mode", func(r *audit.Record) { r.Mode = "all" }, false},
		{"no id", func(r *audit.Record) { r.ID = "" }, false},
		{"id of another kind", func(r *audit.Record) { r.ID = "card_" + r.ID[5:] }, false},
		{"short id", func(r *audit.Record) { r.ID = r.ID[:28] }, false},
		{"no salt", func(r *audit.Record) { r.Salt = "" }, false},
		{"short salt", func(r *audit.Record) { r.Salt = r.Salt[:30] }, false},
		{"salt in capitals", func(r *audit.Record) { r.Salt = strings.ToUpper(r.Salt) }, false},
		{"year 10000", func(r *audit.Record) { r.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, false},
		{"year -1", func(r *audit.Record) { r.At = time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC) }, false},
		{"no details", func(r *audit.Record) { r.Details = nil }, true},
		{"empty key", func(r *audit.Record) { r.Details = map[string]string{"": "x"} }, false},
		{"key of 32", func(r *audit.Record) { r.Details = map[string]string{strings.Repeat("_", 32): "x"} }, true},
		{"key of 33", func(r *audit.Record) { r.Details = map[string]string{strings.Repeat("a", 33): "x"} }, false},
		{"key in capitals", func(r *audit.Record) { r.Details = map[string]string{"Brand": "x"} }, false},
		{"key with a digit", func(r *audit.Record) { r.Details = map[string]string{"a1": "x"} }, false},
		{"invalid actor", func(r *audit.Record) { r.Actor.ID = invalid }, false},
		{"invalid merchant", func(r *audit.Record) { r.Merchant = invalid }, false},
		{"invalid object", func(r *audit.Record) { r.Object = invalid }, false},
		{"invalid address", func(r *audit.Record) { r.Origin.IP = invalid }, false},
		{"invalid request", func(r *audit.Record) { r.Origin.Request = invalid }, false},
		{"invalid node", func(r *audit.Record) { r.Node = invalid }, false},
		{"invalid detail", func(r *audit.Record) { r.Details = map[string]string{"brand": invalid} }, false},
		{"surrogate", func(r *audit.Record) { r.Object = "\xed\xa0\x80" }, false},
		{"overlong", func(r *audit.Record) { r.Object = "\xc0\x80" }, false},
	} {
		r := goodRecord()
		tt.change(&r)
		body, err := r.Encode()
		if tt.ok {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if !errors.Is(err, audit.ErrRecord) || body != nil {
			t.Errorf("%s: %s, %v, want ErrRecord", tt.name, body, err)
		} else if strings.Contains(err.Error(), "made") || strings.Contains(err.Error(), "root") || strings.Contains(err.Error(), "\xff") {
			t.Errorf("%s: the error quotes the value: %v", tt.name, err)
		}
	}
}

func TestMaxRecord(t *testing.T) {
	r := goodRecord()
	body, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r.Object += strings.Repeat("x", audit.MaxRecord-len(body))
	body, err = r.Encode()
	if err != nil || len(body) != audit.MaxRecord {
		t.Errorf("Encode: %d bytes, %v, want %d", len(body), err, audit.MaxRecord)
	}
	if _, err := audit.Decode(body); err != nil {
		t.Errorf("Decode: %v", err)
	}
	r.Object += "x"
	if body, err := r.Encode(); !errors.Is(err, audit.ErrRecord) || body != nil {
		t.Errorf("a byte more: %d bytes, %v, want ErrRecord", len(body), err)
	}
	if _, err := audit.Decode(append(body, ' ')); !errors.Is(err, audit.ErrRecord) {
		t.Errorf("Decode of a byte more: %v, want ErrRecord", err)
	}
}

// Encode says what Decode will read: time is cut to whole microseconds, UTC.
func TestEncodeTime(t *testing.T) {
	r := goodRecord()
	want, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r.At = r.At.Add(999).In(time.FixedZone("", 7*3600))
	if got, err := r.Encode(); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Encode: %s, %v, want %s", got, err, want)
	}
}

// FuzzDecode: whatever decodes encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add([]byte(v.Body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := audit.Decode(body)
		if err != nil {
			if !errors.Is(err, audit.ErrRecord) {
				t.Errorf("Decode: %v, want ErrRecord", err)
			}
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%q decodes and encodes to %q, %v", body, again, err)
		}
	})
}

// TestFuzzCorpus: an empty corpus would make the fuzz test pass untried.
func TestFuzzCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzDecode", "*"))
	if err != nil || len(files) < 3 {
		t.Errorf("%d files in the corpus, %v, want at least 3", len(files), err)
	}
}
