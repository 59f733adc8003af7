package kms

import "context"

// Rotator changes the KEKs and moves wrapped keys between their versions. Only
// an identity for that may use it; a server's may not. Implementations are safe
// for concurrent use.
//
// Rotate, Retire and Trim must not be retried without a look at the key: after
// ErrUnavailable the change may have been made. Doing the same call again is
// safe all the same: each is refused, or does nothing, if it was done before.
// Callers of one key keep them apart, because a backend may have no
// compare-and-set (Vault has none).
//
// Call errors of every method: ErrKeyMissing, ErrDenied, ErrInvalid,
// ErrUnavailable; of Rotate, Retire and Trim also ErrUnsafeKey.
type Rotator interface {
	// Rotate adds exactly one version to key and lets no older one wrap from
	// then on; older blobs still unwrap. expected is the newest version that the
	// caller knows, from 1. If the key has another, the answer is ErrConflict
	// and no version is added; but an encryption floor that an interrupted
	// rotation left behind is raised, so that calling again after a crash
	// completes the first call. ErrRotatedTwice if somebody else added a version
	// at the same time.
	Rotate(ctx context.Context, key Key, expected uint32) (Description, error)

	// Rewrap wraps what is in each blob again, under the newest version and the
	// same context; the plaintext stays inside the KMS. A blob of the newest
	// version is rewrapped too. Call errors as for Wrap, item errors as for
	// Unwrap, and ErrDowngrade. It changes nothing in the KMS.
	Rewrap(ctx context.Context, key Key, items []RewrapItem) ([]WrapResult, error)

	// Retire raises the floor below which nothing unwraps to floor, a version.
	// It does not look whether anything still needs the versions below: the
	// caller has. ErrInvalid for a floor below the present one (it is never
	// lowered), above the newest version, or above what may still wrap; the
	// present floor again does nothing.
	Retire(ctx context.Context, key Key, floor uint32) (Description, error)

	// Trim destroys the material of every version below floor, for good.
	// ErrInvalid for a floor above the one that Retire set, or below what is
	// destroyed already; the latter's own floor again does nothing.
	Trim(ctx context.Context, key Key, floor uint32) (Description, error)
}

// RewrapItem is one wrapped key to move to the newest version.
type RewrapItem struct {
	Wrapped []byte // not retained, not modified
	Context []byte // exactly as given to Wrap
}
