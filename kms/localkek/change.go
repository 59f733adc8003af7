package localkek

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/panvault/panvault/kms"
)

// rotated returns a new ring in which key has one more version than expected,
// drawn from rand, under which alone new wraps are made. Error: kms.ErrConflict
// if key has another newest version.
func (r *ring) rotated(key kms.Key, expected uint32, rand io.Reader, now time.Time) (*ring, error) {
	kek, err := drawKeys(rand, kekSize)
	if err != nil {
		return nil, err
	}
	defer kek.Destroy()
	return r.changed(key, func(k *keyVersions) error {
		if latest := k.latest().number; latest != expected {
			return fmt.Errorf("%w: newest of %s is %d, expected %d", kms.ErrConflict, key, latest, expected)
		}
		if len(k.versions) == maxVersions {
			return fmt.Errorf("%w: %s has %d versions already", kms.ErrInvalid, key, maxVersions)
		}
		next := version{number: k.latest().number + 1, created: now.UnixMicro(), kek: kek.Bytes()}
		k.versions = append(slices.Clip(k.versions), next)
		k.minEncrypt = next.number
		return nil
	})
}

// retired returns a new ring in which versions of key below floor no longer
// decrypt, or nil if that is so already.
func (r *ring) retired(key kms.Key, floor uint32) (*ring, error) {
	return r.changed(key, func(k *keyVersions) error {
		if floor == k.minDecrypt {
			return errNoChange
		}
		if floor < k.minDecrypt || floor > k.minEncrypt {
			return fmt.Errorf("%w: floor %d of %s, want %d to %d", kms.ErrInvalid, floor, key, k.minDecrypt, k.minEncrypt)
		}
		k.minDecrypt = floor
		return nil
	})
}

// trimmed returns a new ring without the versions of key below floor, or nil if
// there is none.
func (r *ring) trimmed(key kms.Key, floor uint32) (*ring, error) {
	return r.changed(key, func(k *keyVersions) error {
		if floor == k.oldest() {
			return errNoChange
		}
		if floor < k.oldest() || floor > k.minDecrypt {
			return fmt.Errorf("%w: floor %d of %s, want %d to %d: retire first", kms.ErrInvalid, floor, key, k.oldest(), k.minDecrypt)
		}
		k.versions = k.versions[floor-k.oldest():]
		return nil
	})
}

// errNoChange is what a change of a key says when there is nothing to change.
var errNoChange = errors.New("localkek: no change")

// changed returns a new ring with a change to one key, nil for errNoChange.
func (r *ring) changed(key kms.Key, change func(*keyVersions) error) (*ring, error) {
	i, err := r.find(key)
	if err != nil {
		return nil, err
	}
	keys := slices.Clone(r.keys)
	switch err := change(&keys[i]); {
	case errors.Is(err, errNoChange):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return buildRing(keys)
}
