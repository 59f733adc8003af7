package forward

import "strconv"

const (
	// partDigits is how many consecutive digits of the number are a part of it.
	// A random id of 20 digits has a part of a number of 16 by chance once in
	// 72,000 times; with six digits it would be once in 6,600, with five in 570.
	partDigits = 7
	// farDigits is the same for digits with anything between them, which all
	// digits of an answer are.
	farDigits = 10
)

// known is what a finder looks for: the number, its parts and its value.
type known struct {
	pan       []byte
	near, far grams
	written   [][]byte // the value in other bases, lower case: hexadecimal, octal, binary
	value     []byte   // its bytes, the highest first
}

func knownOf(pan []byte) *known {
	k := &known{pan: pan, near: gramsOf(pan, partDigits), far: gramsOf(pan, farDigits)}
	if pan == nil {
		return k
	}
	var value uint64
	for _, c := range pan {
		value = value*10 + uint64(c-'0')
	}
	for _, base := range [...]int{16, 8, 2} {
		k.written = append(k.written, strconv.AppendUint(nil, value, base))
	}
	for ; value > 0; value >>= 8 {
		k.value = append([]byte{byte(value)}, k.value...)
	}
	return k
}

func (k *known) wipe() {
	clear(k.near.values[:])
	clear(k.far.values[:])
	for _, b := range k.written {
		clear(b)
	}
	clear(k.value)
}

// shown is how many first digits of a number may stay where first digits are
// shown: eight of sixteen, six of fewer, as PCI DSS allows.
func shown(pan []byte) int {
	if len(pan) >= 16 {
		return 8
	}
	return 6
}

// grams are all parts of the number of one size, as numbers.
type grams struct {
	size   int
	modulo uint64 // ten to the size
	seen   [4]uint64
	values [19]uint64
	count  int
}

func gramsOf(pan []byte, size int) grams {
	g := grams{size: size, modulo: 1}
	for range size {
		g.modulo *= 10
	}
	value := uint64(0)
	for i, c := range pan {
		value = (value*10 + uint64(c-'0')) % g.modulo
		if i+1 < size || g.count == len(g.values) {
			continue
		}
		g.values[g.count] = value
		g.count++
		g.seen[value>>6&3] |= 1 << (value & 63)
	}
	return g
}

func (g *grams) has(value uint64) bool {
	if g.seen[value>>6&3]&(1<<(value&63)) == 0 {
		return false
	}
	for _, v := range g.values[:g.count] {
		if v == value {
			return true
		}
	}
	return false
}

// others counts the digits that are not the most common one.
func others(digits []byte) int {
	var count [10]int
	most := 0
	for _, c := range digits {
		count[c-'0']++
		most = max(most, count[c-'0'])
	}
	return len(digits) - most
}
