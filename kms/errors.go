package kms

import "errors"

// The sentinels every backend maps its failures to. They are matched with
// errors.Is and carry no text of the backend's server, which may echo input.
var (
	// ErrTampered: the blob does not authenticate under this key and context.
	ErrTampered = errors.New("kms: wrapped key does not authenticate")
	// ErrVersionRetired: the blob's KEK version is below the decryption floor or trimmed.
	ErrVersionRetired = errors.New("kms: key version is retired")
	// ErrKeyMissing: the KEK does not exist. Create it: see deploy/vault.
	ErrKeyMissing = errors.New("kms: key does not exist")
	// ErrUnsafeKey: the KEK exists but its attributes would let it leave the KMS.
	ErrUnsafeKey = errors.New("kms: key is not safe to use")
	// ErrUnavailable: sealed, unreachable, overloaded or timed out. Retry later.
	ErrUnavailable = errors.New("kms: unavailable")
	// ErrDenied: the identity may not do this, also after one new login.
	ErrDenied = errors.New("kms: permission denied")
	// ErrInvalid: the request breaks a limit of this package. Never retried.
	ErrInvalid = errors.New("kms: invalid request")
	// ErrConflict: the key's newest version is not the one the caller expects. No
	// version was added: Describe the key and decide again.
	ErrConflict = errors.New("kms: key has another newest version than expected")
	// ErrRotatedTwice: a rotation left more than one new version, because
	// somebody else rotated at the same time. Find out who before going on.
	ErrRotatedTwice = errors.New("kms: more than one key version was added")
	// ErrDowngrade: the KMS answered with an older key version than the wrapped
	// key had. The answer is dropped: keep the old blob, and look at the KMS.
	ErrDowngrade = errors.New("kms: rewrapped under an older key version")
)
