package envelope

import (
	"fmt"
	"io"
	"sync"

	"github.com/panvault/panvault/kms"
)

// EphemeralKey is a random key that lives as long as its process, in locked
// memory. It is never wrapped and never written, so that what is sealed under
// it opens in this process only, and nowhere once the key is destroyed. It is
// safe for concurrent use.
type EphemeralKey struct {
	mu     sync.RWMutex // held to write by Destroy, so that no call reads pages that are gone
	memory *kms.LockedBuffer
}

// NewEphemeralKey draws a key of KeySize bytes from random, which must be
// cryptographically strong. It fails if memory cannot be had, or with the error
// of random. Destroy it.
func NewEphemeralKey(random io.Reader) (*EphemeralKey, error) {
	memory, err := kms.NewLockedBuffer(KeySize)
	if err != nil {
		return nil, fmt.Errorf("envelope: locked memory: %w", err)
	}
	if _, err := io.ReadFull(random, memory.Bytes()); err != nil {
		memory.Destroy()
		return nil, fmt.Errorf("envelope: draw ephemeral key: %w", err)
	}
	return &EphemeralKey{memory: memory}, nil
}

// Seal is Seal under this key; the generation of b is 1. ErrNoKey once the key
// is destroyed.
func (k *EphemeralKey) Seal(random io.Reader, b Binding, plaintext []byte) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key := k.memory.Bytes()
	if key == nil {
		return nil, ErrNoKey
	}
	b.Generation = 1
	return Seal(random, key, b, plaintext)
}

// Open is Open under this key; the generation of b is 1. The caller wipes the
// result. ErrNoKey once the key is destroyed.
func (k *EphemeralKey) Open(b Binding, sealed []byte) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key := k.memory.Bytes()
	if key == nil {
		return nil, ErrNoKey
	}
	b.Generation = 1
	return Open(key, b, sealed)
}

// Locked reports whether the key is on a page that cannot be swapped out. It is
// false once the key is destroyed.
func (k *EphemeralKey) Locked() bool { return k.memory.Locked() }

// Destroy wipes the key. Calling it again does nothing.
func (k *EphemeralKey) Destroy() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.memory.Destroy()
}
