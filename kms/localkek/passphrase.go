package localkek

import (
	"fmt"
	"log/slog"

	"github.com/panvault/panvault/kms"
)

// Limits on the length of a passphrase, in bytes.
const (
	MinPassphrase = 12
	MaxPassphrase = 1024
)

// Passphrase opens a keyring. It is kept in locked memory, and every printing
// and encoding method redacts it. A copy is another handle on the same bytes.
// The zero value opens nothing. It is safe for concurrent use until Wipe.
type Passphrase struct {
	buf *kms.LockedBuffer
}

// NewPassphrase moves b into locked memory and wipes it, also when it fails.
// Error: ErrWeakPassphrase unless b has MinPassphrase to MaxPassphrase bytes.
func NewPassphrase(b []byte) (Passphrase, error) {
	defer clear(b)
	if len(b) < MinPassphrase || len(b) > MaxPassphrase {
		return Passphrase{}, fmt.Errorf("%w: want %d to %d bytes", ErrWeakPassphrase, MinPassphrase, MaxPassphrase)
	}
	buf, err := kms.NewLockedBuffer(len(b))
	if err != nil {
		return Passphrase{}, err
	}
	copy(buf.Bytes(), b)
	return Passphrase{buf}, nil
}

// Wipe forgets the passphrase in every copy. It must not run during Create or
// Open. Calling it again does nothing.
func (p Passphrase) Wipe() { p.buf.Destroy() }

// bytes returns the passphrase itself, valid until Wipe.
func (p Passphrase) bytes() ([]byte, error) {
	if p.buf == nil || p.buf.Bytes() == nil {
		return nil, fmt.Errorf("%w: it is empty or was wiped", ErrPassphrase)
	}
	return p.buf.Bytes(), nil
}

const redactedPassphrase = "[passphrase]"

// String returns a fixed text.
func (Passphrase) String() string { return redactedPassphrase }

// GoString returns a fixed text, for %#v.
func (Passphrase) GoString() string { return redactedPassphrase }

// Format writes a fixed text for every verb, also those that skip String.
func (Passphrase) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(redactedPassphrase)) }

// MarshalText encodes a fixed text.
func (Passphrase) MarshalText() ([]byte, error) { return []byte(redactedPassphrase), nil }

// MarshalJSON encodes a fixed text.
func (Passphrase) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedPassphrase + `"`), nil }

// LogValue logs a fixed text.
func (Passphrase) LogValue() slog.Value { return slog.StringValue(redactedPassphrase) }
