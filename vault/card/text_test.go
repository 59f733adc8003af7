package card_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

func TestParseText(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"spaces", " \t\u3000\u00a0\u2003", ""},
		{"invisible", "\u200b\ufeff", ""},
		{"trimmed", "\u3000 山田 太郎\u3000\n", "山田 太郎"},
		{"composed", "Jose\u0301", "José"},
		{"Hangul", "\u1112\u1161\u11ab", "한"},
		{"Thai", "สมชาย ใจดี", "สมชาย ใจดี"},
		{"joiner inside", "नर\u200dस", "नर\u200dस"},
		{"longest", strings.Repeat("ก", 255), strings.Repeat("ก", 255)},
		{"longest once composed", strings.Repeat("e\u0301", 255), strings.Repeat("é", 255)},
		{"punctuation", `<b>"O'Neil" & Co</b>`, `<b>"O'Neil" & Co</b>`},
		{"twelve digits", checkDigit("42424242424"), checkDigit("42424242424")},
		{"sixteen digits that are no card", "4242424242424241", "4242424242424241"},
	} {
		if got, ok := card.ParseText([]byte(tt.in)); !ok || got != tt.want {
			t.Errorf("%s: ParseText = %q, %v, want %q", tt.name, got, ok, tt.want)
		}
	}
}

func TestParseTextRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"control":                 "a\x07b",
		"delete":                  "a\x7f",
		"C1 control":              "a\u0085b",
		"newline":                 "a\nb",
		"line separator":          "a\u2028b",
		"paragraph":               "a\u2029b",
		"bad UTF-8":               "a\xffb",
		"surrogate":               "\xed\xa0\x80",
		"256 runes":               strings.Repeat("ก", 256),
		"huge":                    strings.Repeat("a", 1<<20),
		"huge combining":          "a" + strings.Repeat("\u0301", 5000),
		"number":                  "no. 4242424242424242",
		"number in Thai":          "๔๒๔๒๔๒๔๒๔๒๔๒๔๒๔๒",
		"number spaced invisibly": strings.Join(strings.Split("4242424242424242", ""), "\u200b"),
	} {
		if got, ok := card.ParseText([]byte(in)); ok || got != "" {
			t.Errorf("%s: ParseText = %q, %v, want false", name, got, ok)
		}
	}
}

func TestParseTextProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.String().Draw(t, "in")
		got, ok := card.ParseText([]byte(in))
		if !ok {
			return
		}
		if !norm.NFC.IsNormalString(got) || !utf8.ValidString(got) || strings.TrimSpace(got) != got {
			t.Fatalf("%q is not clean", got)
		}
		if again, ok := card.ParseText([]byte(got)); !ok || again != got {
			t.Fatalf("%q becomes %q, %v the second time", got, again, ok)
		}
	})
}

func TestParseName(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		problem  card.Problem
	}{
		{" José ", "José", 0},
		{"", "", card.NameBlank},
		{"\u3000", "", card.NameBlank},
		{"a\x00", "", card.NameInvalid},
		{"4242 4242 4242 4242", "", card.NameInvalid},
	} {
		if got, problem := card.ParseName([]byte(tt.in)); got != tt.want || problem != tt.problem {
			t.Errorf("ParseName(%q) = %q, %v, want %q, %v", tt.in, got, problem, tt.want, tt.problem)
		}
	}
}

func TestCountryAndPhone(t *testing.T) {
	chinese := checkDigit("861381234567") // 13 digits that pass the check by chance
	for _, tt := range []struct {
		country, phone string
		want           string
	}{
		{"TH", "", ""},
		{" jp ", "", ""},
		{"t", "", "country is invalid"},
		{"T H", "", "country is invalid"},
		{"ＴＨ", "", "country is invalid"},
		{"", "+" + chinese, ""},
		{"", "00" + chinese, ""},
		{"", "+66 (0) 81-234.5678", ""},
		{"", chinese, "phone is invalid"},
		{"", "+4242424242424242", "phone is invalid"},
		{"", "+378282246310005", "phone is invalid"},
		{"", "00 4242 4242 4242 4242", "phone is invalid"},
		{"", "+1 4242424242424242x", "phone is invalid"},
	} {
		in := goodInput()
		in.Country, in.PhoneNumber = []byte(tt.country), []byte(tt.phone)
		c, problems := card.Parse(in, rules())
		if got := problems.Message(); got != tt.want {
			t.Errorf("%q, %q: %q, want %q", tt.country, tt.phone, got, tt.want)
		}
		if want := strings.ToLower(strings.TrimSpace(tt.country)); tt.want == "" && c.Holder.Country != want {
			t.Errorf("country %q, want %q", c.Holder.Country, want)
		}
	}
}
