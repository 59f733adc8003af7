package card_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

// officialPANs are Omise's published test numbers, all of which tokenise.
var officialPANs = []struct {
	digits string
	brand  card.Brand
}{
	{"4242424242424242", card.Visa},
	{"4111111111111111", card.Visa},
	{"4000000000003063", card.Visa},
	{"4111111111140011", card.Visa},
	{"4111111111130012", card.Visa},
	{"4111111111120013", card.Visa},
	{"4111111111110014", card.Visa},
	{"5555555555554444", card.MasterCard},
	{"5454545454545454", card.MasterCard},
	{"5555551111110011", card.MasterCard},
	{"5555551111100012", card.MasterCard},
	{"3530111333300000", card.JCB},
	{"3566111111111113", card.JCB},
	{"3530111111190011", card.JCB},
	{"378282246310005", card.AmericanExpress},
	{"6447032400000000001", card.Discover},
	{"36021042000004", card.DinersClub},
	{"6250947000000006", card.UnionPay},
	{"6250947000000014", card.UnionPay},
}

// checkDigit completes digits so that they pass the Luhn check, by a method
// that shares nothing with the package: trying all ten.
func checkDigit(digits string) string {
	for c := '0'; c <= '9'; c++ {
		if s := digits + string(c); luhnReference(s) {
			return s
		}
	}
	panic("no check digit")
}

func luhnReference(s string) bool {
	doubled := [10]int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}
	sum, double := 0, false
	for i := len(s) - 1; i >= 0; i-- {
		v := int(s[i] - '0')
		if double {
			v = doubled[v]
		}
		sum, double = sum+v, !double
	}
	return sum%10 == 0
}

// anyPAN draws a number of 12 to 19 digits that passes the check.
func anyPAN() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		n := rapid.IntRange(card.MinPANLength-1, card.MaxPANLength-1).Draw(t, "length")
		first := rapid.StringMatching(`[1-9]`).Draw(t, "first")
		return checkDigit(first + rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), n-1, n-1, -1).Draw(t, "rest"))
	})
}

func mustPAN(tb testing.TB, digits string) card.PAN {
	tb.Helper()
	p, err := card.NewPAN([]byte(digits))
	if err != nil {
		tb.Fatalf("NewPAN: %v", err)
	}
	return p
}

func digitsOf(p card.PAN) string {
	var b bytes.Buffer
	p.Use(func(d []byte) { b.Write(d) })
	return b.String()
}

func codeOf(c card.SecurityCode) string {
	var b bytes.Buffer
	c.Use(func(d []byte) { b.Write(d) })
	return b.String()
}

// now is the moment that tests judge expiry at.
var now = time.Date(2026, time.October, 5, 12, 0, 0, 0, time.UTC)

func rules() card.Rules {
	return card.Rules{Now: now, Brands: card.AllBrands()}
}

// goodInput is a complete request without a problem.
func goodInput() card.Input {
	return card.Input{
		Name:            []byte("JOHN DOE"),
		Number:          []byte("4242424242424242"),
		ExpirationMonth: []byte("12"),
		ExpirationYear:  []byte("2030"),
		SecurityCode:    []byte("123"),
		Street1:         []byte("1448/4 Praditmanutham Road"),
		Street2:         []byte("2nd floor"),
		City:            []byte("Bangkok"),
		State:           []byte("Krung Thep"),
		PostalCode:      []byte("10320"),
		Country:         []byte("TH"),
		PhoneNumber:     []byte("0123456789"),
		Email:           []byte("john.doe@example.com"),
	}
}
