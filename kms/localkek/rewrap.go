package localkek

import (
	"context"
	"fmt"
	"io"

	"github.com/panvault/panvault/kms"
)

// Rewrap implements kms.Rotator in memory: each plaintext lives between one
// open and one seal and is wiped. It needs a usable file, as Wrap does.
func (k *Keyring) Rewrap(ctx context.Context, key kms.Key, items []kms.RewrapItem) ([]kms.WrapResult, error) {
	if err := kms.ContextError(ctx); err != nil {
		return nil, err
	}
	errs, err := kms.ValidateRewrap(key, items)
	if err != nil {
		return nil, err
	}
	nonces := make([]byte, len(items)*nonceSize)
	if _, err := io.ReadFull(k.opts.Rand, nonces); err != nil {
		return nil, fmt.Errorf("%w: no randomness", kms.ErrUnavailable)
	}
	blobs := make([]blob, len(items))
	highest := uint32(0)
	for i, it := range items {
		if errs[i] == nil {
			blobs[i], errs[i] = untrustedBlob(it.Wrapped)
			highest = max(highest, blobs[i].version)
		}
	}
	k.refreshFor(key, highest)
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := k.usable(); err != nil {
		return nil, err
	}
	i, err := k.ring.find(key)
	if err != nil {
		return nil, err
	}
	res := make([]kms.WrapResult, len(items))
	for j, it := range items {
		if res[j].Err = errs[j]; res[j].Err == nil {
			res[j] = rewrapItem(k.ring.keys[i], blobs[j], it.Context, nonces[j*nonceSize:][:nonceSize])
		}
	}
	return res, nil
}

// rewrapItem opens one key and seals it under the newest version, which no blob
// that opens is above.
func rewrapItem(key keyVersions, b blob, context, nonce []byte) kms.WrapResult {
	plain, err := unwrapItem(key, b, context)
	if err != nil {
		return kms.WrapResult{Err: err}
	}
	defer clear(plain)
	return wrapItem(key.name, key.latest(), kms.WrapItem{Plaintext: plain, Context: context}, nonce)
}

// untrustedBlob parses a blob that came back from storage: one that is not in
// the format was not made by Wrap, so it is kms.ErrTampered.
func untrustedBlob(wrapped []byte) (blob, error) {
	b, err := parseBlob(wrapped)
	if err != nil {
		return blob{}, fmt.Errorf("%w: %w", kms.ErrTampered, err)
	}
	return b, nil
}
