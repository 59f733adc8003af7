package card_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

func TestPANAccessors(t *testing.T) {
	for _, tt := range officialPANs {
		p := mustPAN(t, tt.digits)
		if got := digitsOf(p); got != tt.digits {
			t.Errorf("%v: Use gave other digits", p)
		}
		if got := p.Len(); got != len(tt.digits) {
			t.Errorf("%v: Len = %d, want %d", p, got, len(tt.digits))
		}
		if got, want := p.Last4(), tt.digits[len(tt.digits)-4:]; got != want {
			t.Errorf("%v: Last4 = %q, want %q", p, got, want)
		}
		if got, want := p.FirstDigits(), tt.digits[:6]; got != want {
			t.Errorf("%v: FirstDigits = %q, want %q", p, got, want)
		}
		if got := p.Brand(); got != tt.brand {
			t.Errorf("%v: Brand = %q, want %q", p, got, tt.brand)
		}
		if p.IsZero() {
			t.Errorf("%v: IsZero", p)
		}
	}
}

func TestEmptyPAN(t *testing.T) {
	var p card.PAN
	p.Wipe()
	p.Use(func([]byte) { t.Error("Use called its function") })
	if !p.IsZero() || p.Len() != 0 || p.Last4() != "" || p.FirstDigits() != "" || p.Brand() != "" {
		t.Error("the zero PAN is not empty")
	}
	if !p.Equal(card.PAN{}) || p.Equal(mustPAN(t, "4242424242424242")) {
		t.Error("the zero PAN equals only an empty one")
	}
}

func TestNewPANRefuses(t *testing.T) {
	for _, tt := range []struct{ name, digits string }{
		{"nothing", ""},
		{"11 digits", checkDigit("1234567890")},
		{"20 digits", checkDigit("1234567890123456789")},
		{"bad check digit", "4242424242424243"},
		{"all zeros", "0000000000000000"},
		{"letter", "424242424242424a"},
		{"space", "4242 4242 4242 4242"},
		{"full width", "４２４２４２"},
		{"newline", "4242424242424242\n"},
	} {
		p, err := card.NewPAN([]byte(tt.digits))
		if err != card.ErrMalformed || !p.IsZero() {
			t.Errorf("%s: NewPAN = %v, %v, want ErrMalformed", tt.name, p, err)
		}
	}
}

func TestNewPANCopies(t *testing.T) {
	buf := []byte("4242424242424242")
	p, err := card.NewPAN(buf)
	if err != nil {
		t.Fatal(err)
	}
	clear(buf)
	if got := digitsOf(p); got != "4242424242424242" {
		t.Error("the PAN changed with the caller's buffer")
	}
}

func TestPANWipeReachesCopies(t *testing.T) {
	p := mustPAN(t, "4242424242424242")
	q := p
	var kept []byte // what a careless caller would keep
	p.Use(func(d []byte) { kept = d })
	p.Wipe()
	if !p.IsZero() || !q.IsZero() {
		t.Error("not empty after Wipe")
	}
	if strings.Trim(string(kept), "\x00") != "" {
		t.Error("digits left in memory after Wipe")
	}
	p.Wipe()
}

func TestPANEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyPAN().Draw(t, "a")
		b := anyPAN().Draw(t, "b")
		p, _ := card.NewPAN([]byte(a))
		q, _ := card.NewPAN([]byte(b))
		again, _ := card.NewPAN([]byte(a))
		if p.Equal(q) != (a == b) || !p.Equal(again) {
			t.Fatal("Equal disagrees with the digits")
		}
	})
}

func TestSecurityCode(t *testing.T) {
	for _, good := range []string{"000", "012", "999", "0000", "1234"} {
		c, err := card.NewSecurityCode([]byte(good))
		if err != nil || codeOf(c) != good || c.IsZero() {
			t.Errorf("NewSecurityCode(%q) = %v, %v", good, c, err)
		}
		d := c
		c.Wipe()
		if !c.IsZero() || !d.IsZero() || codeOf(d) != "" {
			t.Errorf("%q: not empty after Wipe", good)
		}
	}
	for _, bad := range []string{"", "1", "12", "12345", "12a", " 123", "１２３"} {
		if c, err := card.NewSecurityCode([]byte(bad)); !errors.Is(err, card.ErrMalformed) || !c.IsZero() {
			t.Errorf("NewSecurityCode(%q) = %v, %v, want ErrMalformed", bad, c, err)
		}
	}
	card.SecurityCode{}.Wipe()
}
