package card

// iinRange gives all numbers whose first width digits lie in from..to to one
// brand.
type iinRange struct {
	width    int
	from, to uint32
	brand    Brand
}

// iinRanges is ordered from the longest prefix to the shortest, so the first
// match is the most specific. It follows the brands' published ranges, as
// Omise's client libraries have them; 622126..622925, which Discover and
// UnionPay share, belongs here to its issuing network, UnionPay.
var iinRanges = [...]iinRange{
	{6, 622126, 622925, UnionPay},
	{6, 222100, 272099, MasterCard},
	{4, 3095, 3095, DinersClub},
	{4, 3528, 3589, JCB},
	{4, 5018, 5018, maestro},
	{4, 5020, 5020, maestro},
	{4, 5038, 5038, maestro},
	{4, 5893, 5893, maestro},
	{4, 6011, 6011, Discover},
	{4, 6304, 6304, maestro},
	{4, 6706, 6706, laser},
	{4, 6709, 6709, laser},
	{4, 6759, 6759, maestro},
	{4, 6761, 6763, maestro},
	{4, 6771, 6771, laser},
	{3, 300, 305, DinersClub},
	{3, 644, 649, Discover},
	{2, 34, 34, AmericanExpress},
	{2, 36, 36, DinersClub},
	{2, 37, 37, AmericanExpress},
	{2, 38, 39, DinersClub},
	{2, 51, 55, MasterCard},
	{2, 62, 62, UnionPay},
	{2, 65, 65, Discover},
	{2, 81, 81, UnionPay},
	{1, 4, 4, Visa},
}

// issuingBrand returns the brand of the first six digits, supported or not,
// and "" when no range holds them.
func issuingBrand(d []byte) Brand {
	prefixes, ok := leading(d)
	if !ok {
		return ""
	}
	for _, r := range &iinRanges {
		if p := prefixes[r.width]; r.from <= p && p <= r.to {
			return r.brand
		}
	}
	return ""
}

// leading returns the numbers that the first 1 to 6 digits form, by how many
// digits were taken.
func leading(d []byte) (prefixes [7]uint32, ok bool) {
	if len(d) < 6 {
		return prefixes, false
	}
	for i, c := range d[:6] {
		if !isDigit(c) {
			return prefixes, false
		}
		prefixes[i+1] = prefixes[i]*10 + uint32(c-'0')
	}
	return prefixes, true
}
