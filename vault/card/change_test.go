package card

import (
	"testing"
	"time"
)

func TestChange(t *testing.T) {
	now := time.Date(2026, 5, 17, 0, 0, 0, 0, time.UTC)
	was, good := Holder{Name: "A", City: "B", PostalCode: "C"}, Expiry{Month: 3, Year: 2027}
	past := Expiry{Month: 3, Year: 2020}
	tests := []struct {
		name   string
		change Change
		from   Expiry
		holder Holder
		expiry Expiry
		want   string // the problems
	}{
		{"nothing", Change{}, good, was, good, ""},
		{"zeros", Change{ExpirationMonth: []byte("0"), ExpirationYear: []byte("0000"), City: []byte(" ")}, good, was, good, ""},
		{"nothing of a past card", Change{City: []byte("D")}, past, Holder{Name: "A", City: "D", PostalCode: "C"}, past, ""},
		{"all", Change{Name: []byte("N"), NameGiven: true, City: []byte("D"), PostalCode: []byte("E"), ExpirationMonth: []byte("12"), ExpirationYear: []byte("30")},
			good, Holder{Name: "N", City: "D", PostalCode: "E"}, Expiry{12, 2030}, ""},
		{"month of a past card", Change{ExpirationMonth: []byte("4")}, past, was, past, "expiration date cannot be in the past"},
		{"year of a past card", Change{ExpirationYear: []byte("2030")}, past, was, Expiry{3, 2030}, ""},
		{"blank name", Change{NameGiven: true}, good, was, good, "name can't be blank"},
		{"bad month and city", Change{ExpirationMonth: []byte("13"), City: []byte("4242424242424242")}, good, was, good,
			"expiration month is not between 1 and 12, expiration date is invalid, and city is invalid"},
		{"bad year", Change{ExpirationYear: []byte("x")}, good, was, good, "expiration year is invalid"},
	}
	for _, tt := range tests {
		h, e := was, tt.from
		got := tt.change.Apply(&h, &e, Rules{Now: now}).Message()
		if got != tt.want || h != tt.holder || e != tt.expiry {
			t.Errorf("%s: %q, expiry %v, city %q; want %q, %v, %q", tt.name, got, e, h.City, tt.want, tt.expiry, tt.holder.City)
		}
	}
	h, e := was, good
	if got := (Change{ExpirationYear: []byte("2020")}).Apply(&h, &e, Rules{Now: now, AllowExpired: true}); len(got) != 0 || e.Year != 2020 {
		t.Errorf("a past year, allowed: %v, %v", got, e)
	}
}
