package card_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/panvault/panvault/vault/card"
)

// secret undoes the test's disguise of a number: it stands reversed in the
// program and inverted in memory, so that only the package under test could
// leave it there as it is.
func secret(reversed string) (inverse []byte) {
	for i := range reversed {
		inverse = append(inverse, ^reversed[len(reversed)-1-i])
	}
	return inverse
}

func invert(b []byte) []byte {
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}

// inHeap reports whether the number whose inverse is given stands anywhere in
// the heap, stacks or variables of the process, garbage included.
func inHeap(t *testing.T, inverse []byte) bool {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	debug.WriteHeapDump(f.Fd())
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<20)
	defer clear(buf)
	for kept := 0; ; {
		n, err := f.Read(buf[kept:])
		invert(buf[kept : kept+n])
		if bytes.Contains(buf[:kept+n], inverse) {
			return true
		}
		if err != nil {
			return false
		}
		end := kept + n
		kept = copy(buf, buf[max(0, end-len(inverse)):end])
	}
}

func TestNothingOfANumberStaysInMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // keep garbage to be found
	for _, tt := range []struct {
		name    string
		inverse []byte
		set     func(*card.Input)
		parses  bool
	}{
		{"accepted", secret("5648103578219354"), func(*card.Input) {}, true},
		{"refused for its name", secret("3748103578219354"), func(in *card.Input) { in.Name = nil }, false},
		{"refused for its check digit", secret("0848103578219354"), func(*card.Input) {}, false},
		{"refused for its length", secret("103578219354"), func(*card.Input) {}, false},
		{"refused for a letter", secret("x1948103578219354"), func(*card.Input) {}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := goodInput()
			in.SecurityCode = nil
			in.Number = invert(bytes.Clone(tt.inverse))
			tt.set(&in)
			c, problems := card.Parse(in, rules())
			if (problems == nil) != tt.parses {
				t.Fatal(problems.Message())
			}
			if !inHeap(t, tt.inverse) {
				t.Fatal("the search does not find the request's own buffer")
			}
			clear(in.Number)
			if got := inHeap(t, tt.inverse); got != tt.parses {
				t.Errorf("in memory after the buffer was wiped: %v, want %v", got, tt.parses)
			}
			c.Wipe()
			if inHeap(t, tt.inverse) {
				t.Error("in memory after Wipe")
			}
		})
	}
}
