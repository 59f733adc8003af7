package localkek_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

func TestRotateAddsOneVersion(t *testing.T) {
	path, now := newPath(t), newClock()
	k := create(t, path, localkek.Options{Now: now.now})
	v1 := wrapOne(t, k, "first")
	now.advance(24 * time.Hour)
	rotate(t, k, 2)
	v2 := wrapOne(t, k, "second")
	if v1.Version != 1 || v2.Version != 2 {
		t.Errorf("wrapped under %d and %d, want 1 and 2", v1.Version, v2.Version)
	}
	_ = k.Close()
	k = open(t, path, localkek.Options{})
	unwrapOne(t, k, v1.Wrapped, "first")
	unwrapOne(t, k, v2.Wrapped, "second")
	d, err := k.Describe(t.Context(), kms.CardTest)
	if err != nil || d.Created[2].Sub(d.Created[1]) != 24*time.Hour || len(d.Created) != 2 || d.MinDecrypt != 1 {
		t.Errorf("Describe = %+v, %v, want two versions a day apart", d, err)
	}
	for _, other := range []kms.Key{kms.CardLive, kms.Work} {
		if d, err := k.Describe(t.Context(), other); err != nil || d.Latest != 1 {
			t.Errorf("Describe(%s) = %+v, %v, want version 1: only one key was rotated", other, d, err)
		}
	}
}

