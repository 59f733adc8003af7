package card

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestIINRangesAreOrdered(t *testing.T) {
	for i, r := range iinRanges {
		low, high := uint32(math.Pow10(r.width-1)), uint32(math.Pow10(r.width))
		if r.width < 1 || r.width > 6 || r.from < low || r.to < r.from || r.to >= high {
			t.Errorf("range %d is malformed: %v", i, r)
		}
		if i > 0 && r.width > iinRanges[i-1].width {
			t.Errorf("range %d is more specific than the one before: %v", i, r)
		}
		for _, q := range iinRanges[:i] {
			if q.width == r.width && q.from <= r.to && r.from <= q.to {
				t.Errorf("ranges %v and %v overlap", q, r)
			}
		}
	}
}

func TestEverySupportedBrandHasARange(t *testing.T) {
	for _, info := range brandTable {
		if !slices.ContainsFunc(iinRanges[:], func(r iinRange) bool { return r.brand == info.brand }) {
			t.Errorf("no range for %s", info.brand)
		}
	}
}

// decimalOf rests on this property of the Unicode tables.
func TestUnicodeDigitsComeInTens(t *testing.T) {
	for _, r := range unicode.Nd.R16 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("range %v", r)
		}
	}
	for _, r := range unicode.Nd.R32 {
		if r.Stride != 1 || (r.Hi-r.Lo+1)%10 != 0 {
			t.Errorf("range %v", r)
		}
	}
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		runes string
		class runeClass
		digit byte
	}{
		{"4４٤۴๔४𝟒𝟜⁴₄④꘤", classDigit, '4'},
		{"0０٠๐⁰₀⓪", classDigit, '0'},
		{"9９٩๙⁹₉⑨𝟿", classDigit, '9'},
		{"\u200b\u200d\u2060\ufeff\u00ad\ufe0f\u20e3\u0301", classInvisible, 0},
		{" -\u00a0\u3000\u2009\u2010\u2011\u2013\u2014\u2212－", classSeparator, 0},
		{"./_·", classLoose, 0},
		{"aก,:+*=\n\t\x00½⑩Ⅳ四\ufffd", classOther, 0},
	} {
		for _, r := range tt.runes {
			if class, digit := classify(r); class != tt.class || digit != tt.digit {
				t.Errorf("classify(%U) = %v, %q, want %v, %q", r, class, digit, tt.class, tt.digit)
			}
		}
	}
}

func TestIINRowLimit(t *testing.T) {
	rows := iinHeader + "\n4242,,A,,\n4243,,A,,\n4244,,A,,\n"
	if table, err := loadIIN(strings.NewReader(rows), 3); err != nil || table.Len() != 3 {
		t.Errorf("as many rows as allowed: %v", err)
	}
	if _, err := loadIIN(strings.NewReader(rows), 2); err == nil || !strings.Contains(err.Error(), "line 4: more than 2 rows") {
		t.Errorf("one row too many: %v", err)
	}
}
