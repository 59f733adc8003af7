package envelope

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

var ones = bytes.Repeat([]byte{0xff}, 1<<20)

// invert disguises a secret in place, or undoes it. The tests hold secrets
// inverted, so that only the code under test could leave one as it is.
func invert(b []byte) []byte {
	subtle.XORBytes(b, b, ones[:len(b)])
	return b
}

// disguised makes a secret of n digits that stands nowhere in the program, and
// returns it inverted.
func disguised(n int, seed byte) (inverse []byte) {
	for i := range n {
		inverse = append(inverse, ^('0' + (seed*byte(i+3)^byte(i*i*7))%10))
	}
	return inverse
}

// inHeap reports whether the first or last twelve bytes of the secret whose
// inverse is given stand anywhere in the heap, live stacks or variables of the
// process, garbage included.
func inHeap(t *testing.T, inverse []byte) bool {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer os.Remove(f.Name()) // dumps are large, and a test makes dozens
	debug.WriteHeapDump(f.Fd())
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return search(f, make([]byte, len(ones)), inverse)
}

// search looks for the first and last twelve bytes of the secret whose inverse
// is given; buf is what it may use.
func search(r io.Reader, buf, inverse []byte) bool {
	defer clear(buf)
	first, last := inverse[:12], inverse[len(inverse)-12:]
	for kept := 0; ; {
		n, err := r.Read(buf[kept:])
		invert(buf[kept : kept+n])
		if bytes.Contains(buf[:kept+n], first) || bytes.Contains(buf[:kept+n], last) {
			return true
		}
		if err != nil {
			return false
		}
		end := kept + n
		kept = copy(buf, buf[max(0, end-len(inverse)):end])
	}
}

// secretUses are the calls that are given a secret.
func secretUses(t *testing.T) map[string]func([]byte) error {
	ring := ringOf(t, backend(t), pattern(KeySize, 5), 1)
	short := ephemeral(t, rand.Reader)
	return map[string]func([]byte) error{
		"fingerprint": func(secret []byte) error {
			_, err := ring.Fingerprints(ModeLive, "mrch_a", secret)
			return err
		},
		"seal and open": func(secret []byte) error {
			key := pattern(KeySize, 5)
			sealed, err := Seal(rand.Reader, key, Binding{}, secret)
			if err != nil {
				return err
			}
			plain, err := Open(key, Binding{}, sealed)
			clear(plain)
			return err
		},
		"ephemeral key": func(secret []byte) error {
			sealed, err := short.Seal(rand.Reader, Binding{}, secret)
			if err != nil {
				return err
			}
			plain, err := short.Open(Binding{}, sealed)
			clear(plain)
			return err
		},
		"API key": func(secret []byte) error {
			_, err := ring.APIKeyHashes(secret)
			return err
		},
	}
}

func TestNothingOfASecretStaysInMemory(t *testing.T) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // keep garbage to be found
	for name, use := range secretUses(t) {
		for seed, n := range []int{12, 16, 19, 56, 64} { // 56 and a label fill a block of the hash
			// A signal may save registers that hold a part of it: what is kept
			// is there each time.
			kept := 0
			for try := range 3 {
				inverse := disguised(n, byte(7*seed+len(name)+31*try))
				secret := invert(bytes.Clone(inverse))
				if err := use(secret); err != nil {
					t.Fatal(err)
				}
				if !inHeap(t, inverse) {
					t.Fatal("the search does not find the caller's own buffer")
				}
				clear(secret)
				if !inHeap(t, inverse) {
					break
				}
				kept++
			}
			if kept == 3 {
				t.Errorf("%s of %d bytes: a part of it is in memory", name, n)
			}
		}
	}
}
