package card

import (
	"errors"
	"fmt"
	"strings"
)

// Brands is the set of brands that are accepted. The zero value accepts none.
// Values are comparable with ==.
type Brands struct{ bits uint16 }

// AllBrands returns the set of every supported brand.
func AllBrands() Brands {
	return Brands{bits: 1<<len(brandTable) - 1}
}

// ParseBrands reads brand names from a configuration: the response
// spellings, in any letter case, repeats allowed. An unknown name is an error
// that quotes it; so is an empty list, which would accept no card at all (use
// AllBrands as the default).
func ParseBrands(names []string) (Brands, error) {
	if len(names) == 0 {
		return Brands{}, errors.New("card: no brand is enabled")
	}
	var set Brands
	for _, name := range names {
		i := brandNamed(name)
		if i < 0 {
			return Brands{}, fmt.Errorf("card: unknown brand %q; known are %s",
				name, strings.Join(AllBrands().Names(), ", "))
		}
		set.bits |= 1 << i
	}
	return set, nil
}

// Has reports whether b is in the set.
func (s Brands) Has(b Brand) bool {
	i := b.index()
	return i >= 0 && s.bits&(1<<i) != 0
}

// Names returns the brands of the set in a fixed order.
func (s Brands) Names() []string {
	var names []string
	for i, info := range &brandTable {
		if s.bits&(1<<i) != 0 {
			names = append(names, string(info.brand))
		}
	}
	return names
}

// BrandNamed finds a brand by its name in any letter case; false if it is not
// known.
func BrandNamed(name string) (Brand, bool) {
	i := brandNamed(name)
	if i < 0 {
		return "", false
	}
	return brandTable[i].brand, true
}

func brandNamed(name string) int {
	for i, info := range &brandTable {
		if strings.EqualFold(string(info.brand), strings.TrimSpace(name)) {
			return i
		}
	}
	return -1
}
