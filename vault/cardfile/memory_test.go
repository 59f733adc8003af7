package cardfile

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"
)

const marker = "4000056655665556"

// left reports whether a number is in what the reader holds.
func left(r *Reader) bool {
	return bytes.Contains(r.in.buf, []byte(marker[:8])) || bytes.Contains(r.work[:cap(r.work)], []byte(marker[:8]))
}

var marked = map[Format]string{
	CSV: "number,exp,name\n" + strings.Repeat(marker+",1230,\"a\"\"b\"\n", 3) + "x,\"" + marker + "\n" + strings.Repeat("4", 100<<10) + marker + "\n",
	JSONLines: strings.Repeat(`{"number":"`+marker+`","exp":"1230","name":"\u0041"}`+"\n", 3) + `{"number":"` + marker + "\n" +
		`{"name":"` + strings.Repeat("x", 100<<10) + marker + `"}` + "\n",
}

func TestWipe(t *testing.T) {
	for f, text := range marked {
		for reads := range 6 {
			r := NewReader(strings.NewReader(text), f)
			var slices [][]byte
			for range reads {
				rec, err := r.Next()
				if err != nil {
					t.Fatalf("%s, read %d: %v", f, reads, err)
				}
				slices = append(slices, rec.Raw, rec.Card.Number, rec.Card.Name)
			}
			if reads > 0 && reads < 4 && !left(r) {
				t.Fatalf("%s: the test is blind", f)
			}
			r.Wipe()
			if left(r) {
				t.Errorf("%s: a number is left after %d records", f, reads)
			}
			for _, b := range slices {
				if len(bytes.Trim(b, "\x00")) > 0 {
					t.Errorf("%s: %d bytes of a record are left", f, len(b))
				}
			}
			if _, err := r.Next(); err == nil {
				t.Errorf("%s: it reads on", f)
			}
		}
	}
}

// Each record is wiped when the next is read, and nothing is left at the end.
func TestRecordsAreWiped(t *testing.T) {
	for f, text := range marked {
		r := NewReader(iotest.HalfReader(strings.NewReader(text)), f)
		var last []byte
		for {
			rec, err := r.Next()
			if len(bytes.Trim(last, "\x00")) > 0 {
				t.Errorf("%s: a record is left beside the next", f)
			}
			if err != nil {
				break
			}
			last = rec.Raw // work is used again, the window is not before it is full
		}
		if left(r) {
			t.Errorf("%s: a number is left at the end", f)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for f, record := range benchRecords {
		r := NewReader(&endless{head: benchHeads[f], text: record}, f)
		for range 10 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(1000, func() { _, _ = r.Next() }); n > 0 {
			t.Errorf("%s: %v allocations a record", f, n)
		}
	}
}
