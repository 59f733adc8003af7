package card

import (
	"crypto/subtle"
	"errors"
)

// Limits of a card number, in digits (ISO/IEC 7812-1 allows up to 19; 12 is
// the shortest that any brand issued).
const (
	MinPANLength = 12
	MaxPANLength = 19
)

// ErrMalformed is returned by every decoder of this package for bytes it did
// not write. It is returned bare: its text never holds any of the input.
var ErrMalformed = errors.New("card: malformed encoding")

// digits holds a PAN on the heap, where the runtime never moves it, so that
// there is one copy to wipe.
type digits struct {
	n uint8 // 12..19, or 0 once wiped
	b [MaxPANLength]byte
}

// PAN is a card number of 12 to 19 ASCII digits that passes the Luhn check.
// The zero value is empty.
//
// Its only field is a function, since nothing can look into one: fmt, which
// calls no methods on unexported struct fields, follows a pointer there under
// a wrong verb, and deep printers follow every pointer. This also makes the
// type incomparable with ==; use Equal.
//
// Copies share the digits: wiping one empties all. Reading is safe for
// concurrent use; Wipe is not, against any method.
type PAN struct{ reach func() *digits }

// hold makes a PAN of digits that nothing else refers to.
func hold(d *digits) PAN { return PAN{reach: func() *digits { return d }} }

// NewPAN copies plain digits from a trusted place, such as a decrypted
// record, into a PAN. It returns ErrMalformed unless they are 12 to 19 ASCII
// digits, not all zero, that pass the Luhn check. Brand is not checked.
func NewPAN(plain []byte) (PAN, error) {
	if len(plain) < MinPANLength || len(plain) > MaxPANLength || !allDigits(plain) {
		return PAN{}, ErrMalformed
	}
	if allZero(plain) || !luhnValid(plain) {
		return PAN{}, ErrMalformed
	}
	d := &digits{n: uint8(len(plain))}
	copy(d.b[:], plain)
	return hold(d), nil
}

// Use calls fn with the ASCII digits, the only way to reach them; an empty
// PAN does not call it. The slice is the PAN's own memory: fn must neither
// change nor keep it, nor convert it to a string.
func (p PAN) Use(fn func(digits []byte)) {
	if !p.IsZero() {
		fn(p.view())
	}
}

// Wipe overwrites the digits. This PAN and all its copies are empty
// afterwards. Wiping an empty PAN does nothing.
func (p PAN) Wipe() {
	if p.reach != nil {
		*p.reach() = digits{}
	}
}

// IsZero reports whether the PAN is empty: never set, or wiped.
func (p PAN) IsZero() bool { return p.reach == nil || p.reach().n == 0 }

// Len returns the number of digits, 0 when empty. It must not leave the
// vault: no response carries the length of a number.
func (p PAN) Len() int { return len(p.view()) }

// Last4 returns the last four digits, "" when empty.
func (p PAN) Last4() string {
	if p.IsZero() {
		return ""
	}
	d := p.view()
	return string(d[len(d)-4:])
}

// FirstDigits returns the first six digits, "" when empty. They are shown
// only to merchants whose settings ask for it.
func (p PAN) FirstDigits() string {
	if p.IsZero() {
		return ""
	}
	return string(p.view()[:6])
}

// Brand returns the supported brand of the number, "" when empty or unknown.
func (p PAN) Brand() Brand {
	b, _ := BrandOf(p.view())
	return b
}

// Equal compares two PANs in constant time. Two empty PANs are equal.
func (p PAN) Equal(q PAN) bool {
	var a, b [PaddedLen]byte
	defer clear(a[:])
	defer clear(b[:])
	return subtle.ConstantTimeCompare(p.AppendPadded(a[:0]), q.AppendPadded(b[:0])) == 1
}

// view returns the digits in place, nil when empty.
func (p PAN) view() []byte {
	if p.IsZero() {
		return nil
	}
	d := p.reach()
	return d.b[:d.n:d.n]
}
