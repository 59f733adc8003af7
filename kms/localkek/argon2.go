package localkek

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/panvault/panvault/kms"
)

// Argon2 is the cost of Argon2id (RFC 9106), which turns the passphrase into
// the key of the file.
type Argon2 struct {
	Time    uint32 // passes over the memory, 1 to 16
	Memory  uint32 // KiB, 19456 (19 MiB) to 1048576 (1 GiB)
	Threads uint8  // lanes, 1 to 16
}

// Bounds of the cost. They hold before any work is done, so that a forged
// header can demand neither a terabyte nor next to nothing. The floor is the
// smallest memory that the OWASP password storage guide recommends.
const (
	maxArgon2Time    = 16
	minArgon2Memory  = 19 << 10
	maxArgon2Memory  = 1 << 20
	maxArgon2Threads = 16
)

// DefaultArgon2 is for a server that starts rarely: RFC 9106's second choice
// (64 MiB, three passes) with two lanes, about a tenth of a second.
func DefaultArgon2() Argon2 { return Argon2{Time: 3, Memory: 64 << 10, Threads: 2} }

// DevArgon2 is for development, where starting fast matters more than the
// keyring of a sandbox: about 20 ms.
func DevArgon2() Argon2 { return Argon2{Time: 1, Memory: minArgon2Memory, Threads: 1} }

func (a Argon2) validate() error {
	if a.Time < 1 || a.Time > maxArgon2Time ||
		a.Memory < minArgon2Memory || a.Memory > maxArgon2Memory ||
		a.Threads < 1 || a.Threads > maxArgon2Threads {
		return fmt.Errorf("%w: argon2id cost of %d passes, %d KiB, %d lanes is out of bounds",
			ErrKeyring, a.Time, a.Memory, a.Threads)
	}
	return nil
}

const (
	saltSize  = 32
	checkSize = sha256.Size
	kekSize   = 32
)

// Labels of the two keys drawn from Argon2id's output.
const (
	labelSeal  = "panvault/localkek/v1/file-key"
	labelCheck = "panvault/localkek/v1/file-check"
)

// fileKey is the key that seals the body of a keyring file and the public
// value by which a wrong passphrase is told from a damaged body. Both live in
// one locked buffer; the file can be read again without the passphrase.
type fileKey struct {
	buf  *kms.LockedBuffer // key ‖ check value
	cost Argon2
	salt [saltSize]byte
}

func (k fileKey) key() []byte   { return k.buf.Bytes()[:kekSize] }
func (k fileKey) check() []byte { return k.buf.Bytes()[kekSize:] }
func (k fileKey) destroy()      { k.buf.Destroy() }

// deriveFileKey spends the cost, which must have been validated.
//
// Argon2id: the salt is random and belongs to this file alone. HKDF-SHA256 (RFC
// 5869): its input is the uniform 256-bit output of Argon2id, and the two
// labels differ, so that the check value in the header tells nothing about the
// key beyond a way to test a guess that costs one Argon2id.
func deriveFileKey(p Passphrase, cost Argon2, salt [saltSize]byte) (fileKey, error) {
	secret, err := p.bytes()
	if err != nil {
		return fileKey{}, err
	}
	buf, err := kms.NewLockedBuffer(kekSize + checkSize)
	if err != nil {
		return fileKey{}, err
	}
	root := argon2.IDKey(secret, salt[:], cost.Time, cost.Memory, cost.Threads, kekSize)
	defer clear(root)
	k := fileKey{buf: buf, cost: cost, salt: salt}
	for label, dst := range map[string][]byte{labelSeal: k.key(), labelCheck: k.check()} {
		out, err := hkdf.Key(sha256.New, root, nil, label, len(dst))
		if err != nil {
			k.destroy()
			return fileKey{}, fmt.Errorf("localkek: derive file key: %w", err)
		}
		copy(dst, out)
		clear(out)
	}
	return k, nil
}

// opens reports whether a file with this header was sealed under the key.
func (k fileKey) opens(h header) bool {
	return h.cost == k.cost && h.salt == k.salt && subtle.ConstantTimeCompare(h.check[:], k.check()) == 1
}
