package localkek

import (
	"encoding/binary"
	"fmt"
)

// The header of a keyring file: see FORMAT.md. All of it is associated data of
// the sealed body.
const (
	magic      = "panvault keyring"
	headerSize = 112
	nonceSize  = 12 // bytes: SP 800-38D recommends 96-bit IVs
	tagSize    = 16 // bytes: the full GCM tag

	formatVersion = 1
	kdfArgon2id   = 1 // Argon2id, version 0x13
	aeadAESGCM    = 1 // AES-256-GCM
)

// header is a parsed header. Its bytes follow from it: parse and append are
// inverse to each other.
type header struct {
	cost   Argon2
	salt   [saltSize]byte
	check  [checkSize]byte
	nonce  [nonceSize]byte
	sealed uint32 // length of the sealed body in bytes, tag included
}

func (h header) append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, formatVersion)
	b = append(b, kdfArgon2id, aeadAESGCM)
	b = binary.BigEndian.AppendUint32(b, h.cost.Time)
	b = binary.BigEndian.AppendUint32(b, h.cost.Memory)
	b = append(b, h.cost.Threads, 0, 0, 0)
	b = append(b, h.salt[:]...)
	b = append(b, h.check[:]...)
	b = append(b, h.nonce[:]...)
	return binary.BigEndian.AppendUint32(b, h.sealed)
}

// parseHeader reads the header of file and holds the file to the length it
// says. It does no expensive work and allocates nothing that the file sizes.
func parseHeader(file []byte) (header, error) {
	var h header
	if len(file) < headerSize || string(file[:len(magic)]) != magic {
		return h, fmt.Errorf("%w: no keyring header", ErrKeyring)
	}
	if v := binary.BigEndian.Uint16(file[16:]); v != formatVersion {
		return h, fmt.Errorf("%w: format version %d, this program knows %d", ErrKeyring, v, formatVersion)
	}
	if file[18] != kdfArgon2id || file[19] != aeadAESGCM {
		return h, fmt.Errorf("%w: unknown algorithms %d and %d", ErrKeyring, file[18], file[19])
	}
	h.cost = Argon2{
		Time:    binary.BigEndian.Uint32(file[20:]),
		Memory:  binary.BigEndian.Uint32(file[24:]),
		Threads: file[28],
	}
	if err := h.cost.validate(); err != nil {
		return h, err
	}
	if file[29]|file[30]|file[31] != 0 {
		return h, fmt.Errorf("%w: reserved bytes are set", ErrKeyring)
	}
	copy(h.salt[:], file[32:])
	copy(h.check[:], file[64:])
	copy(h.nonce[:], file[96:])
	h.sealed = binary.BigEndian.Uint32(file[108:])
	if h.sealed < tagSize+1 || h.sealed > maxBody+tagSize || int(h.sealed) != len(file)-headerSize {
		return h, fmt.Errorf("%w: sealed body of %d bytes in a file of %d", ErrKeyring, h.sealed, len(file))
	}
	return h, nil
}
