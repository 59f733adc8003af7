package card

// Brand is a card brand in the spelling of Omise's responses; "" is an
// unknown one. The value is safe to store, show and compare.
type Brand string

// The supported brands.
const (
	Visa            Brand = "Visa"
	MasterCard      Brand = "MasterCard"
	JCB             Brand = "JCB"
	AmericanExpress Brand = "American Express"
	DinersClub      Brand = "Diners Club"
	Discover        Brand = "Discover"
	UnionPay        Brand = "UnionPay"
)

// Recognised, so that their numbers are guarded in free text, but accepted
// nowhere: no captured capability lists them.
const (
	maestro Brand = "Maestro"
	laser   Brand = "Laser"
)

// brandInfo is what a supported brand's numbers look like.
type brandInfo struct {
	brand   Brand
	lengths uint32 // bit n is set when a number may have n digits
	code    int    // digits of its security code
}

// brandTable lists the supported brands; a Brands set numbers its bits by it.
var brandTable = [...]brandInfo{
	{Visa, lengths(13, 16, 19), 3},
	{MasterCard, lengths(16), 3},
	{JCB, lengths(16, 17, 18, 19), 3},
	{AmericanExpress, lengths(15), 4},
	{DinersClub, lengths(14, 15, 16, 17, 18, 19), 3},
	{Discover, lengths(16, 17, 18, 19), 3},
	{UnionPay, lengths(16, 17, 18, 19), 3},
}

// BrandOf returns the supported brand that a number's first six digits belong
// to. It answers "", false for an unknown or unsupported brand, for fewer
// than six digits and for anything that is not an ASCII digit. It checks
// neither length nor check sum, and keeps nothing.
func BrandOf(digits []byte) (Brand, bool) {
	b := issuingBrand(digits)
	if b.index() < 0 {
		return "", false
	}
	return b, true
}

// String returns the response spelling, "" when unknown.
func (b Brand) String() string { return string(b) }

// ValidLength reports whether the brand issues numbers of n digits; never for
// an unknown brand.
func (b Brand) ValidLength(n int) bool {
	i := b.index()
	return i >= 0 && n >= 0 && n < 32 && brandTable[i].lengths&(1<<n) != 0
}

// CodeLength returns how many digits the brand's security code has: 4 for
// American Express, else 3, and 0 for an unknown brand.
func (b Brand) CodeLength() int {
	if i := b.index(); i >= 0 {
		return brandTable[i].code
	}
	return 0
}

// index returns the brand's row in brandTable, -1 when unsupported.
func (b Brand) index() int {
	for i := range brandTable {
		if brandTable[i].brand == b {
			return i
		}
	}
	return -1
}

func lengths(ns ...int) uint32 {
	var set uint32
	for _, n := range ns {
		set |= 1 << n
	}
	return set
}
