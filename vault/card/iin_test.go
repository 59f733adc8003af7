package card_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

const iinHeader = "iin_start,iin_end,bank,financing,country\n"

func mustIIN(tb testing.TB, rows string) *card.IINTable {
	tb.Helper()
	table, err := card.LoadIIN(strings.NewReader(iinHeader + rows))
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func TestIINLookup(t *testing.T) {
	table := mustIIN(t, `4242,,Four,credit,us
424242,424249,Six,debit,th
42424250,42424259,"Eight, Ltd.",prepaid,JP
5000,5999,Range,CREDIT,
510000,,,,de
0001,,Zero,,
`)
	for _, tt := range []struct {
		digits string
		want   card.Issuer
		ok     bool
	}{
		{"4242000000000000", card.Issuer{Bank: "Four", Financing: "credit", Country: "us"}, true},
		{"4242424242424242", card.Issuer{Bank: "Six", Financing: "debit", Country: "th"}, true},
		{"4242494242424242", card.Issuer{Bank: "Six", Financing: "debit", Country: "th"}, true},
		{"4242425042424242", card.Issuer{Bank: "Eight, Ltd.", Financing: "prepaid", Country: "jp"}, true},
		{"4242425942424242", card.Issuer{Bank: "Eight, Ltd.", Financing: "prepaid", Country: "jp"}, true},
		{"4242426042424242", card.Issuer{Bank: "Six", Financing: "debit", Country: "th"}, true},
		{"4242414242424242", card.Issuer{Bank: "Four", Financing: "credit", Country: "us"}, true},
		{"5999990000000000", card.Issuer{Bank: "Range", Financing: "credit"}, true},
		{"5100000000000000", card.Issuer{Country: "de"}, true},
		{"0001000000000000", card.Issuer{Bank: "Zero"}, true},
		{"4243000000000000", card.Issuer{}, false},
		{"6000000000000000", card.Issuer{}, false},
		{"0000000000000000", card.Issuer{}, false},
		{"4242", card.Issuer{Bank: "Four", Financing: "credit", Country: "us"}, true},
		{"42424", card.Issuer{Bank: "Four", Financing: "credit", Country: "us"}, true},
		{"424", card.Issuer{}, false},
		{"", card.Issuer{}, false},
		{"4242x24242424242", card.Issuer{Bank: "Four", Financing: "credit", Country: "us"}, true},
		{"x242424242424242", card.Issuer{}, false},
	} {
		if got, ok := table.Lookup([]byte(tt.digits)); got != tt.want || ok != tt.ok {
			t.Errorf("Lookup(%.8s) = %+v, %v, want %+v, %v", tt.digits, got, ok, tt.want, tt.ok)
		}
	}
	if got := table.Len(); got != 6 {
		t.Errorf("Len = %d, want 6", got)
	}
}

func TestLoadIINAccepts(t *testing.T) {
	for name, in := range map[string]string{
		"no rows":         iinHeader,
		"no line end":     strings.TrimSpace(iinHeader),
		"byte order mark": "\ufeff" + iinHeader + "4242,,B,,\n",
		"CRLF":            strings.ReplaceAll(iinHeader+"4242,4243,B,credit,us\n", "\n", "\r\n"),
		"no end of line":  iinHeader + "4242,4243,B,credit,us",
		"neighbours":      iinHeader + "4242,4243,A,,\n4244,4245,B,,\n",
		"nested":          iinHeader + "4242,4243,A,,\n42421,42429,B,,\n424242,,C,,\n",
	} {
		if _, err := card.LoadIIN(strings.NewReader(in)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadIINRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "line 1 must be"},
		{"no header", "4242,,B,,\n", "line 1 must be"},
		{"other header", "iin_start,iin_end,bank,country,financing\n", "line 1 must be"},
		{"three digits", iinHeader + "424,,B,,\n", "line 2: iin_start is not 4 to 8 digits"},
		{"nine digits", iinHeader + "4242,,B,,\n424242424,,B,,\n", "line 3: iin_start is not 4 to 8 digits"},
		{"no start", iinHeader + ",4242,B,,\n", "line 2: iin_start"},
		{"letters", iinHeader + "42a2,,B,,\n", "line 2: iin_start"},
		{"space", iinHeader + " 4242,,B,,\n", "line 2: iin_start"},
		{"end of other length", iinHeader + "4242,42429,B,,\n", "line 2: iin_end has not as many digits"},
		{"end of letters", iinHeader + "4242,424x,B,,\n", "line 2: iin_end"},
		{"end before start", iinHeader + "4243,4242,B,,\n", "line 2: iin_end is before iin_start"},
		{"financing", iinHeader + "4242,,B,charge,\n", "line 2: financing"},
		{"country", iinHeader + "4242,,B,,usa\n", "line 2: country"},
		{"country digits", iinHeader + "4242,,B,,u1\n", "line 2: country"},
		{"bank with control", iinHeader + "4242,,\"B\nC\",,\n", "line 2: bank"},
		{"bank not UTF-8", iinHeader + "4242,,\xff,,\n", "line 2: bank"},
		{"bank too long", iinHeader + "4242,," + strings.Repeat("b", 256) + ",,\n", "line 2: bank"},
		{"missing field", iinHeader + "4242,,B,\n", "line 2"},
		{"extra field", iinHeader + "4242,,B,,,\n", "line 2"},
		{"bare quote", iinHeader + "4242,,B\"C,,\n", "line 2"},
		{"open quote", iinHeader + "4242,,\"B,,\n", "line"},
		{"repeated", iinHeader + "4242,,A,,\n5000,,C,,\n4242,,B,,\n", "lines 2 and 4 overlap"},
		{"repeated, same issuer", iinHeader + "4242,,A,,\n4242,,A,,\n", "lines 2 and 3 overlap"},
		{"overlap", iinHeader + "5000,,C,,\n4250,4260,A,,\n4242,4250,B,,\n", "lines 3 and 4 overlap"},
		{"contained", iinHeader + "4000,4999,A,,\n4242,4243,B,,\n", "lines 2 and 3 overlap"},
		{"line after a quoted one", iinHeader + "\"4242\",,\"B\",,\n\n\nx,,,,\n", "line 5"},
	} {
		table, err := card.LoadIIN(strings.NewReader(tt.in))
		if err == nil || table != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

type badReader struct{ after io.Reader }

var errDisk = errors.New("disk on fire")

func (r badReader) Read(b []byte) (int, error) {
	n, err := r.after.Read(b)
	if err == io.EOF {
		err = errDisk
	}
	return n, err
}

func TestLoadIINReadError(t *testing.T) {
	for _, before := range []string{"", iinHeader, iinHeader + "4242,,B,,\n42"} {
		if _, err := card.LoadIIN(badReader{strings.NewReader(before)}); !errors.Is(err, errDisk) {
			t.Errorf("after %q: %v, want the reader's error", before, err)
		}
	}
}

// rowReader makes n rows of distinct prefixes without holding them.
type rowReader struct {
	n, next int
	rest    string
}

func (r *rowReader) Read(b []byte) (int, error) {
	if r.rest == "" {
		if r.next == r.n {
			return 0, io.EOF
		}
		r.rest = fmt.Sprintf("%08d,,Bank %d,credit,us\n", r.next, r.next%100)
		r.next++
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Lookup finds the same row as a search through all of them.
func TestIINLookupReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type row struct{ start, end string }
		var rows []row
		var csv strings.Builder
		csv.WriteString(iinHeader)
		for width := 4; width <= 8; width++ {
			at := rapid.IntRange(1, 40).Draw(t, "first")
			for range rapid.IntRange(0, 4).Draw(t, "rows") {
				to := at + rapid.IntRange(0, 5).Draw(t, "width")
				r := row{pad(at, width), pad(to, width)}
				fmt.Fprintf(&csv, "%s,%s,%d,,\n", r.start, r.end, len(rows))
				rows = append(rows, r)
				at = to + rapid.IntRange(1, 9).Draw(t, "gap")
			}
		}
		table, err := card.LoadIIN(strings.NewReader(csv.String()))
		if err != nil {
			t.Fatal(err)
		}
		digits := pad(rapid.IntRange(0, 120).Draw(t, "lead"), rapid.IntRange(4, 8).Draw(t, "of")) + rapid.StringMatching(`[0-9]{8}`).Draw(t, "rest")
		want, found := "", false
		for i, r := range rows { // widths ascend, so the last match is the longest
			if p := digits[:len(r.start)]; r.start <= p && p <= r.end {
				want, found = fmt.Sprint(i), true
			}
		}
		if got, ok := table.Lookup([]byte(digits)); ok != found || got.Bank != want {
			t.Fatalf("Lookup(%s) = %+v, %v, want row %s", digits, got, ok, want)
		}
	})
}

// pad writes v with leading zeros.
func pad(v, width int) string { return fmt.Sprintf("%0*d", width, v) }

func TestIINSource(t *testing.T) {
	var nilSource *card.IINSource
	var nilTable *card.IINTable
	if _, ok := nilSource.Lookup([]byte("42424242")); ok || nilTable.Len() != 0 {
		t.Error("found something in nothing")
	}
	if _, ok := nilTable.Lookup([]byte("42424242")); ok {
		t.Error("found something in a nil table")
	}
	var s card.IINSource
	if _, ok := s.Lookup([]byte("42424242")); ok {
		t.Error("found something in an empty source")
	}
	a, b := mustIIN(t, "4242,,A,,\n"), mustIIN(t, "4242,,B,,\n")
	if old := s.Swap(a); old != nil {
		t.Error("Swap returned a table")
	}
	if got, ok := s.Lookup([]byte("42424242")); !ok || got.Bank != "A" {
		t.Errorf("Lookup = %+v, %v", got, ok)
	}
	if old := s.Swap(b); old != a {
		t.Error("Swap did not return the old table")
	}
	s.Swap(nil)
	if _, ok := s.Lookup([]byte("42424242")); ok {
		t.Error("found something after Swap(nil)")
	}
}

func TestIINSourceConcurrent(t *testing.T) {
	var s card.IINSource
	a, b := mustIIN(t, "4242,,A,,\n"), mustIIN(t, "4242,,B,,\n")
	s.Swap(a)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 1000 {
				if got, ok := s.Lookup([]byte("42424242")); !ok || got.Bank != "A" && got.Bank != "B" {
					t.Errorf("Lookup = %+v, %v", got, ok)
					return
				}
			}
		})
	}
	for range 500 {
		s.Swap(b)
		s.Swap(a)
	}
	readers.Wait()
}

func BenchmarkIINLookup(b *testing.B) {
	table, err := card.LoadIIN(io.MultiReader(strings.NewReader(iinHeader), &rowReader{n: 200_000}))
	if err != nil {
		b.Fatal(err)
	}
	digits := []byte("0012345600000000")
	b.ReportAllocs()
	for b.Loop() {
		table.Lookup(digits)
	}
}
