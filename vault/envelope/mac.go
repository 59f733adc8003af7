package envelope

import (
	"crypto/hmac"
	"crypto/sha256"
)

// keyedHash returns HMAC-SHA-256(key, label ‖ secret), 32 bytes, and leaves
// nothing of secret behind: the inner digest keeps the last partial block it
// was given (field x in Go's crypto/internal/fips140/sha256, which Reset does
// not clear), so a block of zeros is written over it, in two parts because a
// whole one is not copied. The copy that Sum works on is overwritten by the
// outer digest's, in the same place of the stack.
func keyedHash(key []byte, label string, secret []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(label))
	mac.Write(secret)
	sum := mac.Sum(nil)
	var zeros [sha256.BlockSize]byte
	mac.Reset()
	mac.Write(zeros[:1])
	mac.Write(zeros[1:])
	return sum
}
