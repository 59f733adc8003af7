package envelope

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// FingerprintSize is the length of a fingerprint MAC and of its public
// surrogate, in bytes.
const FingerprintSize = 32

// Fingerprint is the keyed hash of a PAN under one version of the fingerprint
// key.
type Fingerprint struct {
	Version uint32
	MAC     []byte
}

// Fingerprints returns the keyed hash of the PAN digits (ASCII) for a merchant
// under every loaded version of the mode's fingerprint key, newest first: the
// first is written, all are looked up, so that the key rotates without losing
// a match. The hash covers the whole PAN (PCI DSS 3.5.1.1). The digits are not
// retained. ErrNoKey if no version is loaded.
func (k *Keyring) Fingerprints(mode Mode, merchant string, digits []byte) ([]Fingerprint, error) {
	versions := k.Versions(PurposeFingerprint, mode)
	if len(versions) == 0 {
		return nil, ErrNoKey
	}
	out := make([]Fingerprint, 0, len(versions))
	for _, v := range versions {
		key, err := k.Version(PurposeFingerprint, mode, v)
		if err != nil {
			return nil, err
		}
		// Invariant: the merchant id is length-prefixed, so two merchants
		// never share a derived key and equal PANs cannot be matched between
		// them.
		info := lp([]byte("panvault/v1/fingerprint"), merchant)
		derived, err := hkdf.Expand(sha256.New, key, string(info), KeySize)
		if err != nil {
			return nil, fmt.Errorf("envelope: derive: %w", err)
		}
		out = append(out, Fingerprint{v, keyedHash(derived, "pan1|", digits)})
		clear(derived)
	}
	return out, nil
}

// APIKeyHashes returns the keyed hash of an API key's secret under every
// loaded version of the pepper, newest first (FORMAT.md §5). ErrNoKey if none
// is loaded.
func (k *Keyring) APIKeyHashes(secret []byte) ([][]byte, error) {
	versions := k.Versions(PurposeAPIKey, ModeAll)
	if len(versions) == 0 {
		return nil, ErrNoKey
	}
	out := make([][]byte, 0, len(versions))
	for _, v := range versions {
		key, err := k.Version(PurposeAPIKey, ModeAll, v)
		if err != nil {
			return nil, err
		}
		out = append(out, keyedHash(key, "apikey1|", secret))
	}
	return out, nil
}
