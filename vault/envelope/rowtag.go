package envelope

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
)

// RowTagSize is the length of a row tag in bytes: key version and a truncated
// HMAC-SHA-256 (128 bits, NIST SP 800-107 §5.3.3).
const RowTagSize = 4 + 16

// Row collects the columns of one row in the order FORMAT.md §3 gives, to be
// tagged or checked. It is not safe for concurrent use. It holds clear columns
// and ciphertext only.
type Row struct{ message []byte }

// NewRow starts a row of the named table.
func NewRow(table string) *Row {
	r := &Row{message: make([]byte, 0, 768)}
	r.message = lp(r.message, "pv1/row")
	r.message = lp(r.message, table)
	return r
}

// Text adds a text column.
func (r *Row) Text(s string) *Row {
	r.message = binary.BigEndian.AppendUint32(r.message, uint32(len(s)))
	r.message = append(r.message, s...)
	return r
}

// Blob adds a binary column; nil counts as empty.
func (r *Row) Blob(b []byte) *Row {
	r.message = binary.BigEndian.AppendUint32(r.message, uint32(len(b)))
	r.message = append(r.message, b...)
	return r
}

// Int adds an integer column.
func (r *Row) Int(v int64) *Row {
	r.message = binary.BigEndian.AppendUint64(r.message, uint64(v))
	return r
}

// Bool adds a boolean column.
func (r *Row) Bool(v bool) *Row {
	b := byte(0)
	if v {
		b = 1
	}
	r.message = append(r.message, b)
	return r
}

// Tag returns the row's tag under the newest integrity key of the mode.
// ErrNoKey if none is loaded.
func (k *Keyring) Tag(mode Mode, r *Row) ([]byte, error) {
	version, key, err := k.Active(PurposeIntegrity, mode)
	if err != nil {
		return nil, err
	}
	return r.sum(version, key), nil
}

// Check compares a stored tag with the row, in constant time. ErrTampered if
// they differ, also when the tag names a key version that does not exist.
func (k *Keyring) Check(mode Mode, r *Row, tag []byte) error {
	if len(tag) != RowTagSize {
		return ErrTampered
	}
	version := binary.BigEndian.Uint32(tag)
	key, err := k.Version(PurposeIntegrity, mode, version)
	if err != nil {
		return ErrTampered
	}
	if subtle.ConstantTimeCompare(tag, r.sum(version, key)) != 1 {
		return ErrTampered
	}
	return nil
}

func (r *Row) sum(version uint32, key []byte) []byte {
	// Invariant: the message is injective (fixed column order and types,
	// length prefixes), so equal tags mean equal rows.
	mac := hmac.New(sha256.New, key)
	mac.Write(r.message)
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+sha256.Size), version)
	return mac.Sum(out)[:RowTagSize]
}
