package envelope

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
)

// ids draws record ids that tell one from another.
func ids() func(time.Time, io.Reader) (string, error) {
	var n atomic.Int64
	return func(time.Time, io.Reader) (string, error) { return fmt.Sprintf("rec%d", n.Add(1)), nil }
}

// openPool opens a pool of live keys that ends with the test.
func openPool(t testing.TB, opts PoolOptions) *Pool {
	t.Helper()
	if opts.Mode == "" {
		opts.Mode = ModeLive
	}
	if opts.NewID == nil {
		opts.NewID = ids()
	}
	p, err := NewPool(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func mustTake(t testing.TB, p *Pool) *DataKey {
	t.Helper()
	key, err := p.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// places returns how many places of the pool's memory are free, how many hold
// a key that is ready, and how many hold bytes that are not zero.
func places(p *Pool) (free, ready, used int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	memory := p.memory.Bytes()
	for i := range len(memory) / KeySize {
		if !bytes.Equal(memory[i*KeySize:][:KeySize], make([]byte, KeySize)) {
			used++
		}
	}
	return len(p.slots), len(p.ready), used
}

// checkPlaces fails the test unless every place is either free and wiped, or
// holds a key that is ready or one of those taken.
func checkPlaces(t *testing.T, p *Pool, taken int) {
	t.Helper()
	free, ready, used := places(p)
	if free+ready+taken != 2*p.opts.Size {
		t.Errorf("%d places are free and %d ready, %d taken, want %d in all", free, ready, taken, 2*p.opts.Size)
	}
	if used != ready+taken {
		t.Errorf("%d places hold bytes, want those of %d ready and %d taken keys", used, ready, taken)
	}
}

func TestPoolKeys(t *testing.T) {
	k := backend(t)
	for _, mode := range []Mode{ModeTest, ModeLive} {
		p := openPool(t, PoolOptions{Mode: mode, KMS: k, Size: 16})
		seen := make(map[string]bool)
		for range 100 {
			key := mustTake(t, p)
			if seen[key.Record] || seen[string(key.Key())] || len(key.Key()) != KeySize || cap(key.Key()) != KeySize {
				t.Fatal("a record id or a key came twice, or a key of another size")
			}
			seen[key.Record], seen[string(key.Key())] = true, true
			item := kms.UnwrapItem{Wrapped: key.Wrapped, Context: DataKeyContext(mode, key.Record)}
			res, err := k.Unwrap(t.Context(), CardKey(mode), []kms.UnwrapItem{item})
			if err != nil || res[0].Err != nil || !bytes.Equal(res[0].Plaintext, key.Key()) {
				t.Fatalf("the wrapped key does not open to the key: %v %v", err, res[0].Err)
			}
			if key.KEKVersion != 1 {
				t.Errorf("KEK version %d, want 1", key.KEKVersion)
			}
			key.Wipe()
		}
	}
}

func TestPoolWipe(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 4})
	key := mustTake(t, p)
	plain := key.Key()
	if bytes.Equal(plain, make([]byte, KeySize)) {
		t.Fatal("the key is zeros")
	}
	key.Wipe()
	if !bytes.Equal(plain, make([]byte, KeySize)) {
		t.Error("the place was not wiped")
	}
	if key.Key() != nil {
		t.Error("a wiped key still has bytes")
	}
	key.Wipe() // gives no place back a second time
	settle(t, p)
	checkPlaces(t, p, 0)
}

func TestPoolSlotsDoNotLeak(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 24})
	for range 10_000 {
		mustTake(t, p).Wipe()
	}
	p.mu.Lock() // keeps a refill from taking places between the two counts
	got := len(p.slots) + len(p.ready)
	p.mu.Unlock()
	if got > 48 || got < 48-24 {
		t.Errorf("%d places are accounted for, want 48 without those of a running refill", got)
	}
	settle(t, p)
	checkPlaces(t, p, 0)
}

// settle waits until no refill runs.
func settle(t *testing.T, p *Pool) {
	t.Helper()
	for range 1000 {
		p.mu.Lock()
		idle := len(p.slots)+len(p.ready) == 2*p.opts.Size && p.batch() == 0
		p.mu.Unlock()
		if idle {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the pool does not settle")
}

func TestPoolConcurrently(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 8})
	var seen sync.Map
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 200 {
				key, err := p.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if _, loaded := seen.LoadOrStore(string(key.Key()), true); loaded {
					t.Error("a key was given twice")
				}
				p.Depth()
				key.Wipe()
			}
		})
	}
	wg.Wait()
	settle(t, p)
	checkPlaces(t, p, 0)
}

