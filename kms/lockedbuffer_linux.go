package kms

import (
	"errors"

	"golang.org/x/sys/unix"
)

// advise keeps the pages out of core dumps and out of forked children. EINVAL
// means that the kernel does not know the advice (WIPEONFORK came with 4.14),
// which leaves the buffer no worse than the heap.
func advise(pages []byte) error {
	for _, advice := range []int{unix.MADV_DONTDUMP, unix.MADV_WIPEONFORK} {
		if err := unix.Madvise(pages, advice); err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return nil
}
