package transit

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/panvault/panvault/kms"
)

const (
	blobPrefix = "vault:v"
	overhead   = 12 + 16 // nonce and tag of AES-GCM, in bytes
)

// VersionOf implements kms.Versioner. It asks nobody.
func (c *Client) VersionOf(wrapped []byte) (uint32, error) {
	b, ok := parseBlob(wrapped)
	if !ok {
		return 0, &callError{op: "read version", kind: kms.ErrInvalid, hint: "not a blob of this backend"}
	}
	return b.version, nil
}

// blob is what can be read off "vault:vN:" + base64(nonce, ciphertext, tag).
type blob struct {
	version uint32
	size    int // bytes of plaintext in it
}

// parseBlob accepts exactly one spelling of each blob. Vault itself would also
// take v0, leading zeros, line breaks and stray bits in the last character.
func parseBlob(w []byte) (blob, bool) {
	if len(w) > kms.MaxWrapped {
		return blob{}, false
	}
	rest, ok := bytes.CutPrefix(w, []byte(blobPrefix))
	if !ok {
		return blob{}, false
	}
	num, data, ok := bytes.Cut(rest, []byte(":"))
	if !ok || len(num) == 0 || num[0] < '1' || num[0] > '9' {
		return blob{}, false
	}
	version, err := strconv.ParseUint(string(num), 10, 32)
	if err != nil || bytes.ContainsAny(data, "\r\n") {
		return blob{}, false
	}
	var raw [kms.MaxWrapped]byte
	n, err := base64.StdEncoding.Strict().Decode(raw[:], data)
	if err != nil || n <= overhead {
		return blob{}, false
	}
	return blob{version: uint32(version), size: n - overhead}, true
}
