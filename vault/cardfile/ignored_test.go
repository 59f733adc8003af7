package cardfile

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// A misspelled column is one that is not read: it must not go unnoticed.
func TestIgnored(t *testing.T) {
	for header, want := range map[string][]string{
		"number,expiration":                     nil,
		"number,expiration,refrence, Cust Mer ": {"refrence", "Cust Mer"},
		"shade;number;exp;\"a;b\"":              {"shade", "a;b"},
	} {
		r := NewReader(strings.NewReader(header+"\n"), CSV)
		if _, err := r.Header(); err != nil {
			t.Fatalf("%s: %v", header, err)
		}
		if got := r.Ignored(); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

// A security code is found by any word of its column's name, but not the outcome
// of its check.
func TestSensitiveWords(t *testing.T) {
	for column, refused := range map[string]bool{
		"CVC2 code": true, "my-cvv": true, "card_cvn_number": true, "cvc": true, "CSC": true,
		"cvc_check": false, "cvv result": false, "discount": false, "cvcx": false,
	} {
		_, err := NewReader(strings.NewReader("number,expiration,"+column+"\n"), CSV).Header()
		if errors.Is(err, ErrSensitive) != refused {
			t.Errorf("%s: %v, refused should be %v", column, err, refused)
		}
	}
}
