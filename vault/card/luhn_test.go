package card

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestLuhn(t *testing.T) {
	for in, want := range map[string]bool{
		"4242424242424242":    true,
		"378282246310005":     true,
		"36021042000004":      true,
		"6447032400000000001": true,
		"79927398713":         true, // the standard's example
		"79927398710":         false,
		"0":                   true,
		"":                    true,
		"1":                   false,
		"18":                  true,
	} {
		if got := luhnValid([]byte(in)); got != want {
			t.Errorf("luhnValid(%q) = %v, want %v", in, got, want)
		}
	}
}

// The check finds every change of one digit, which is what it is for.
func TestLuhnFindsSingleErrors(t *testing.T) {
	good := []byte("4242424242424242")
	for i := range good {
		for c := byte('0'); c <= '9'; c++ {
			bad := bytes.Clone(good)
			bad[i] = c
			if got, want := luhnValid(bad), c == good[i]; got != want {
				t.Errorf("digit %d as %c: %v", i, c, got)
			}
		}
	}
}

// Of the ten numbers that differ in the last digit, exactly one is valid.
func TestLuhnHasOneCheckDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lead := rapid.StringMatching(`[0-9]{1,18}`).Draw(t, "lead")
		n := 0
		for c := range 10 {
			if luhnValid([]byte(fmt.Sprintf("%s%d", lead, c))) {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d check digits for %s", n, lead)
		}
	})
}
