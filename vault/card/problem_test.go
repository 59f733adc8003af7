package card_test

import (
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/card"
)

// firstWord classifies a sentence as the mobile clients do.
func firstWord(sentence string) string {
	at, word := len(sentence), ""
	for _, w := range []string{"number", "expiration", "name", "brand"} {
		if i := strings.Index(sentence, w); i >= 0 && i < at {
			at, word = i, w
		}
	}
	return word
}

func TestClientsClassifySentences(t *testing.T) {
	for _, tt := range []struct {
		word        string
		first, last card.Problem
	}{
		{"expiration", card.MonthBlank, card.MonthInvalid},
		{"name", card.NameBlank, card.NameInvalid},
		{"expiration", card.YearBlank, card.DatePast},
		{"number", card.NumberBlank, card.NumberLuhn},
		{"brand", card.BrandUnsupported, card.BrandUnsupported},
		{"", card.SecurityCodeInvalid, card.EmailInvalid},
	} {
		for p := tt.first; p <= tt.last; p++ {
			if got := firstWord(p.Sentence()); got != tt.word {
				t.Errorf("%q is classified as %q, want %q", p, got, tt.word)
			}
			if p.String() != p.Sentence() {
				t.Errorf("String of %q differs", p.Sentence())
			}
		}
	}
}

func TestMessage(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   card.Problems
		want string
	}{
		{"none", nil, ""},
		{"one", card.Problems{card.NameBlank}, "name can't be blank"},
		{"two", card.Problems{card.NumberLuhn, card.BrandUnsupported}, "number is invalid and brand not supported (unknown)"},
		{"three", card.Problems{card.NameBlank, card.YearInvalid, card.DatePast},
			"name can't be blank, expiration year is invalid, and expiration date cannot be in the past"},
		{"repeated sentence", card.Problems{card.NumberMalformed, card.NumberLuhn}, "number is invalid"},
		{"unknown", card.Problems{99}, "problem 99"},
		{"zero", card.Problems{0}, "problem 0"},
	} {
		if got := tt.in.Message(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHas(t *testing.T) {
	ps := card.Problems{card.NameBlank, card.YearInvalid}
	if !ps.Has(card.YearInvalid) || ps.Has(card.DatePast) || card.Problems(nil).Has(card.NameBlank) {
		t.Error("Has is wrong")
	}
}
