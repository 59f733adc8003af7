package envelope

import "encoding/binary"

const headerSize = 1 + 1 + 4 + 2 + CommitmentSize + NonceSize

// Sealed is a parsed sealed value (FORMAT.md §2). Parsing is canonical: what
// parses re-encodes to the same bytes.
type Sealed struct {
	Generation uint32
	Commitment [CommitmentSize]byte
	Nonce      [NonceSize]byte
	Ciphertext []byte // with the GCM tag; aliases the input of Parse
	size       int    // plaintext bytes
}

// Parse splits a sealed value without opening it. ErrVersion for an unknown
// format or algorithm, ErrTampered for a wrong length.
func Parse(sealed []byte) (Sealed, error) {
	if len(sealed) < Overhead {
		return Sealed{}, ErrTampered
	}
	if sealed[0] != format1 || sealed[1] != aes256 {
		return Sealed{}, ErrVersion
	}
	s := Sealed{
		Generation: binary.BigEndian.Uint32(sealed[2:]),
		size:       int(binary.BigEndian.Uint16(sealed[6:])),
	}
	if len(sealed) != Overhead+s.size {
		return Sealed{}, ErrTampered
	}
	copy(s.Commitment[:], sealed[8:])
	copy(s.Nonce[:], sealed[8+CommitmentSize:])
	s.Ciphertext = sealed[headerSize:]
	return s, nil
}

// Bytes re-encodes the value.
func (s Sealed) Bytes() []byte {
	out := make([]byte, headerSize, headerSize+len(s.Ciphertext))
	s.putHeader(out)
	return append(out, s.Ciphertext...)
}

func (s Sealed) putHeader(out []byte) {
	out[0], out[1] = format1, aes256
	binary.BigEndian.PutUint32(out[2:], s.Generation)
	binary.BigEndian.PutUint16(out[6:], uint16(s.size))
	copy(out[8:], s.Commitment[:])
	copy(out[8+CommitmentSize:], s.Nonce[:])
}
