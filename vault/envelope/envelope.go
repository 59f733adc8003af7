// Package envelope is the bytes at rest: how a value is sealed, how a key is
// bound to its row, how a row proves that nobody edited it. FORMAT.md fixes
// every byte; testdata/vectors.json proves it.
//
// It promises that a sealed value opens only with its own key, in its own row
// and field, for its own merchant and mode, and that everything else is
// ErrTampered with no plaintext returned.
//
// It must never log, retain or cache a plaintext, and keeps plaintext keys in
// locked memory only. What the standard library's HMAC, HKDF and AES copy of a
// key while they use it stays on the heap until the collector reuses the place:
// that is reduced exposure, not zeroisation.
package envelope

import (
	"encoding/binary"
	"errors"
)

// Sizes in bytes.
const (
	KeySize        = 32 // data keys and working keys
	CommitmentSize = 32
	NonceSize      = 12
	GCMTagSize     = 16
	Overhead       = 1 + 1 + 4 + 2 + CommitmentSize + NonceSize + GCMTagSize // sealed minus plaintext
	MaxPlaintext   = 1<<16 - 1
)

const (
	format1  = 0x01
	aes256   = 0x01
	protocol = "pv1"
)

// The errors of this package. None carries plaintext or key bytes.
var (
	// ErrTampered: the bytes are not what was sealed for this place.
	ErrTampered = errors.New("envelope: tampered")
	// ErrVersion: the format or algorithm is unknown, so a newer release wrote
	// it, or it was tampered with. It matches ErrTampered too.
	ErrVersion = versionError{}
	// ErrNoKey: no working key of this purpose, mode and version is loaded.
	ErrNoKey = errors.New("envelope: working key is not loaded")
	// ErrSize: a key or plaintext has a size outside the limits above.
	ErrSize = errors.New("envelope: size out of range")
)

type versionError struct{}

func (versionError) Error() string        { return "envelope: unknown format or algorithm" }
func (versionError) Is(target error) bool { return target == ErrTampered }

// Mode separates test records from live ones, in every key and every binding.
type Mode string

// The modes. ModeAll is for working keys that serve rows without a mode.
const (
	ModeTest Mode = "test"
	ModeLive Mode = "live"
	ModeAll  Mode = "all"
)

// ModeOf returns the mode of records whose livemode is live.
func ModeOf(live bool) Mode {
	if live {
		return ModeLive
	}
	return ModeTest
}

// lp appends b preceded by its length in two bytes. A length that does not fit
// would break injectivity, so it panics instead: Seal and Open check theirs
// first, every other caller passes ids and names of bounded length.
func lp[T string | []byte](dst []byte, b T) []byte {
	if len(b) > MaxPlaintext {
		panic("envelope: bound value is too long")
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	return append(dst, b...)
}

func lpUint32(dst []byte, v uint32) []byte {
	dst = binary.BigEndian.AppendUint16(dst, 4)
	return binary.BigEndian.AppendUint32(dst, v)
}
