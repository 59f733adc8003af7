package card

// PaddedLen is the length of a PAN's encoding for sealing, in bytes. It is
// the same for every number, so that a ciphertext does not tell the length.
const PaddedLen = 1 + MaxPANLength

// AppendPadded appends the sealing encoding to dst and returns the extended
// slice: one byte of length, the ASCII digits, zeros up to PaddedLen bytes.
// An empty PAN appends zeros only, which PANFromPadded refuses.
//
// The result holds the number in clear. The caller wipes it; dst needs
// PaddedLen bytes of spare capacity, or append leaves a copy behind.
func (p PAN) AppendPadded(dst []byte) []byte {
	d := p.view()
	dst = append(dst, byte(len(d)))
	dst = append(dst, d...)
	for range MaxPANLength - len(d) {
		dst = append(dst, 0)
	}
	return dst
}

// PANFromPadded decodes what AppendPadded wrote, copying it. Decoding is
// canonical: whatever it accepts encodes to the same bytes again. It returns
// ErrMalformed for any other length, a digit count outside 12..19, a
// non-digit, nonzero padding, all zeros or a failing Luhn check.
func PANFromPadded(b []byte) (PAN, error) {
	if len(b) != PaddedLen {
		return PAN{}, ErrMalformed
	}
	n := int(b[0])
	if n < MinPANLength || n > MaxPANLength {
		return PAN{}, ErrMalformed
	}
	for _, pad := range b[1+n:] {
		if pad != 0 {
			return PAN{}, ErrMalformed
		}
	}
	return NewPAN(b[1 : 1+n])
}
