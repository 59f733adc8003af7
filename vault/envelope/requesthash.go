package envelope

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// RequestHash is a request that may be repeated, under one version of the
// idempotency key: what it is looked up by, and what it must be equal to.
// 32 bytes each. Neither the client's key nor the request can be found from
// them without the working key.
type RequestHash struct {
	Version uint32
	ID      []byte // of the scope: merchant, endpoint and the client's key
	Request []byte // of the request itself
}

// RequestHashes returns the keyed hashes of a request under every loaded
// version of the mode's idempotency key, newest first (FORMAT.md §6). Neither
// argument is retained. ErrNoKey if no version is loaded.
func (k *Keyring) RequestHashes(mode Mode, scope, request []byte) ([]RequestHash, error) {
	versions := k.Versions(PurposeIdempotency, mode)
	if len(versions) == 0 {
		return nil, ErrNoKey
	}
	out := make([]RequestHash, 0, len(versions))
	for _, v := range versions {
		key, err := k.Version(PurposeIdempotency, mode, v)
		if err != nil {
			return nil, err
		}
		// Invariant: no label is a prefix of another, so the two hashes, and
		// that of a file, never meet.
		out = append(out, RequestHash{v, keyedHash(key, "idempotency1|", scope), keyedHash(key, "request1|", request)})
	}
	return out, nil
}

// FileHash returns a keyed hash over the bytes of a file, 32 bytes, under one
// version of the mode's idempotency key (FORMAT.md §6). ErrNoKey.
func (k *Keyring) FileHash(mode Mode, version uint32) (hash.Hash, error) {
	key, err := k.Version(PurposeIdempotency, mode, version)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte("file1|"))
	return h, nil
}
