package cardfile

import (
	"bytes"
	"unicode"

	"github.com/panvault/panvault/vault/card"
)

// maxReference is the longest name of a card or customer, in bytes.
const maxReference = 255

// Record is one card of a file. Its slices are the reader's memory: they are
// valid until the next call of Next or Wipe, which wipe them. It may be read by
// several goroutines at once until then.
type Record struct {
	Line int64 // line on which it begins, from 1
	End  int64 // bytes of the file up to its end, so that a reader can go on after it

	// Raw is the record as it stands in the file, at most 64 KiB, line end
	// included; only the last one of a file may lack that. It is empty for a
	// record that is longer.
	Raw []byte

	Reference   []byte // what the other vault calls the card, at most 255 bytes; may be empty
	Customer    []byte // what the other vault calls its customer, likewise
	Email       []byte // of the customer, unchecked
	Description []byte // likewise
	Card        card.Input

	// Problem is why the record cannot be read, a Problem; all fields but Line,
	// End and Raw are empty then. Card is unchecked where it is nil.
	Problem error
}

// fill takes the values of a record, of which those of the card are the vault's
// to check. Month and year come from the expiration if split is set.
func (rec *Record) fill(v *[fields][]byte, split bool) error {
	for _, f := range [...]field{reference, customer} {
		if err := checkReference(f, v[f]); err != nil {
			return err
		}
	}
	if split && !blank(v[expiration]) {
		var ok bool
		if v[month], v[year], ok = splitExpiration(v[expiration]); !ok {
			return problemExpiration
		}
	}
	rec.Reference, rec.Customer, rec.Email, rec.Description = v[reference], v[customer], v[email], v[description]
	rec.Card = card.Input{
		Name: v[holder], Number: v[number], ExpirationMonth: v[month], ExpirationYear: v[year],
		Street1: v[street1], Street2: v[street2], City: v[city], State: v[state],
		PostalCode: v[postalCode], Country: v[country], PhoneNumber: v[phone], Email: v[cardEmail],
	}
	return nil
}

// checkReference refuses what a vault that others read must not show.
func checkReference(f field, b []byte) error {
	switch {
	case len(b) > maxReference:
		return tooLong(f)
	case bytes.ContainsFunc(b, isControl):
		return holdsControl(f)
	case card.ContainsPAN(b):
		return holdsNumber(f)
	}
	return nil
}

// isControl reports control characters and the Unicode line separators.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

func blank(b []byte) bool { return len(bytes.TrimLeft(b, " \t\r\n")) == 0 }
