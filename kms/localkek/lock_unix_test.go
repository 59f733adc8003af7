//go:build unix

package localkek_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/panvault/panvault/kms"
	"github.com/panvault/panvault/kms/localkek"
)

// holdLock takes the lock file as another process would.
func holdLock(t *testing.T, path string) (release func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}

// TestRotateWaitsForOtherWriters holds the lock as another writer would.
func TestRotateWaitsForOtherWriters(t *testing.T) {
	path := newPath(t)
	k := create(t, path, localkek.Options{})
	release := holdLock(t, path+".lock")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := k.Rotate(ctx, kms.CardTest, 1); !errors.Is(err, kms.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Rotate against a held lock: %v, want ErrUnavailable and DeadlineExceeded", err)
	}
	unwrapOne(t, k, wrapOne(t, k, "not blocked").Wrapped, "not blocked")
	time.AfterFunc(20*time.Millisecond, release)
	rotate(t, k, 2)
}