func TestRotateErrors(t *testing.T) {
	k := create(t, newPath(t), localkek.Options{})
	if _, err := k.Rotate(t.Context(), "no-such-key", 1); !errors.Is(err, kms.ErrKeyMissing) {
		t.Errorf("unknown key: %v, want ErrKeyMissing", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Rotate(over, kms.Work, 1); !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, want ErrUnavailable and context.Canceled", err)
	}
	_ = k.Close()
	if _, err := k.Rotate(t.Context(), kms.Work, 1); !errors.Is(err, kms.ErrUnavailable) {
		t.Errorf("closed: %v, want ErrUnavailable", err)
	}
}

func TestRetire(t *testing.T) {
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	v1 := wrapOne(t, k, "first")
	rotate(t, k, 2)
	v2 := wrapOne(t, k, "second")
	rotate(t, k, 3)
	for _, floor := range []uint32{0, 4} {
		if _, err := k.Retire(t.Context(), kms.CardTest, floor); !errors.Is(err, kms.ErrInvalid) {
			t.Errorf("floor %d: %v, want ErrInvalid", floor, err)
		}
	}
	d, err := k.Retire(t.Context(), kms.CardTest, 2)
	if err != nil || d.MinDecrypt != 2 || d.MinEncrypt != 3 || len(d.Created) != 2 {
		t.Errorf("Retire = %+v, %v, want floor 2", d, err)
	}
	if _, err := k.Retire(t.Context(), kms.CardTest, 1); !errors.Is(err, kms.ErrInvalid) {
		t.Errorf("lowering the floor: %v, want ErrInvalid", err)
	}
	for _, k := range []*localkek.Keyring{k, open(t, path, localkek.Options{})} {
		unwrapOne(t, k, v1.Wrapped, kms.ErrVersionRetired)
		unwrapOne(t, k, v2.Wrapped, "second")
	}
}

// TestConcurrentCallersOfOneVersion: the file's lock is the compare-and-set, so
// that exactly one adds the version that several want.
func TestConcurrentCallersOfOneVersion(t *testing.T) {
	const callers = 6
	path := newPath(t)
	create(t, path, localkek.Options{})
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		k := open(t, path, localkek.Options{})
		wg.Go(func() { _, errs[i] = k.Rotate(t.Context(), kms.CardTest, 1) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, kms.ErrConflict) {
			t.Errorf("Rotate: %v, want ErrConflict", err)
		}
	}
	if d, err := open(t, path, localkek.Options{}).Describe(t.Context(), kms.CardTest); won != 1 || err != nil || d.Latest != 2 {
		t.Errorf("%d of %d rotated, to version %d, %v, want one, to version 2", won, callers, d.Latest, err)
	}
}

// TestConflictIsSeen: whoever was refused sees at once what it was about.
func TestConflictIsSeen(t *testing.T) {
	path, now := newPath(t), newClock()
	k, late := create(t, path, localkek.Options{}), open(t, path, localkek.Options{Now: now.now})
	rotate(t, k, 2)
	if _, err := late.Rotate(t.Context(), kms.CardTest, 1); !errors.Is(err, kms.ErrConflict) {
		t.Errorf("Rotate: %v, want ErrConflict", err)
	}
	if d, err := late.Describe(t.Context(), kms.CardTest); err != nil || d.Latest != 2 {
		t.Errorf("Describe = %+v, %v, want version 2", d, err)
	}
}

// TestConcurrentRotationsLoseNothing rotates through many handles on one file
// while others use it.
func TestConcurrentRotationsLoseNothing(t *testing.T) {
	const handles, rounds = 4, 8
	path := newPath(t)
	first := create(t, path, localkek.Options{})
	var wg sync.WaitGroup
	for range handles {
		k := open(t, path, localkek.Options{})
		wg.Go(func() {
			for range rounds {
				if _, err := rotateOnce(t, k); err != nil {
					t.Errorf("Rotate: %v", err)
				}
				unwrapOne(t, first, wrapOne(t, k, "under load").Wrapped, "under load")
			}
		})
	}
	wg.Wait()
	d, err := open(t, path, localkek.Options{}).Describe(t.Context(), kms.CardTest)
	if err != nil || d.Latest != 1+handles*rounds || len(d.Created) != 1+handles*rounds {
		t.Errorf("latest %d, %d versions, %v, want %d", d.Latest, len(d.Created), err, 1+handles*rounds)
	}
}

// rotateOnce adds a version against any number of others that do so too. The
// answer to a conflict is to look at the file, which an attempt has just read.
func rotateOnce(t *testing.T, k *localkek.Keyring) (kms.Description, error) {
	for {
		d, err := k.Describe(t.Context(), kms.CardTest)
		if err == nil {
			d, err = k.Rotate(t.Context(), kms.CardTest, d.Latest)
		}
		if !errors.Is(err, kms.ErrConflict) {
			return d, err
		}
	}
}

// childEnv makes this test binary a writer of the keyring at its value.
const childEnv = "LOCALKEK_TEST_ROTATE"

// rotateForParent rotates until it is killed, and prints each version once it
// was told that it is safe.
func rotateForParent(t *testing.T, path string) {
	k := open(t, path, localkek.Options{})
	for {
		d, err := rotateOnce(t, k)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(d.Latest)
	}
}

// TestKilledWriters runs two writing processes at a time and kills them: what
// either printed is in the file, no version twice, and the file opens.
func TestKilledWriters(t *testing.T) {
	if path := os.Getenv(childEnv); path != "" {
		rotateForParent(t, path)
	}
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	before := wrapOne(t, k, "from before")
	highest := uint32(1)
	for range 3 {
		var mu sync.Mutex
		seen := map[uint32]bool{}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for _, v := range rotateAndKill(t, path, 5) {
					mu.Lock()
					if seen[v] {
						t.Errorf("version %d was given out twice", v)
					}
					seen[v] = true
					highest = max(highest, v)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		fresh := open(t, path, localkek.Options{})
		d, err := fresh.Describe(t.Context(), kms.CardTest)
		if err != nil || d.Latest < highest || len(d.Created) != int(d.Latest) {
			t.Fatalf("latest %d of %d versions, %v, want at least %d", d.Latest, len(d.Created), err, highest)
		}
		unwrapOne(t, fresh, before.Wrapped, "from before")
		unwrapOne(t, k, wrapOne(t, fresh, "after").Wrapped, "after")
	}
}

// rotateAndKill starts a writer, reads n versions from it, and kills it.
func rotateAndKill(t *testing.T, path string, n int) (versions []uint32) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriters$", "-test.count=1")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Errorf("start writer: %v", err)
		return nil
	}
	lines := bufio.NewScanner(out)
	for len(versions) < n && lines.Scan() {
		var v uint32
		if _, err := fmt.Sscan(lines.Text(), &v); err != nil {
			t.Errorf("writer printed %q", lines.Text())
		}
		versions = append(versions, v)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if len(versions) < n {
		t.Errorf("writer gave %d versions, want %d", len(versions), n)
	}
	return versions
}
