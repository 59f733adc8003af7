package card_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/vault/card"
)

func TestBrandOf(t *testing.T) {
	for _, tt := range []struct {
		prefix string
		want   card.Brand
	}{
		{"400000", card.Visa}, {"499999", card.Visa},
		{"510000", card.MasterCard}, {"559999", card.MasterCard},
		{"222100", card.MasterCard}, {"272099", card.MasterCard}, {"250000", card.MasterCard},
		{"222099", ""}, {"272100", ""}, {"500000", ""}, {"560000", ""},
		{"352800", card.JCB}, {"358999", card.JCB}, {"352799", ""}, {"359000", ""},
		{"340000", card.AmericanExpress}, {"379999", card.AmericanExpress}, {"350000", ""},
		{"300000", card.DinersClub}, {"305999", card.DinersClub}, {"306000", ""},
		{"309500", card.DinersClub}, {"309599", card.DinersClub}, {"309400", ""}, {"309600", ""},
		{"360000", card.DinersClub}, {"380000", card.DinersClub}, {"399999", card.DinersClub},
		{"601100", card.Discover}, {"601199", card.Discover}, {"601200", ""}, {"601099", ""},
		{"644000", card.Discover}, {"649999", card.Discover}, {"650000", card.Discover}, {"659999", card.Discover},
		{"643999", ""}, {"660000", ""},
		{"620000", card.UnionPay}, {"629999", card.UnionPay}, {"810000", card.UnionPay}, {"819999", card.UnionPay},
		{"622125", card.UnionPay}, {"622126", card.UnionPay}, {"622925", card.UnionPay}, {"622926", card.UnionPay},
		{"800000", ""}, {"820000", ""},
		// Maestro and Laser: recognised, not supported.
		{"501800", ""}, {"502000", ""}, {"503800", ""}, {"589300", ""}, {"630400", ""}, {"675900", ""},
		{"676100", ""}, {"676399", ""}, {"670600", ""}, {"670900", ""}, {"677100", ""},
		{"000000", ""}, {"100000", ""}, {"700000", ""}, {"900000", ""},
		{"", ""}, {"4", ""}, {"42424", ""}, {"4242x4", ""}, {"４２４２４２", ""},
	} {
		got, ok := card.BrandOf([]byte(tt.prefix))
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("BrandOf(%q) = %q, %v, want %q", tt.prefix, got, ok, tt.want)
		}
	}
}

func TestBrandLengths(t *testing.T) {
	want := map[card.Brand]struct {
		lengths []int
		code    int
	}{
		card.Visa:            {[]int{13, 16, 19}, 3},
		card.MasterCard:      {[]int{16}, 3},
		card.JCB:             {[]int{16, 17, 18, 19}, 3},
		card.AmericanExpress: {[]int{15}, 4},
		card.DinersClub:      {[]int{14, 15, 16, 17, 18, 19}, 3},
		card.Discover:        {[]int{16, 17, 18, 19}, 3},
		card.UnionPay:        {[]int{16, 17, 18, 19}, 3},
		"":                   {nil, 0},
		"Maestro":            {nil, 0},
	}
	for brand, w := range want {
		var got []int
		for n := -1; n < 70; n++ {
			if brand.ValidLength(n) {
				got = append(got, n)
			}
		}
		if diff := cmp.Diff(w.lengths, got); diff != "" {
			t.Errorf("%s: lengths %s", brand, diff)
		}
		if got := brand.CodeLength(); got != w.code {
			t.Errorf("%s: CodeLength = %d, want %d", brand, got, w.code)
		}
	}
}

func TestBrands(t *testing.T) {
	all := []string{"Visa", "MasterCard", "JCB", "American Express", "Diners Club", "Discover", "UnionPay"}
	if diff := cmp.Diff(all, card.AllBrands().Names()); diff != "" {
		t.Error(diff)
	}
	got, err := card.ParseBrands(all)
	if err != nil || got != card.AllBrands() {
		t.Errorf("ParseBrands of all = %v, %v", got.Names(), err)
	}
	got, err = card.ParseBrands([]string{"Mastercard", " visa", "VISA"})
	if err != nil || !cmp.Equal(got.Names(), []string{"Visa", "MasterCard"}) {
		t.Errorf("ParseBrands = %v, %v", got.Names(), err)
	}
	if !got.Has(card.Visa) || got.Has(card.JCB) || got.Has("") || got.Has("Maestro") {
		t.Error("Has is wrong")
	}
	if names := (card.Brands{}).Names(); len(names) != 0 {
		t.Errorf("the empty set has %v", names)
	}
	if card.Visa.String() != "Visa" {
		t.Error("String is wrong")
	}
}

func TestParseBrandsRefuses(t *testing.T) {
	for _, names := range [][]string{nil, {}, {""}, {"Visa", "Maestro"}, {"Laser"}} {
		got, err := card.ParseBrands(names)
		if err == nil || got != (card.Brands{}) {
			t.Errorf("ParseBrands(%q) = %v, %v", names, got.Names(), err)
		}
	}
	_, err := card.ParseBrands([]string{"Maestro"})
	if !strings.Contains(err.Error(), `"Maestro"`) || !strings.Contains(err.Error(), "American Express") {
		t.Errorf("the error helps nobody: %v", err)
	}
}
