package forward_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// rareNumber is a number that stands nowhere in the program: it is made of
// others each time. The caller clears it.
func rareNumber() []byte {
	digits := []byte("4650842391047300")
	for i := 1; i < 15; i++ {
		digits[i] = '0' + (digits[i]-'0'+3)%10
	}
	sum := 0
	for i := range 15 {
		d := int(digits[14-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	digits[15] = byte('0' + (10-sum%10)%10)
	return digits
}

// echoing is a processor that gives the number back and keeps nothing: it tells
// when its own buffers are cleared, which are in this heap too.
func echoing(t *testing.T) (p *processor, cleared chan struct{}) {
	cleared = make(chan struct{})
	in, out := make([]byte, 4096), make([]byte, 0, 4096)
	return newProcessor(t, func(_ *processor, c net.Conn) {
		n := 0
		for !bytes.HasSuffix(in[:n], []byte("}}")) {
			m, err := c.Read(in[n:])
			if n += m; err != nil {
				break
			}
		}
		i := max(0, bytes.Index(in[:n], []byte(`"number":"`))) + len(`"number":"`)
		out = fmt.Appendf(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n")
		out = append(append(append(out, `{"echo":"`...), in[i:i+16]...), `"}`...)
		_, _ = c.Write(out)
		clear(in)
		clear(out[:cap(out)])
		cleared <- struct{}{}
	}), cleared
}

// TestHeapAfterForward: when a forward is over, no copy of the number is left in
// the heap or on a stack, not even where nothing refers to any more.
func TestHeapAfterForward(t *testing.T) {
	p, cleared := echoing(t)
	d := p.destination()
	d.Body = `{"card":{"number":"{{.Number}}"}}`
	e, s := endpoint(t, d), forward.NewSender(nil, nil)
	once := func() {
		digits := rareNumber()
		number, err := card.NewPAN(digits)
		clear(digits)
		if err != nil {
			t.Fatal(err)
		}
		defer number.Wipe()
		r, err := e.Render(forward.Values{Number: number, Expiry: card.Expiry{Month: 1, Year: 2030}}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Wipe()
		a, err := s.Send(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Wipe()
		<-cleared
		if c, err := forward.Scrub(a, forward.Secrets{Number: number}); err != nil || c.Hits.Number == 0 {
			t.Fatalf("%v, %v", c, err)
		}
	}
	kept := rareNumber()
	dump := dumpHeap(t)
	if !bytes.Contains(dump, kept) {
		t.Fatal("a number that is held is not in the dump")
	}
	clear(kept)
	clear(dump)
	for round := range 5 {
		once()
		dump := dumpHeap(t)
		needle := rareNumber() // made after the dump, which it would be in
		if bytes.Contains(dump, needle) {
			t.Errorf("round %d: the number is in the heap", round)
		}
		clear(needle)
		clear(dump) // or the next one has it
	}
}

// dumpHeap is all of this process's heap and stacks, which it has read from a
// file that is gone then.
func dumpHeap(t *testing.T) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	debug.WriteHeapDump(f.Fd())
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}