// Only two places: with both in use a Take must go on as soon as one is free.
func TestPoolWaitsForAPlace(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 1, Wait: time.Minute})
	a, b := mustTake(t, p), mustTake(t, p)
	taken := make(chan *DataKey)
	go func() {
		key, _ := p.Take(context.WithoutCancel(t.Context()))
		taken <- key
	}()
	select {
	case <-taken:
		t.Fatal("a third key came from two places")
	case <-time.After(20 * time.Millisecond):
	}
	a.Wipe()
	select {
	case key := <-taken:
		if key == nil {
			t.Error("no key")
		} else {
			key.Wipe()
		}
	case <-time.After(10 * time.Second):
		t.Error("the place that became free is not used")
	}
	b.Wipe()
}

// More requests than places for keys, each holding its key for a while.
func TestPoolUnderPressure(t *testing.T) {
	p := openPool(t, PoolOptions{KMS: &script{}, Size: 16, Wait: 10 * time.Second})
	start := time.Now()
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for range 4 {
				key, err := p.Take(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				key.Wipe()
			}
		})
	}
	wg.Wait()
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestPoolWithoutRandomness(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name   string
		random io.Reader
		newID  func(time.Time, io.Reader) (string, error)
		want   error
	}{
		{"keys", bytes.NewReader(make([]byte, KeySize-1)), ids(), io.ErrUnexpectedEOF},
		{"second key", bytes.NewReader(pattern(KeySize, 1)), ids(), io.EOF},
		{"ids", nil, func(time.Time, io.Reader) (string, error) { return "", broken }, broken},
	} {
		s := &script{}
		p := openPool(t, PoolOptions{KMS: s, Size: 4, Random: tt.random, NewID: tt.newID})
		if key, err := p.Take(t.Context()); !errors.Is(err, tt.want) || key != nil {
			t.Errorf("%s: Take: %v, want %v", tt.name, err, tt.want)
		}
		if s.count() != 0 {
			t.Errorf("%s: the KMS was asked to wrap what was not drawn", tt.name)
		}
		p.Close()
	}
}

func TestPoolSizes(t *testing.T) {
	for _, tt := range []struct {
		size int
		ok   bool
	}{{-1, false}, {1, true}, {16384, true}, {16385, false}} {
		p, err := NewPool(PoolOptions{Mode: ModeLive, KMS: &script{}, NewID: ids(), Size: tt.size})
		if (err == nil) != tt.ok {
			t.Errorf("size %d: %v, want ok %v", tt.size, err, tt.ok)
		}
		if p != nil {
			p.Close()
		}
	}
}

func TestPoolContexts(t *testing.T) {
	s := &script{}
	p := openPool(t, PoolOptions{KMS: s, Mode: ModeTest, Size: 3})
	for i := range 3 {
		key := mustTake(t, p)
		var got []byte
		s.set(func(s *script) { got = s.contexts[i] }) // the pool goes on wrapping
		if want := DataKeyContext(ModeTest, key.Record); !bytes.Equal(got, want) {
			t.Errorf("context %x, want %x", got, want)
		}
		if want := fmt.Sprintf("w:card-test:%d", i); string(key.Wrapped) != want {
			t.Errorf("wrapped %s, want %s", key.Wrapped, want)
		}
		key.Wipe()
	}
}

// TestPoolDrops: after Drop no key is used that was prepared before it.
func TestPoolDrops(t *testing.T) {
	p := openPool(t, PoolOptions{Mode: ModeTest, KMS: backend(t), NewID: ids(), Size: 8})
	before := mustTake(t, p)
	done := make(chan error, 1)
	go func() { done <- p.Drop(t.Context()) }()
	select {
	case err := <-done:
		t.Fatalf("dropped while a key is in use: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	before.Wipe()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	after := mustTake(t, p)
	if after.drops != 1 || after.Record == before.Record {
		t.Errorf("got a key of before the drop: %+v", after)
	}
	after.Wipe()
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	held := mustTake(t, p)
	if err := p.Drop(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
	held.Wipe()
	if err := p.Drop(t.Context()); err != nil {
		t.Error(err)
	}
}
