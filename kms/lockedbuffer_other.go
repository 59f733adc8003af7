//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package kms

// mapLocked falls back to the heap, unlocked.
func mapLocked(size int) (pages []byte, locked bool, err error) {
	return make([]byte, size), false, nil
}

func unmapLocked([]byte, bool) {}
