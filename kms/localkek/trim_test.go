package localkek_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

// trim retires and destroys the versions of card-test below floor.
func trim(t *testing.T, k *localkek.Keyring, floor uint32) {
	t.Helper()
	if _, err := k.Retire(t.Context(), kms.CardTest, floor); err != nil {
		t.Fatal(err)
	}
	if d, err := k.Trim(t.Context(), kms.CardTest, floor); err != nil || d.MinAvailable != floor {
		t.Fatalf("Trim = %+v, %v, want the oldest at %d", d, err, floor)
	}
}

// TestTrimOverwritesTheOldFile keeps the replaced file by a descriptor, as the
// disk keeps its blocks: nothing of it is left.
func TestTrimOverwritesTheOldFile(t *testing.T) {
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	rotate(t, k, 2)
	if _, err := k.Retire(t.Context(), kms.CardTest, 2); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	before := readFile(t, path)
	trim(t, k, 2)
	left, err := io.ReadAll(old)
	if err != nil || !bytes.Equal(left, make([]byte, len(before))) {
		t.Errorf("the replaced file: %d bytes, %v, want %d zeros", len(left), err, len(before))
	}
	if now := readFile(t, path); len(now) != len(before)-44 {
		t.Errorf("the file has %d bytes, had %d, want one version of 44 less", len(now), len(before))
	}
	unwrapOne(t, open(t, path, localkek.Options{}), wrapOne(t, k, "after").Wrapped, "after")
}

// TestTrimmedVersionsDoNotComeBack puts the file from before the trim, with its
// floors, under a keyring that has seen the trim.
func TestTrimmedVersionsDoNotComeBack(t *testing.T) {
	path, now := newPath(t), newClock()
	k := create(t, path, localkek.Options{Now: now.now})
	rotate(t, k, 2)
	if _, err := k.Retire(t.Context(), kms.CardTest, 2); err != nil {
		t.Fatal(err)
	}
	backup := readFile(t, path)
	trim(t, k, 2)
	good := readFile(t, path)

	writeFile(t, path, backup)
	now.advance(time.Second)
	wantDown(t, k)
	if _, err := k.Trim(t.Context(), kms.CardTest, 2); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("Trim: %v, want ErrUnavailable", err)
	}
	writeFile(t, path, good)
	now.advance(time.Second)
	wantUp(t, k)
}

// TestTrimBesideReaders: overwriting what was replaced disturbs nobody who
// opens the keyring just then.
func TestTrimBesideReaders(t *testing.T) {
	const rounds = 20
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		now := newClock()
		looker := open(t, path, localkek.Options{Now: func() time.Time { now.advance(time.Second); return now.now() }})
		wg.Go(func() {
			for {
				if err := looker.Check(t.Context()); err != nil {
					t.Errorf("Check: %v", err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for v := uint32(2); v < 2+rounds; v++ {
		rotate(t, k, v)
		trim(t, k, v)
	}
	close(done)
	wg.Wait()
}
