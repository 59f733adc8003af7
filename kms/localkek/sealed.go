package localkek

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/panvault/panvault/kms"
)

// newGCM is AES-256-GCM (SP 800-38D) under a key of 32 bytes, which it expands
// on the heap: that copy is out of reach until it is collected.
func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealFile returns the bytes of a keyring file that holds r.
//
// AES-256-GCM: each write draws a new random 96-bit nonce, and a file key sees
// one write a rotation, far below the 2^32 of SP 800-38D, 8.3. The header is
// the associated data, so that no byte of the file can change unnoticed.
func sealFile(k fileKey, r *ring, rand io.Reader) ([]byte, error) {
	h := header{cost: k.cost, salt: k.salt, sealed: uint32(len(r.body()) + tagSize)}
	copy(h.check[:], k.check())
	if _, err := io.ReadFull(rand, h.nonce[:]); err != nil {
		return nil, fmt.Errorf("localkek: read nonce: %w", err)
	}
	gcm, err := newGCM(k.key())
	if err != nil {
		return nil, fmt.Errorf("localkek: seal keyring: %w", err)
	}
	head := h.append(make([]byte, 0, headerSize+int(h.sealed)))
	return gcm.Seal(head, h.nonce[:], r.body(), head), nil
}

// openFile opens a file under an already derived key. Errors: ErrKeyring, and
// ErrPassphrase if the file was sealed under another key.
func openFile(k fileKey, h header, file []byte) (*ring, error) {
	if !k.opens(h) {
		return nil, ErrPassphrase
	}
	gcm, err := newGCM(k.key())
	if err != nil {
		return nil, fmt.Errorf("localkek: open keyring: %w", err)
	}
	buf, err := kms.NewLockedBuffer(int(h.sealed) - tagSize)
	if err != nil {
		return nil, err
	}
	// AES-256-GCM opens in place: the plaintext fits the locked buffer exactly,
	// so no copy of it is made on the heap.
	if _, err := gcm.Open(buf.Bytes()[:0], h.nonce[:], file[headerSize:], file[:headerSize]); err != nil {
		buf.Destroy()
		return nil, fmt.Errorf("%w: it does not authenticate", ErrKeyring)
	}
	r, err := parseBody(buf)
	if err != nil {
		buf.Destroy()
		return nil, err
	}
	return r, nil
}
