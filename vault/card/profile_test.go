package card_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

func fullProfile() card.Profile {
	return card.Profile{
		Holder: card.Holder{Name: "山田 太郎", Street1: "1448/4", Street2: "x", City: "Bangkok", State: "s",
			PostalCode: "10320", Country: "th", PhoneNumber: "+66", Email: "a@b"},
		Issuer:      card.Issuer{Bank: "B <&> B", Financing: "credit", Country: "us"},
		FirstDigits: "424242",
	}
}

func TestProfileVectors(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   card.Profile
		want string
	}{
		{"empty", card.Profile{}, "{}" + strings.Repeat(" ", 62)},
		{"name only", card.Profile{Holder: card.Holder{Name: "JOHN DOE"}}, `{"n":"JOHN DOE"}` + strings.Repeat(" ", 48)},
		{"exactly one block", card.Profile{Holder: card.Holder{Name: strings.Repeat("n", 56)}}, `{"n":"` + strings.Repeat("n", 56) + `"}`},
		{"all", fullProfile(), `{"n":"山田 太郎","s1":"1448/4","s2":"x","ci":"Bangkok","st":"s","pc":"10320","co":"th","ph":"+66","em":"a@b",` +
			`"b":"B \u003c\u0026\u003e B","f":"credit","ic":"us","fd":"424242"}` + strings.Repeat(" ", 13)},
	} {
		got := tt.in.Encode()
		if string(got) != tt.want {
			t.Errorf("%s: Encode =\n%q, want\n%q", tt.name, got, tt.want)
		}
		if len(got)%64 != 0 {
			t.Errorf("%s: %d bytes", tt.name, len(got))
		}
		back, err := card.DecodeProfile(got)
		if err != nil || back != tt.in {
			t.Errorf("%s: comes back changed: %v", tt.name, err)
		}
	}
}

func TestProfileRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 255, -1)
	rapid.Check(t, func(t *rapid.T) {
		p := card.Profile{
			Holder: card.Holder{
				Name: text.Draw(t, "name"), Street1: text.Draw(t, "street1"), City: text.Draw(t, "city"),
				Email: text.Draw(t, "email"), PhoneNumber: text.Draw(t, "phone"),
			},
			Issuer: card.Issuer{Bank: text.Draw(t, "bank")},
		}
		b := p.Encode()
		if back, err := card.DecodeProfile(b); err != nil || back != p || len(b)%64 != 0 {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

func TestDecodeProfileRefuses(t *testing.T) {
	good := fullProfile().Encode()
	for name, in := range map[string][]byte{
		"nothing":         nil,
		"spaces":          []byte(strings.Repeat(" ", 64)),
		"null":            []byte("null" + strings.Repeat(" ", 60)),
		"array":           []byte("[]" + strings.Repeat(" ", 62)),
		"no padding":      []byte("{}"),
		"another block":   append(bytes.Clone(good), strings.Repeat(" ", 64)...),
		"short padding":   good[:len(good)-1],
		"other padding":   append(bytes.Clone(good[:len(good)-1]), '\n'),
		"space in front":  append([]byte(" "), good[:len(good)-1]...),
		"unknown key":     []byte(`{"zz":"1"}` + strings.Repeat(" ", 54)),
		"empty value":     []byte(`{"n":""}` + strings.Repeat(" ", 56)),
		"repeated key":    []byte(`{"n":"a","n":"b"}` + strings.Repeat(" ", 47)),
		"other key case":  []byte(`{"N":"a"}` + strings.Repeat(" ", 55)),
		"order":           []byte(`{"ci":"a","n":"b"}` + strings.Repeat(" ", 46)),
		"wrong type":      []byte(`{"n":1}` + strings.Repeat(" ", 57)),
		"needless escape": []byte(`{"n":"\u0061"}` + strings.Repeat(" ", 50)),
		"trailing":        []byte(`{}{}` + strings.Repeat(" ", 60)),
	} {
		if p, err := card.DecodeProfile(in); err != card.ErrMalformed || p != (card.Profile{}) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestProfileCountry(t *testing.T) {
	for _, tt := range []struct{ holder, issuer, want string }{
		{"th", "us", "th"}, {"", "us", "us"}, {"th", "", "th"}, {"", "", ""},
	} {
		p := card.Profile{Holder: card.Holder{Country: tt.holder}, Issuer: card.Issuer{Country: tt.issuer}}
		if got := p.Country(); got != tt.want {
			t.Errorf("Country of %q and %q = %q, want %q", tt.holder, tt.issuer, got, tt.want)
		}
	}
}

// A profile must not be stored through its redacting marshaller by mistake.
func TestProfileDoesNotComeBackFromItsMask(t *testing.T) {
	b, err := json.Marshal(fullProfile())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := card.DecodeProfile(b); err != card.ErrMalformed {
		t.Errorf("DecodeProfile took a mask: %v", err)
	}
}

func FuzzDecodeProfile(f *testing.F) {
	f.Add(card.Profile{}.Encode())
	f.Add(fullProfile().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := card.DecodeProfile(b); err == nil && !bytes.Equal(p.Encode(), b) {
			t.Fatalf("%q decodes but encodes otherwise", b)
		}
	})
}
