//go:build unix

package localkek

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes an exclusive flock, or returns errLockBusy.
func tryLock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return errLockBusy
	}
	return err
}

// private reports whether only the owner has rights to the file.
func private(info os.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// syncDir brings a folder's entries to the disk. Read-only and exotic file
// systems that do not offer it have nothing to lose by it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
