// Package localkek keeps the key-encryption keys in one file sealed by a
// passphrase: a KMS for development and small installs, with nothing to run.
//
// It promises what package kms promises, and that the file is replaced as a
// whole or not at all, that no two processes lose each other's versions, that
// nothing new is wrapped while the file is missing, damaged or older than what
// the process has seen, and that keys stay in locked memory outside the Go
// heap. FORMAT.md fixes every byte it writes.
//
// It must never write a key, the passphrase or anything derived from it in
// clear, and never guess: a file or blob that is not exactly in the format is
// refused. What it can not do is what separates it from a KMS of its own: who
// controls this process, or has the file and the passphrase, has the keys.
package localkek

import (
	"crypto/rand"
	"errors"
	"io"
	"time"
)

var (
	// ErrPassphrase: the passphrase does not open the keyring, or the
	// keyring's header was changed, which looks the same.
	ErrPassphrase = errors.New("localkek: wrong passphrase for this keyring")
	// ErrKeyring: the file is no keyring of this format, or it was damaged.
	ErrKeyring = errors.New("localkek: not a usable keyring file")
	// ErrMode: others than the owner may read or write a secret file.
	ErrMode = errors.New("localkek: file is open to others")
	// ErrWeakPassphrase: the passphrase is shorter than MinPassphrase bytes or
	// longer than MaxPassphrase.
	ErrWeakPassphrase = errors.New("localkek: passphrase is too short or too long")
)

// Options tunes Create and Open. The zero value is for production.
type Options struct {
	// Argon2 is the cost of guessing the passphrase; the zero value means
	// DefaultArgon2. Create writes it to the file; Open goes by the file.
	Argon2 Argon2
	// Rand is the source of keys, salts and nonces; nil means crypto/rand. It
	// must be unpredictable, never repeat, and be safe for concurrent use.
	Rand io.Reader
	// Now is the clock for creation times and for how often the file is
	// looked at; nil means time.Now. Called concurrently.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Argon2 == (Argon2{}) {
		o.Argon2 = DefaultArgon2()
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
