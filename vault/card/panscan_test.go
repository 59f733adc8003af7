package card_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
)

// scanTests say what RedactPANs makes of a text; ContainsPAN is true where it
// changes something.
var scanTests = []struct{ name, in, want string }{
	{"empty", "", ""},
	{"no digits", "nothing to see", "nothing to see"},
	{"a date and a phone", "on 2026-10-05 call 02-123-4567", "on 2026-10-05 call 02-123-4567"},
	{"alone", "4242424242424242", "[redacted]"},
	{"in text", "card 4242424242424242, please", "card [redacted], please"},
	{"among letters", "x4242424242424242y", "x[redacted]y"},
	{"spaces", "4242 4242 4242 4242", "[redacted]"},
	{"hyphens", "a-4242-4242-4242-4242-b", "a-[redacted]-b"},
	{"every digit apart", "4-2-4-2-4-2-4-2-4-2-4-2-4-2-4-2", "[redacted]"},
	{"mixed separators", "4242 4242-42424242", "[redacted]"},
	{"dots", "4242.4242.4242.4242.", "[redacted]."},
	{"slashes", "4242/4242/4242/4242", "[redacted]"},
	{"two spaces", "4242  4242  4242  4242", "4242  4242  4242  4242"},
	{"two lines", "42424242\n42424242", "42424242\n42424242"},
	{"track data", ";4242424242424242=30121010000012300000?", ";[redacted]=30121010000012300000?"},
	{"bad check digit", "4242424242424241", "4242424242424241"},
	{"12 digits", checkDigit("67590000000"), checkDigit("67590000000")},
	{"13 digits", checkDigit("900000000000"), "[redacted]"},
	{"19 digits", checkDigit("900000000000000000"), "[redacted]"},
	{"20 digits of no brand", checkDigit("9000000000000000000"), checkDigit("9000000000000000000")},
	{"no brand, in groups", "1234 5678 1234 5670", "[redacted]"},
	{"no brand, group in a run", "7 1234567812345670", "7 [redacted]"},
	{"house number in front", "Flat 12 4242 4242 4242 4242", "Flat 12 [redacted]"},
	{"expiry behind", "4242 4242 4242 4242 12/29", "[redacted] 12/29"},
	{"code glued on", "94242424242424242123", "[redacted]"},
	{"two numbers", "4242424242424242 378282246310005", "[redacted]"},
	{"two numbers apart", "4242424242424242,378282246310005", "[redacted],[redacted]"},
	{"Maestro", "n 675900000000000" + string(checkDigit("675900000000000")[15]), "n [redacted]"},
	{"full width", "カード４２４２４２４２４２４２４２４２です", "カード[redacted]です"},
	{"Arabic-Indic", "٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "[redacted]"},
	{"Thai", "๔๒๔๒๔๒๔๒๔๒๔๒๔๒๔๒", "[redacted]"},
	{"mathematical", "𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐", "[redacted]"},
	{"circled", "④②④②④②④②④②④②④②④②", "[redacted]"},
	{"scripts mixed", "4２٤๒4２٤๒4２٤๒4２٤๒", "[redacted]"},
	{"keycaps", strings.Repeat("4\ufe0f\u20e32\ufe0f\u20e3", 8), "[redacted]\ufe0f\u20e3"},
	{"zero width", strings.Join(strings.Split("4242424242424242", ""), "\u200b"), "[redacted]"},
	{"zero width in separators", "4242\u200b-\u200b4242-4242-4242", "[redacted]"},
	{"NBSP", "4242\u00a04242\u00a04242\u00a04242", "[redacted]"},
	{"en dashes", "4242–4242–4242–4242", "[redacted]"},
	{"bad UTF-8 around", "\xff4242424242424242\xff", "\xff[redacted]\xff"},
	{"bad UTF-8 inside", "42424242\xff42424242", "42424242\xff42424242"},
	{"id of ours", "tokn_test_5fx0h2k9q1z7w3c8v6b4n2m0", "tokn_test_5fx0h2k9q1z7w3c8v6b4n2m0"},
}

func TestRedactPANs(t *testing.T) {
	for _, tt := range scanTests {
		if got := card.RedactPANs(tt.in); got != tt.want {
			t.Errorf("%s: RedactPANs(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestContainsPAN(t *testing.T) {
	for _, tt := range scanTests {
		if got, want := card.ContainsPAN([]byte(tt.in)), tt.in != tt.want; got != want {
			t.Errorf("%s: ContainsPAN(%q) = %v, want %v", tt.name, tt.in, got, want)
		}
	}
	for _, tt := range officialPANs {
		if !card.ContainsPAN([]byte("x " + tt.digits + " y")) {
			t.Errorf("missed an official number of %s", tt.brand)
		}
	}
}

// scripts are zeros of digit ranges that a number may be written in.
var scripts = []rune{'0', '０', '٠', '۰', '๐', '०', '𝟎'}

func TestContainsPANFindsWrittenNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := anyPAN().Filter(func(s string) bool { return len(s) >= 13 }).Draw(t, "digits")
		separator := rapid.SampledFrom([]string{"", " ", "-", "\u00a0", "–", "\u200b"}).Draw(t, "separator")
		var b strings.Builder
		for i, c := range digits {
			if i > 0 && rapid.Bool().Draw(t, "separate") {
				b.WriteString(separator)
			}
			b.WriteRune(rapid.SampledFrom(scripts).Draw(t, "script") + c - '0')
		}
		before := rapid.StringMatching(`[a-zก-ฮ :(]{0,5}`).Draw(t, "before")
		after := rapid.StringMatching(`[a-zก-ฮ :)]{0,5}`).Draw(t, "after")
		text := before + b.String() + after
		if !card.ContainsPAN([]byte(text)) {
			t.Fatalf("missed in %q", text)
		}
		if got := card.RedactPANs(text); got != before+"[redacted]"+after {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func TestRedactPANsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`([0-9]{1,21}[ \-./_x]{0,2}){0,8}`).Draw(t, "in")
		checkRedaction(t, in)
		if got, want := card.ContainsPAN([]byte(in)), containsReference(in); got != want {
			t.Fatalf("ContainsPAN(%q) = %v, want %v", in, got, want)
		}
	})
}

func FuzzContainsPAN(f *testing.F) {
	for _, tt := range scanTests {
		f.Add(tt.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		checkRedaction(t, in)
		if ascii(in) && card.ContainsPAN([]byte(in)) != containsReference(in) {
			t.Fatalf("ContainsPAN(%q) disagrees with the reference", in)
		}
	})
}

func checkRedaction(t interface{ Fatalf(string, ...any) }, in string) {
	out := card.RedactPANs(in)
	if found := card.ContainsPAN([]byte(in)); found != (out != in) {
		t.Fatalf("%q: ContainsPAN = %v, RedactPANs gave %q", in, found, out)
	}
	if card.ContainsPAN([]byte(out)) || card.RedactPANs(out) != out {
		t.Fatalf("%q: a number is left in %q", in, out)
	}
	// What is left stands in the input, in order.
	rest := in
	for i, part := range strings.Split(out, "[redacted]") {
		at := strings.Index(rest, part)
		if at < 0 || i == 0 && at > 0 {
			t.Fatalf("%q: %q is not what it was", in, out)
		}
		rest = rest[at+len(part):]
	}
}

// containsReference is ContainsPAN for ASCII, written as its comment reads.
func containsReference(in string) bool {
	for _, run := range regexp.MustCompile(`[0-9]+([ \-./_][0-9]+)*`).FindAllString(in, -1) {
		for _, strict := range regexp.MustCompile(`[./_]`).Split(run, -1) {
			if d := digitsIn(strict); scanLength(d) && luhnReference(d) {
				return true
			}
			for _, group := range regexp.MustCompile(`[ \-]`).Split(strict, -1) {
				if scanLength(group) && luhnReference(group) {
					return true
				}
			}
		}
		d := digitsIn(run)
		for i := range d {
			for n := 13; n <= 19 && i+n <= len(d); n++ {
				if w := d[i : i+n]; luhnReference(w) && branded(w) {
					return true
				}
			}
		}
	}
	return false
}

func scanLength(d string) bool { return len(d) >= 13 && len(d) <= 19 }

func digitsIn(s string) string { return regexp.MustCompile(`[^0-9]`).ReplaceAllString(s, "") }

func branded(d string) bool {
	if regexp.MustCompile(`^(5018|5020|5038|5893|6304|6706|6709|6759|6761|6762|6763|6771)`).MatchString(d) {
		return true
	}
	b, ok := card.BrandOf([]byte(d))
	return ok && b.ValidLength(len(d))
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func BenchmarkContainsPAN(b *testing.B) {
	for name, text := range map[string]string{
		"name":   "JOHN DOE",
		"street": "1448/4 Praditmanutham Road, Wangthonglang",
		"digits": strings.Repeat("9", 64<<10),
		"thai":   strings.Repeat("๙", 1<<10),
	} {
		b.Run(name, func(b *testing.B) {
			in := []byte(text)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				card.ContainsPAN(in)
			}
		})
	}
}
