package kms

import (
	"fmt"
	"log/slog"
	"sync"
)

// MaxLockedBuffer is the largest LockedBuffer, in bytes. The usual limit on
// locked memory of one process (RLIMIT_MEMLOCK) is 8 MiB for all of them.
const MaxLockedBuffer = 4 << 20

// LockedBuffer is memory for key material outside the Go heap: whole pages of
// their own, kept off the swap device, left out of core dumps and, on Linux,
// zeroed in a forked child. It reduces exposure and no more: copies that
// callers and cipher implementations make on the heap are theirs to wipe.
//
// Every printing and encoding method redacts. The zero value is an empty,
// destroyed buffer. A copy of a LockedBuffer is another handle on the same
// memory. Methods are safe for concurrent use; the slice that Bytes returns is
// not, like any slice.
//
// On systems without mmap it is a plain heap slice, and Locked says so.
type LockedBuffer struct {
	m *lockedPages
}

// lockedPages is the memory behind the handles. It keeps the slice in a
// closure: package fmt follows a pointer in an unexported field when the verb
// does not fit it (%s, %q), and no reflection looks into a function.
type lockedPages struct {
	mu     sync.Mutex
	pages  func() []byte // whole pages, as mapped; nil once destroyed
	size   int           // bytes asked for
	locked bool
}

// NewLockedBuffer returns a zeroed buffer of size bytes, 1 to MaxLockedBuffer,
// rounded up to whole pages inside. Errors: ErrInvalid for a size out of range,
// else the system's own when it has no memory to map. A refused lock is not an
// error: see Locked.
func NewLockedBuffer(size int) (*LockedBuffer, error) {
	if size < 1 || size > MaxLockedBuffer {
		return nil, fmt.Errorf("%w: locked buffer of %d bytes, want 1 to %d", ErrInvalid, size, MaxLockedBuffer)
	}
	pages, locked, err := mapLocked(size)
	if err != nil {
		return nil, fmt.Errorf("kms: locked buffer: %w", err)
	}
	return &LockedBuffer{m: &lockedPages{pages: func() []byte { return pages }, size: size, locked: locked}}, nil
}

// Bytes returns the memory itself, with no spare capacity, or nil after
// Destroy. The slice must not be used after Destroy: the pages are gone by
// then, and touching them ends the process.
func (b LockedBuffer) Bytes() []byte {
	if b.m == nil {
		return nil
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.m.pages == nil {
		return nil
	}
	return b.m.pages()[:b.m.size:b.m.size]
}

// Locked reports whether the pages can not be swapped out. It is false where
// the system refused (RLIMIT_MEMLOCK) or has no way to; the buffer works all
// the same. It is false after Destroy.
func (b LockedBuffer) Locked() bool {
	if b.m == nil {
		return false
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	return b.m.locked && b.m.pages != nil
}

// Wipe zeroes the memory and keeps it. It does nothing after Destroy.
func (b LockedBuffer) Wipe() {
	if b.m == nil {
		return
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.m.pages != nil {
		clear(b.m.pages())
	}
}

// Destroy wipes, unlocks and unmaps the memory. Calling it again, or on a nil
// buffer, does nothing. No slice from Bytes may be in use.
func (b *LockedBuffer) Destroy() {
	if b == nil || b.m == nil {
		return
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if b.m.pages == nil {
		return
	}
	pages := b.m.pages()
	b.m.pages = nil
	clear(pages)
	unmapLocked(pages, b.m.locked)
}

const redactedBuffer = "[locked buffer]"

// String returns a fixed text.
func (LockedBuffer) String() string { return redactedBuffer }

// GoString returns a fixed text, for %#v.
func (LockedBuffer) GoString() string { return redactedBuffer }

// Format writes a fixed text for every verb, also those that skip String.
func (LockedBuffer) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redactedBuffer)) }

// MarshalText encodes a fixed text.
func (LockedBuffer) MarshalText() ([]byte, error) { return []byte(redactedBuffer), nil }

// MarshalJSON encodes a fixed text.
func (LockedBuffer) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedBuffer + `"`), nil }

// LogValue logs a fixed text.
func (LockedBuffer) LogValue() slog.Value { return slog.StringValue(redactedBuffer) }
