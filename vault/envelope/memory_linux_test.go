package envelope

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inProcess reports whether the secret whose inverse is given stands anywhere
// in the writable memory of the process, dead parts of stacks included, which
// no heap dump shows. buf is memory outside the heap that it may use.
func inProcess(t *testing.T, buf, inverse []byte) bool {
	t.Helper()
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(mode, "rw") {
			continue
		}
		if search(io.NewSectionReader(mem, int64(from), int64(to-from)), buf, inverse) {
			return true
		}
	}
	return false
}

// staysInProcess reports whether use leaves anything of a secret of n bytes
// behind. The call ends deep in a stack that nobody uses during the search.
func staysInProcess(t *testing.T, buf []byte, use func([]byte) error, n int, seed byte) bool {
	t.Helper()
	inverse := disguised(n, seed)
	secret := invert(bytes.Clone(inverse))
	done, release := make(chan error), make(chan struct{})
	defer close(release)
	go func() {
		done <- use(secret)
		<-release
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !inProcess(t, buf, inverse) {
		t.Fatal("the search does not find the caller's own buffer")
	}
	clear(secret)
	return inProcess(t, buf, inverse)
}

// A signal may save the registers while a secret is in them, so what counts is
// what stays each of three times.
func TestNothingOfASecretStaysOnTheStack(t *testing.T) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	buf, err := unix.Mmap(-1, 0, len(ones), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(buf)
	seed := byte(0)
	for name, use := range secretUses(t) {
		for _, n := range []int{12, 16, 19} {
			stays := true
			for tries := 0; stays && tries < 3; tries++ {
				seed++
				stays = staysInProcess(t, buf, use, n, seed)
			}
			if stays {
				t.Errorf("%s of %d bytes stays in memory", name, n)
			}
		}
	}
}
