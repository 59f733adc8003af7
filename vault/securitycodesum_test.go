package vault

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/audit"
)

// codeModel is what a code's life should be, told the plain way.
type codeModel struct {
	digits string
	until  time.Time
	failed bool
}

// TestCodesAddUp: whatever happens in whatever order, what was held is what was
// released, what expired and what is in memory, and each end has one record.
func TestCodesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 8).Draw(t, "most")
		retry := time.Duration(rapid.IntRange(-1, 9).Draw(t, "retry")) * time.Minute
		c := openCodeTest(t, most, retry)
		defer c.close()
		model := make(map[string]*codeModel)
		released, made := 0, 0
		record := func() string { return fmt.Sprint(rapid.IntRange(0, max(0, made)).Draw(t, "record")) }
		alive := func(r string) *codeModel {
			if m := model[r]; m != nil && c.now().Before(m.until) {
				return m
			}
			delete(model, r)
			return nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"hold": func(t *rapid.T) {
				if len(model) >= most || c.unrecorded() >= most {
					t.Skip() // what goes then is TestCodesMakeRoom's
				}
				made++
				digits := rapid.StringMatching("[0-9]{3,4}").Draw(t, "digits")
				c.keep(fmt.Sprint(made), digits)
				model[fmt.Sprint(made)] = &codeModel{digits, c.now().Add(30 * time.Minute), false}
			},
			"crowd": func(t *rapid.T) {
				made++
				c.keep(fmt.Sprint(made), "739")
				clear(model)
				for r, h := range c.held { // the model forgets what made room
					model[r] = &codeModel{"", h.until, h.why == codeRetried}
				}
			},
			"borrow": func(t *rapid.T) {
				r := record()
				got, m := c.digits(r), alive(r)
				if (m != nil) != (got != "") || m != nil && m.digits != "" && m.digits != got {
					t.Fatalf("borrowed %d digits; held: %v", len(got), m != nil)
				}
			},
			"succeed": func(t *rapid.T) {
				r := record()
				if alive(r) != nil {
					released++
				}
				c.settle(r, true)
				delete(model, r)
			},
			"fail": func(t *rapid.T) {
				r := record()
				c.settle(r, false)
				if m := alive(r); m != nil && !m.failed {
					if last := c.now().Add(max(retry, 0)); last.Before(m.until) {
						m.until, m.failed = last, true
					}
				}
			},
			"drop":    func(t *rapid.T) { r := record(); c.drop(r, codeAttached); delete(model, r) },
			"advance": func(t *rapid.T) { c.advance(time.Duration(rapid.IntRange(0, 12).Draw(t, "minutes")) * time.Minute) },
			"flush":   func(*rapid.T) { c.flush(t.Context()) },
			"outage":  func(t *rapid.T) { c.refuse(rapid.Bool().Draw(t, "refuses")) },
			"": func(t *rapid.T) {
				n := c.counts()
				if n.entered != sum(n.ended)+uint64(n.now) || n.entered != uint64(made) {
					t.Fatalf("%d came, held %d, ended %d, now %d: they do not add up", made, n.entered, sum(n.ended), n.now)
				}
				if n.ended[codeReleased] != uint64(released) {
					t.Fatalf("%d released, want %d", n.ended[codeReleased], released)
				}
				if len(c.queue) != len(c.held) || n.now > most || c.unrecorded() > 2*most {
					t.Fatalf("%d codes in the queue, %d held and %d records; at most %d", len(c.queue), len(c.held), c.unrecorded(), most)
				}
			},
		})
		c.close()
		c.refuse(false)
		c.flush(t.Context())
		n, records := c.counts(), make(map[string]int)
		for _, e := range c.written {
			records[e.Object]++
			if e.Type == audit.CodeRelease {
				released--
			}
		}
		for object, times := range records {
			if times != 1 {
				t.Fatalf("%s has %d records", object, times)
			}
		}
		// A code that was refused because of an outage has none.
		if n.now != 0 || n.entered != sum(n.ended) || released != 0 || uint64(len(records)) > n.entered || uint64(len(records))+n.ended[codeFull] < n.entered {
			t.Fatalf("at the end: %+v, %d records, %d releases unrecorded", n, len(records), released)
		}
	})
}
