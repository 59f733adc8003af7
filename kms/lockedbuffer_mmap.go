//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package kms

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapLocked maps whole pages for size bytes. The mapping is private and
// anonymous: nothing but this process reads it and no file backs it.
func mapLocked(size int) (pages []byte, locked bool, err error) {
	page := os.Getpagesize()
	n := (size + page - 1) / page * page
	pages, err = unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, false, err
	}
	if err := advise(pages); err != nil {
		_ = unix.Munmap(pages)
		return nil, false, err
	}
	return pages, unix.Mlock(pages) == nil, nil
}

// unmapLocked gives the pages back. It can fail only for a slice that mapLocked
// did not return, so its errors are not reported.
func unmapLocked(pages []byte, locked bool) {
	if locked {
		_ = unix.Munlock(pages)
	}
	_ = unix.Munmap(pages)
}
