package store

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
)

// IDLength is the length of a record id: 8 characters of milliseconds since
// the epoch in base 36 and 16 random ones, 82 bits. Ids made later sort later,
// so that inserts append to the index instead of scattering over it.
const IDLength = 24

const (
	idTime     = 8
	idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
)

// NewID draws a record id at time now from random, which must be
// cryptographically strong (crypto/rand.Reader outside tests). It fails only
// if random does. Nothing of a card enters an id.
func NewID(now time.Time, random io.Reader) (string, error) {
	var id [IDLength]byte
	putTime(id[:idTime], now)
	if err := RandomText(id[idTime:], random); err != nil {
		return "", err
	}
	return string(id[:]), nil
}

// NewIDAfter draws a record id of the millisecond after another id's, whatever
// the time is. It fails if random does, or if after is no record id.
func NewIDAfter(after string, random io.Reader) (string, error) {
	if !ValidID(after) {
		return "", errors.New("store: not a record id")
	}
	ms, err := strconv.ParseInt(after[:idTime], 36, 64)
	if err != nil {
		return "", err
	}
	return NewID(time.UnixMilli(ms+1), random)
}

// IDAt returns the lowest record id of a millisecond: ids that were made before
// it sort below. Times before 1970 count as 1970.
func IDAt(t time.Time) string {
	id := []byte(strings.Repeat("0", IDLength))
	if t.UnixMilli() > 0 {
		putTime(id[:idTime], t)
	}
	return string(id)
}

func putTime(dst []byte, t time.Time) {
	ms := uint64(t.UnixMilli())
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = idAlphabet[ms%36]
		ms /= 36
	}
}

// RandomText fills dst with characters of [0-9a-z], each equally likely:
// bytes of 252 and above are drawn again, so that the modulus adds no bias.
func RandomText(dst []byte, random io.Reader) error {
	var buf [32]byte
	for n := 0; n < len(dst); {
		draw := buf[:min(len(buf), len(dst)-n+2)]
		if _, err := io.ReadFull(random, draw); err != nil {
			return err
		}
		for _, b := range draw {
			if b < 252 && n < len(dst) {
				dst[n] = idAlphabet[b%36]
				n++
			}
		}
	}
	return nil
}

// ValidID reports whether s has the shape of a record id.
func ValidID(s string) bool {
	if len(s) != IDLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
