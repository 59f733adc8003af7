package localkek

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/panvault/panvault/kms"
)

// labelWrap opens the HKDF info of every subkey that wraps.
const labelWrap = "panvault/localkek/v1"

// Wrap implements kms.KMS, under the newest version of key. It returns
// kms.ErrUnavailable while the file on disk is missing, damaged or older than
// the keys in memory: what it wrapped then could not be opened after a restart.
func (k *Keyring) Wrap(ctx context.Context, key kms.Key, items []kms.WrapItem) ([]kms.WrapResult, error) {
	if err := kms.ContextError(ctx); err != nil {
		return nil, err
	}
	errs, err := kms.ValidateWrap(key, items)
	if err != nil {
		return nil, err
	}
	nonces := make([]byte, len(items)*nonceSize)
	if _, err := io.ReadFull(k.opts.Rand, nonces); err != nil {
		return nil, fmt.Errorf("%w: no randomness", kms.ErrUnavailable)
	}
	k.refresh()
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := k.usable(); err != nil {
		return nil, err
	}
	i, err := k.ring.find(key)
	if err != nil {
		return nil, err
	}
	newest := k.ring.keys[i].latest()
	res := make([]kms.WrapResult, len(items))
	for i, it := range items {
		if res[i].Err = errs[i]; res[i].Err == nil {
			res[i] = wrapItem(key, newest, it, nonces[i*nonceSize:][:nonceSize])
		}
	}
	return res, nil
}

// wrapItem seals one key. The nonce is fresh from the random source.
func wrapItem(key kms.Key, v version, it kms.WrapItem, nonce []byte) kms.WrapResult {
	gcm, err := subkey(key, v, it.Context)
	if err != nil {
		return kms.WrapResult{Err: fmt.Errorf("%w: %w", kms.ErrUnavailable, err)}
	}
	// AES-256-GCM with a random 96-bit nonce: at most 2^32 seals under one key
	// (SP 800-38D, 8.3). The key is a subkey of one context under one version,
	// so that the bound holds per context: one record, wrapped a few times.
	sealed := gcm.Seal(append(make([]byte, 0, maxSealed), nonce...), nonce, it.Plaintext, wrapAAD(key, v.number))
	return kms.WrapResult{Wrapped: blob{version: v.number, sealed: sealed}.encode(), Version: v.number}
}

// Unwrap implements kms.KMS. A blob that is not in the format is ErrTampered,
// like one that does not authenticate: whoever stored it, it was not Wrap. It
// goes on working from memory while the file can not be read. Event is unused:
// a keyring has no log of its own.
func (k *Keyring) Unwrap(ctx context.Context, key kms.Key, items []kms.UnwrapItem) ([]kms.UnwrapResult, error) {
	if err := kms.ContextError(ctx); err != nil {
		return nil, err
	}
	errs, err := kms.ValidateUnwrap(key, items)
	if err != nil {
		return nil, err
	}
	blobs := make([]blob, len(items))
	newest := uint32(0)
	for i, it := range items {
		if errs[i] == nil {
			blobs[i], errs[i] = untrustedBlob(it.Wrapped)
			newest = max(newest, blobs[i].version)
		}
	}
	k.refreshFor(key, newest)
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.ring == nil {
		return nil, errClosed
	}
	i, err := k.ring.find(key)
	if err != nil {
		return nil, err
	}
	res := make([]kms.UnwrapResult, len(items))
	for j, it := range items {
		if res[j].Err = errs[j]; res[j].Err == nil {
			res[j].Plaintext, res[j].Err = unwrapItem(k.ring.keys[i], blobs[j], it.Context)
		}
	}
	return res, nil
}

// refreshFor looks at the file if it is time, and at once if a blob names a
// version that is newer than any in memory.
func (k *Keyring) refreshFor(key kms.Key, newest uint32) {
	k.refresh()
	k.mu.RLock()
	known := true
	if k.ring != nil {
		i, err := k.ring.find(key)
		known = err != nil || newest <= k.ring.keys[i].latest().number
	}
	k.mu.RUnlock()
	if !known {
		k.reload()
	}
}

// unwrapItem opens one key.
func unwrapItem(key keyVersions, b blob, context []byte) ([]byte, error) {
	v, err := key.version(b.version)
	if err != nil {
		return nil, err
	}
	gcm, err := subkey(key.name, v, context)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", kms.ErrUnavailable, err)
	}
	// AES-256-GCM: nothing is returned unless key name, version, context (by
	// the subkey), nonce and every byte are those of one Wrap.
	plain, err := gcm.Open(nil, b.sealed[:nonceSize], b.sealed[nonceSize:], wrapAAD(key.name, v.number))
	if err != nil {
		return nil, kms.ErrTampered
	}
	return plain, nil
}

// VersionOf implements kms.Versioner. It reads the blob only: a version it
// returns need not exist.
func (k *Keyring) VersionOf(wrapped []byte) (uint32, error) {
	b, err := parseBlob(wrapped)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", kms.ErrInvalid, err)
	}
	return b.version, nil
}

// subkey is AES-256-GCM under the subkey of one context.
//
// HKDF-SHA256 (RFC 5869) without salt: its input is a uniform 256-bit KEK. The
// info is length-prefixed, so that no two (key, context) pairs share a subkey.
func subkey(key kms.Key, v version, context []byte) (cipher.AEAD, error) {
	info := appendPrefixed(nil, []byte(labelWrap))
	info = appendPrefixed(info, []byte(key))
	info = appendPrefixed(info, context)
	sub, err := hkdf.Key(sha256.New, v.kek, nil, string(info), kekSize)
	if err != nil {
		return nil, fmt.Errorf("derive subkey: %w", err)
	}
	defer clear(sub)
	return newGCM(sub)
}

// wrapAAD is the associated data of a wrapped key: its KEK's name and version.
func wrapAAD(key kms.Key, version uint32) []byte {
	return binary.BigEndian.AppendUint32(appendPrefixed(nil, []byte(key)), version)
}

// appendPrefixed appends a 16-bit big-endian length and the bytes, which are at
// most kms.MaxContext.
func appendPrefixed(b, field []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(field))), field...)
}
