package card_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

func TestPaddedVectors(t *testing.T) {
	for _, tt := range []struct{ name, digits, want string }{
		{"14 digits", "36021042000004", "\x0e36021042000004\x00\x00\x00\x00\x00"},
		{"16 digits", "4242424242424242", "\x104242424242424242\x00\x00\x00"},
		{"19 digits", "6447032400000000001", "\x136447032400000000001"},
	} {
		got := mustPAN(t, tt.digits).AppendPadded([]byte("pre"))
		if string(got) != "pre"+tt.want {
			t.Errorf("%s: AppendPadded = %q, want %q", tt.name, got, "pre"+tt.want)
		}
	}
}

func TestPaddedRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := anyPAN().Draw(t, "digits")
		p, err := card.NewPAN([]byte(digits))
		if err != nil {
			t.Fatal(err)
		}
		b := p.AppendPadded(nil)
		if len(b) != card.PaddedLen {
			t.Fatalf("length %d, want %d", len(b), card.PaddedLen)
		}
		q, err := card.PANFromPadded(b)
		if err != nil || !q.Equal(p) || digitsOf(q) != digits {
			t.Fatal("the number came back changed")
		}
		clear(b)
		if digitsOf(q) != digits {
			t.Fatal("the PAN aliases the encoding")
		}
	})
}

func TestPANFromPaddedRefuses(t *testing.T) {
	good := mustPAN(t, "36021042000004").AppendPadded(nil)
	change := func(i int, c byte) []byte {
		b := bytes.Clone(good)
		b[i] = c
		return b
	}
	for _, tt := range []struct {
		name string
		in   []byte
	}{
		{"nil", nil},
		{"empty PAN", card.PAN{}.AppendPadded(nil)},
		{"short", good[:19]},
		{"long", append(bytes.Clone(good), 0)},
		{"length 0", change(0, 0)},
		{"length 11", change(0, 11)},
		{"length 20", change(0, 20)},
		{"length 255", change(0, 255)},
		{"length one less", change(0, 13)},
		{"length one more", change(0, 15)},
		{"padding at the start", change(15, 1)},
		{"padding at the end", change(19, '0')},
		{"not a digit", change(1, 'x')},
		{"check digit", change(14, '5')},
		{"all zeros", append([]byte{16}, "0000000000000000\x00\x00\x00"...)},
	} {
		p, err := card.PANFromPadded(tt.in)
		if err != card.ErrMalformed || !p.IsZero() {
			t.Errorf("%s: PANFromPadded = %v, %v, want ErrMalformed", tt.name, p, err)
		}
	}
}

func FuzzPadded(f *testing.F) {
	for _, tt := range officialPANs {
		f.Add(mustPAN(f, tt.digits).AppendPadded(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := card.PANFromPadded(b)
		if err != nil {
			if err != card.ErrMalformed || !p.IsZero() {
				t.Fatalf("PANFromPadded = %v, %v", p, err)
			}
			return
		}
		if !bytes.Equal(p.AppendPadded(nil), b) {
			t.Fatalf("%q decodes but encodes otherwise", b)
		}
		if !luhnReference(digitsOf(p)) {
			t.Fatalf("%q decodes to no card number", b)
		}
	})
}
