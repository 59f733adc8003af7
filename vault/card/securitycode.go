package card

// Limits of a security code (CVC, CVV2, CID), in digits.
const (
	minCodeLength = 3
	maxCodeLength = 4
)

// code holds a security code on the heap.
type code struct {
	n uint8 // 3..4, or 0 once wiped
	b [maxCodeLength]byte
}

// SecurityCode is the three or four digits printed on a card. PCI DSS 3.3.1
// forbids keeping it after authorisation: it is never written to a disk,
// sealed or not, so it has no encoding. The zero value is empty.
//
// It is built like PAN: nothing can print it, copies share the digits, and
// wiping one empties all. Reading is safe for concurrent use; Wipe is not,
// against any method.
type SecurityCode struct{ reach func() *code }

// NewSecurityCode copies three or four ASCII digits. It returns ErrMalformed
// for anything else.
func NewSecurityCode(plain []byte) (SecurityCode, error) {
	if len(plain) < minCodeLength || len(plain) > maxCodeLength || !allDigits(plain) {
		return SecurityCode{}, ErrMalformed
	}
	c := &code{n: uint8(len(plain))}
	copy(c.b[:], plain)
	return SecurityCode{reach: func() *code { return c }}, nil
}

// Use calls fn with the ASCII digits, the only way to reach them; an empty
// code does not call it. fn must neither change nor keep the slice, nor
// convert it to a string.
func (c SecurityCode) Use(fn func(digits []byte)) {
	if !c.IsZero() {
		d := c.reach()
		fn(d.b[:d.n:d.n])
	}
}

// Wipe overwrites the digits. This code and all its copies are empty
// afterwards. Wiping an empty code does nothing.
func (c SecurityCode) Wipe() {
	if c.reach != nil {
		*c.reach() = code{}
	}
}

// IsZero reports whether there is no code: none was given, or it was wiped.
func (c SecurityCode) IsZero() bool { return c.reach == nil || c.reach().n == 0 }

// parseSecurityCode checks what a request sent: optional; exactly three
// digits, or four for American Express. While the brand is unknown both
// lengths pass, since that is already a problem of its own.
func parseSecurityCode(raw []byte, brand Brand) (SecurityCode, bool) {
	if isBlank(raw) {
		return SecurityCode{}, true
	}
	plain := trimASCII(raw)
	if want := brand.CodeLength(); want != 0 && len(plain) != want {
		return SecurityCode{}, false
	}
	c, err := NewSecurityCode(plain)
	return c, err == nil
}
