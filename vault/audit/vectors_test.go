package audit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/vault/audit"
)

// plainRecord is a record as JSON shows it.
type plainRecord struct {
	Actor    struct{ ID, Kind string }
	At       time.Time
	Details  map[string]string
	ID       string
	Merchant string
	Mode     string
	Object   string
	Origin   struct{ IP, Node, Request string }
	Outcome  audit.Outcome
	Salt     string
	Type     audit.Type
	V        int
}

func (p *plainRecord) record() audit.Record {
	return audit.Record{
		Event: audit.Event{
			Type: p.Type, Outcome: p.Outcome, Actor: audit.Actor(p.Actor),
			Origin:   audit.Origin{IP: p.Origin.IP, Request: p.Origin.Request},
			Merchant: p.Merchant, Mode: p.Mode, Object: p.Object, Details: p.Details,
		},
		ID: p.ID, At: p.At, Node: p.Origin.Node, Salt: p.Salt,
	}
}

type vector struct {
	Comment, Expect string
	Record          *plainRecord
	Body            string
	Leaf            string
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Records []vector }
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if len(v.Records) == 0 {
		t.Fatal("no vectors")
	}
	return v.Records
}

func TestVectors(t *testing.T) {
	seen := make(map[string]bool)
	for _, v := range readVectors(t) {
		seen[v.Expect] = true
		t.Run(v.Expect+"/"+v.Comment, func(t *testing.T) {
			switch v.Expect {
			case "ok":
				checkVector(t, v)
			case "refused":
				if r, err := audit.Decode([]byte(v.Body)); !errors.Is(err, audit.ErrRecord) {
					t.Errorf("Decode: %+v, %v, want ErrRecord", r, err)
				}
			default:
				t.Errorf("unknown expectation %q", v.Expect)
			}
		})
	}
	for _, expect := range []string{"ok", "refused"} {
		if !seen[expect] {
			t.Errorf("no vector expects %q", expect)
		}
	}
}

func checkVector(t *testing.T, v vector) {
	t.Helper()
	want := v.Record.record()
	body, err := want.Encode()
	if err != nil || string(body) != v.Body {
		t.Errorf("Encode: %s, %v, want %s", body, err, v.Body)
	}
	if got := hex.EncodeToString(audit.Leaf([]byte(v.Body))); got != v.Leaf {
		t.Errorf("Leaf: %s, want %s", got, v.Leaf)
	}
	got, err := audit.Decode([]byte(v.Body))
	if err != nil {
		t.Fatalf("Decode: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Decode (-want +got):\n%s", diff)
	}
}
