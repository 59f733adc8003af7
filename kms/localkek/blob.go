package localkek

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strconv"
)

// blobPrefix opens every wrapped key: see FORMAT.md.
const blobPrefix = "local:v"

// errBlob is the reason for a blob that is not exactly in the format.
var errBlob = errors.New("not a wrapped key of a local keyring")

// blob is a parsed wrapped key.
type blob struct {
	version uint32 // from 1
	sealed  []byte // nonce ‖ ciphertext ‖ tag
}

const (
	minSealed = nonceSize + 1 + tagSize
	maxSealed = nonceSize + 64 + tagSize // kms.MaxPlaintext
)

func (b blob) encode() []byte {
	out := append([]byte(blobPrefix), strconv.FormatUint(uint64(b.version), 10)...)
	out = append(out, ':')
	return base64.RawStdEncoding.AppendEncode(out, b.sealed)
}

// parseBlob accepts exactly the outputs of encode. Whatever lenience the number
// and base64 decoders have (signs, leading zeros, line breaks, unused bits) is
// undone by comparing the input with its own encoding.
func parseBlob(wrapped []byte) (blob, error) {
	rest, ok := bytes.CutPrefix(wrapped, []byte(blobPrefix))
	if !ok {
		return blob{}, errBlob
	}
	digits, body, ok := bytes.Cut(rest, []byte{':'})
	if !ok || len(body) > base64.RawStdEncoding.EncodedLen(maxSealed) {
		return blob{}, errBlob
	}
	n, err := strconv.ParseUint(string(digits), 10, 32)
	if err != nil || n < 1 {
		return blob{}, errBlob
	}
	sealed, err := base64.RawStdEncoding.Strict().DecodeString(string(body))
	if err != nil || len(sealed) < minSealed || len(sealed) > maxSealed {
		return blob{}, errBlob
	}
	b := blob{version: uint32(n), sealed: sealed}
	if !bytes.Equal(b.encode(), wrapped) {
		return blob{}, errBlob
	}
	return b, nil
}
