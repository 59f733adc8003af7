package envelope

import (
	"crypto/hmac"
	"crypto/sha256"
)

// keyedHash returns HMAC-SHA-256(key, label ‖ secret), 32 bytes, and leaves
// nothing of secret behind in the hash: a digest keeps the last partial block
// it was given, and Sum works on a copy of it on the stack (field x in Go's
// crypto/internal/fips140/sha256). A full block of zeros, written in two parts
// because a whole one is not copied, and a second Sum from the same frame
// overwrite both.
func keyedHash(key []byte, label string, secret []byte) []byte {
	mac := hmac.New(sha256.New, key)
	var zeros [sha256.BlockSize]byte
	var out, rest [sha256.Size]byte
	mac.Write([]byte(label))
	mac.Write(secret)
	sum := mac.Sum(out[:0])
	mac.Reset()
	mac.Write(zeros[:1])
	mac.Write(zeros[1:])
	mac.Sum(rest[:0])
	return sum
}
