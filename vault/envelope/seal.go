package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
)

const (
	labelEncrypt = "panvault/v1/encrypt"
	labelCommit  = "panvault/v1/commit"
)

// Seal encrypts plaintext (at most MaxPlaintext bytes) under key (KeySize
// bytes, uniformly random) for the place b and returns Overhead more bytes.
// random must be cryptographically strong. It fails with ErrSize, also when a
// part of b is longer than MaxPlaintext, or with the error of random. Safe for
// concurrent use.
func Seal(random io.Reader, key []byte, b Binding, plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, ErrSize
	}
	if !b.fits() {
		return nil, ErrSize
	}
	s, err := newSubkeys(key, b)
	if err != nil {
		return nil, err
	}
	defer s.wipe()
	out := make([]byte, headerSize, Overhead+len(plaintext))
	box := Sealed{Generation: b.Generation, size: len(plaintext)}
	copy(box.Commitment[:], s.commitment)
	if _, err := io.ReadFull(random, box.Nonce[:]); err != nil {
		return nil, fmt.Errorf("envelope: nonce: %w", err)
	}
	box.putHeader(out)
	// Invariant: the subkey depends on the record and field, so this random
	// 96-bit nonce has to be unique among the seals of one field of one record
	// only (NIST SP 800-38D §8.3 allows 2^32).
	return s.aead.Seal(out, box.Nonce[:], plaintext, s.aad), nil
}

// Open decrypts what Seal made for the same key and place. Anything else is
// ErrTampered, or ErrVersion, which matches it; a key that is not KeySize bytes
// is ErrSize. The caller wipes the result. Safe for concurrent use.
func Open(key []byte, b Binding, sealed []byte) ([]byte, error) {
	box, err := Parse(sealed)
	if err != nil {
		return nil, err
	}
	if box.Generation != b.Generation || !b.fits() {
		return nil, ErrTampered
	}
	s, err := newSubkeys(key, b)
	if err != nil {
		return nil, err
	}
	defer s.wipe()
	// Invariant: GCM does not commit to its key, so the commitment is compared
	// first; a mismatch stops before any plaintext exists.
	if subtle.ConstantTimeCompare(box.Commitment[:], s.commitment) != 1 {
		return nil, ErrTampered
	}
	plaintext, err := s.aead.Open(nil, box.Nonce[:], box.Ciphertext, s.aad)
	if err != nil {
		return nil, ErrTampered
	}
	return plaintext, nil
}

// subkeys are what one key yields for one place.
type subkeys struct {
	aead       cipher.AEAD
	encrypt    []byte
	commitment []byte
	aad        []byte
}

func newSubkeys(key []byte, b Binding) (*subkeys, error) {
	if len(key) != KeySize {
		return nil, ErrSize
	}
	aad := b.appendAAD(make([]byte, 0, 128))
	// Invariant: key is uniformly random, so it serves as the pseudorandom key
	// of HKDF-Expand (RFC 5869 §3.3); distinct labels give independent outputs.
	encrypt, err := hkdf.Expand(sha256.New, key, labelEncrypt+string(aad), KeySize)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive: %w", err)
	}
	commitment, err := hkdf.Expand(sha256.New, key, labelCommit+string(aad), CommitmentSize)
	if err != nil {
		return nil, fmt.Errorf("envelope: derive: %w", err)
	}
	block, err := aes.NewCipher(encrypt)
	if err != nil {
		return nil, fmt.Errorf("envelope: cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("envelope: cipher: %w", err)
	}
	return &subkeys{aead, encrypt, commitment, aad}, nil
}

func (s *subkeys) wipe() { clear(s.encrypt) }
