package inplace

// number checks the grammar of RFC 8259 §6 and keeps the literal.
func (p *Parser) number() (Value, error) {
	b, i := p.rest, 0
	digits := func() bool {
		start := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > start
	}
	if b[i] == '-' {
		i++
	}
	zero := i < len(b) && b[i] == '0'
	start := i
	if !digits() || (zero && i > start+1) {
		return Value{}, ErrMalformed
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return Value{}, ErrMalformed
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return Value{}, ErrMalformed
		}
	}
	p.rest = b[i:]
	return Value{Kind: Number, Bytes: b[:i:i]}, nil
}
