package localkek

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/panvault/panvault/kms"
)

// lockPoll is how often a waiting writer looks again.
const lockPoll = 10 * time.Millisecond

// errLockBusy is tryLock's answer while another open file holds the lock.
var errLockBusy = errors.New("localkek: keyring is locked by another writer")

// fileLock is an exclusive lock that the system drops when its holder dies.
type fileLock struct{ f *os.File }

// lockKeyring waits for the exclusive right to write the keyring at path. The
// lock is on a file beside it, which stays: the keyring itself is replaced by
// each write, and a lock on it would be a lock on the past.
func lockKeyring(ctx context.Context, path string) (fileLock, error) {
	f, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fileLock{}, fmt.Errorf("localkek: %w", err)
	}
	for {
		err := tryLock(f)
		if err == nil {
			return fileLock{f}, nil
		}
		if !errors.Is(err, errLockBusy) {
			_ = f.Close()
			return fileLock{}, fmt.Errorf("localkek: lock %s: %w", f.Name(), err)
		}
		timer := time.NewTimer(lockPoll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			_ = f.Close()
			return fileLock{}, fmt.Errorf("%w: %w", errLockBusy, kms.ContextError(ctx))
		}
	}
}

// release drops the lock: closing the only descriptor of the open file does it.
func (l fileLock) release() { _ = l.f.Close() }
