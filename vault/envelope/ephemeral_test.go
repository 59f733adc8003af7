package envelope

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"testing"
	"testing/iotest"
)

func ephemeral(t testing.TB, random io.Reader) *EphemeralKey {
	t.Helper()
	k, err := NewEphemeralKey(random)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Destroy)
	return k
}

func TestEphemeralKey(t *testing.T) {
	place := Binding{Mode: ModeLive, Merchant: "mrch_a", Record: "r", Field: FieldCode}
	k, other := ephemeral(t, rand.Reader), ephemeral(t, rand.Reader)
	sealed, err := k.Seal(rand.Reader, place, []byte("739"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Seal(rand.Reader, place, []byte("739"))
	if err != nil || bytes.Equal(sealed, again) {
		t.Errorf("the same is sealed the same way twice (%v)", err)
	}
	if plain, err := k.Open(place, sealed); err != nil || string(plain) != "739" {
		t.Errorf("what was sealed opens as %d bytes, %v", len(plain), err)
	}
	if plain, err := other.Open(place, sealed); plain != nil || !errors.Is(err, ErrTampered) {
		t.Errorf("under another process's key it opens: %v", err)
	}
	for name, b := range map[string]Binding{
		"mode":     {Mode: ModeTest, Merchant: "mrch_a", Record: "r", Field: FieldCode},
		"merchant": {Mode: ModeLive, Merchant: "mrch_b", Record: "r", Field: FieldCode},
		"record":   {Mode: ModeLive, Merchant: "mrch_a", Record: "s", Field: FieldCode},
		"field":    {Mode: ModeLive, Merchant: "mrch_a", Record: "r", Field: FieldPAN},
	} {
		if plain, err := k.Open(b, sealed); plain != nil || !errors.Is(err, ErrTampered) {
			t.Errorf("it opens in another %s: %v", name, err)
		}
	}
	if _, err := k.Seal(iotest.ErrReader(io.ErrClosedPipe), place, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("sealed without a nonce: %v", err)
	}
}

func TestEphemeralKeyDestroyed(t *testing.T) {
	k := ephemeral(t, rand.Reader)
	sealed, err := k.Seal(rand.Reader, Binding{}, []byte("739"))
	if err != nil {
		t.Fatal(err)
	}
	k.Destroy()
	k.Destroy()
	if plain, err := k.Open(Binding{}, sealed); plain != nil || !errors.Is(err, ErrNoKey) {
		t.Errorf("opens with a destroyed key: %v", err)
	}
	if _, err := k.Seal(rand.Reader, Binding{}, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("seals with a destroyed key: %v", err)
	}
	if k.Locked() {
		t.Error("a destroyed key is locked")
	}
}

func TestEphemeralKeyWithoutRandom(t *testing.T) {
	if _, err := NewEphemeralKey(io.LimitReader(rand.Reader, KeySize-1)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a key of too few random bytes: %v", err)
	}
}

// TestEphemeralKeyConcurrently: whoever seals while the key is destroyed gets a
// sealed value or ErrNoKey.
func TestEphemeralKeyConcurrently(t *testing.T) {
	k := ephemeral(t, rand.Reader)
	var wg sync.WaitGroup
	begun := make(chan struct{}, 8)
	for range cap(begun) {
		wg.Go(func() {
			for first := true; ; first = false {
				sealed, err := k.Seal(rand.Reader, Binding{}, []byte("739"))
				if err == nil {
					_, err = k.Open(Binding{}, sealed)
				}
				if first {
					begun <- struct{}{}
				}
				if err != nil {
					if !errors.Is(err, ErrNoKey) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	for range cap(begun) {
		<-begun
	}
	k.Destroy()
	wg.Wait()
}

// TestEphemeralKeyIsNotInTheHeap: it is drawn into locked memory, where a heap
// dump does not reach.
func TestEphemeralKeyIsNotInTheHeap(t *testing.T) {
	debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	inverse := disguised(KeySize, 99)
	k := ephemeral(t, readerFunc(func(b []byte) (int, error) {
		n := copy(b, inverse)
		invert(b[:n])
		return n, nil
	}))
	want := invert(bytes.Clone(inverse))
	if !bytes.Equal(k.memory.Bytes(), want) || !inHeap(t, inverse) {
		t.Fatal("the search does not find the test's own copy")
	}
	clear(want)
	if inHeap(t, inverse) {
		t.Error("the key is in the heap")
	}
}
