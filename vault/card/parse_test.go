package card_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/panvault/panvault/vault/card"
)

func TestParseGood(t *testing.T) {
	c, problems := card.Parse(goodInput(), rules())
	if len(problems) != 0 {
		t.Fatalf("problems: %s", problems.Message())
	}
	if got := digitsOf(c.PAN); got != "4242424242424242" {
		t.Error("PAN differs")
	}
	if got := codeOf(c.SecurityCode); got != "123" {
		t.Error("security code differs")
	}
	if c.Brand != card.Visa || c.Expiry != (card.Expiry{Month: 12, Year: 2030}) {
		t.Errorf("brand %q, expiry %v", c.Brand, c.Expiry)
	}
	want := card.Holder{
		Name: "JOHN DOE", Street1: "1448/4 Praditmanutham Road", Street2: "2nd floor",
		City: "Bangkok", State: "Krung Thep", PostalCode: "10320", Country: "th",
		PhoneNumber: "0123456789", Email: "john.doe@example.com",
	}
	if c.Holder != want {
		t.Error("holder differs")
	}
	c.Wipe()
	if !c.PAN.IsZero() || !c.SecurityCode.IsZero() {
		t.Error("not empty after Wipe")
	}
}

func TestParseMinimal(t *testing.T) {
	for _, blank := range [][]byte{nil, {}, []byte(" \t"), []byte("\u3000")} {
		in := card.Input{
			Name: []byte("ต"), Number: []byte(" 4242424242424242\n"),
			ExpirationMonth: []byte("1"), ExpirationYear: []byte("27"),
			SecurityCode: blank, Street1: blank, Street2: blank, City: blank, State: blank,
			PostalCode: blank, Country: blank, PhoneNumber: blank, Email: blank,
		}
		c, problems := card.Parse(in, rules())
		if problems != nil {
			t.Fatalf("%q as absent: %s", blank, problems.Message())
		}
		if c.Holder != (card.Holder{Name: "ต"}) || !c.SecurityCode.IsZero() {
			t.Errorf("%q as absent: not absent", blank)
		}
		if c.Expiry != (card.Expiry{Month: 1, Year: 2027}) {
			t.Errorf("expiry %v", c.Expiry)
		}
	}
}

func TestParseOfficialNumbers(t *testing.T) {
	for _, tt := range officialPANs {
		in := goodInput()
		in.Number, in.SecurityCode = []byte(tt.digits), nil
		c, problems := card.Parse(in, rules())
		if problems != nil || c.Brand != tt.brand || digitsOf(c.PAN) != tt.digits {
			t.Errorf("…%s: brand %q, want %q; %s", tt.digits[len(tt.digits)-4:], c.Brand, tt.brand, problems.Message())
		}
	}
}

const (
	blankMonth  = "expiration month can't be blank and expiration month is not between 1 and 12"
	badMonth    = "expiration month is not between 1 and 12 and expiration date is invalid"
	blankYear   = "expiration year can't be blank and expiration year is invalid"
	badYear     = "expiration year is invalid"
	past        = "expiration date cannot be in the past"
	blankNumber = "number can't be blank and brand not supported (unknown)"
	badNumber   = "number is invalid"
	badBrand    = "brand not supported (unknown)"
	badBoth     = "number is invalid and brand not supported (unknown)"
	blankName   = "name can't be blank"
	badName     = "name is invalid"
	badCode     = "security code is invalid"
)

// sentenceTests change one or more fields of goodInput.
var sentenceTests = []struct {
	name string
	set  map[string]string
	want string
}{
	{"month missing", map[string]string{"ExpirationMonth": ""}, blankMonth},
	{"month blank", map[string]string{"ExpirationMonth": "  "}, blankMonth},
	{"month 0", map[string]string{"ExpirationMonth": "0"}, badMonth},
	{"month 00", map[string]string{"ExpirationMonth": "00"}, badMonth},
	{"month 13", map[string]string{"ExpirationMonth": "13"}, badMonth},
	{"month of three digits", map[string]string{"ExpirationMonth": "012"}, badMonth},
	{"month word", map[string]string{"ExpirationMonth": "May"}, badMonth},
	{"month fraction", map[string]string{"ExpirationMonth": "1.5"}, badMonth},
	{"month negative", map[string]string{"ExpirationMonth": "-1"}, badMonth},
	{"month full width", map[string]string{"ExpirationMonth": "１"}, badMonth},
	{"year missing", map[string]string{"ExpirationYear": ""}, blankYear},
	{"year 0", map[string]string{"ExpirationYear": "0"}, badYear},
	{"year of three digits", map[string]string{"ExpirationYear": "203"}, badYear},
	{"year of five digits", map[string]string{"ExpirationYear": "02030"}, badYear},
	{"year word", map[string]string{"ExpirationYear": "soon"}, badYear},
	{"year Buddhist", map[string]string{"ExpirationYear": "2573"}, badYear},
	{"year Buddhist short", map[string]string{"ExpirationYear": "83"}, badYear},
	{"year in 51 years", map[string]string{"ExpirationYear": "2077"}, badYear},
	{"year long ago", map[string]string{"ExpirationYear": "1582"}, badYear},
	{"month and year bad", map[string]string{"ExpirationMonth": "0", "ExpirationYear": "x"},
		"expiration month is not between 1 and 12, expiration year is invalid, and expiration date is invalid"},
	{"month and year missing", map[string]string{"ExpirationMonth": "", "ExpirationYear": ""},
		"expiration month can't be blank, expiration month is not between 1 and 12, expiration year can't be blank, and expiration year is invalid"},
	{"month missing, year past", map[string]string{"ExpirationMonth": "", "ExpirationYear": "2001"}, blankMonth},
	{"past month", map[string]string{"ExpirationMonth": "9", "ExpirationYear": "2026"}, past},
	{"past year", map[string]string{"ExpirationYear": "2025"}, past},
	{"past two-digit year", map[string]string{"ExpirationYear": "17"}, past},
	{"name missing", map[string]string{"Name": ""}, blankName},
	{"name of spaces", map[string]string{"Name": " \u3000\u00a0"}, blankName},
	{"name unseen", map[string]string{"Name": "\u200b\u200d"}, blankName},
	{"name with control", map[string]string{"Name": "JOHN\x00DOE"}, badName},
	{"name of two lines", map[string]string{"Name": "JOHN\nDOE"}, badName},
	{"name not UTF-8", map[string]string{"Name": "JOHN \xff"}, badName},
	{"name too long", map[string]string{"Name": strings.Repeat("ก", 256)}, badName},
	{"name is a number", map[string]string{"Name": "4242 4242 4242 4242"}, badName},
	{"name holds a number", map[string]string{"Name": "J４２４２４２４２４２４２４２４２"}, badName},
	{"number missing", map[string]string{"Number": ""}, blankNumber},
	{"number blank", map[string]string{"Number": " "}, blankNumber},
	{"number of letters", map[string]string{"Number": "abcd"}, badNumber},
	{"number with letter", map[string]string{"Number": "424242424242424O"}, badNumber},
	{"number full width", map[string]string{"Number": "４２４２４２４２４２４２４２４２"}, badNumber},
	{"number Arabic-Indic", map[string]string{"Number": "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}, badNumber},
	{"number with NBSP", map[string]string{"Number": "4242\u00a04242\u00a04242\u00a04242"}, badNumber},
	{"number with NBSP behind", map[string]string{"Number": "4242424242424242\u00a0"}, badNumber},
	{"number with en dash", map[string]string{"Number": "4242–4242–4242–4242"}, badNumber},
	{"number with exponent", map[string]string{"Number": "4.242424242424242e15"}, badNumber},
	{"number negative", map[string]string{"Number": "-4242424242424242"}, badNumber},
	{"number with NUL", map[string]string{"Number": "4242424242424242\x00"}, badNumber},
	{"number of 11 digits", map[string]string{"Number": checkDigit("4242424242")}, badNumber},
	{"number of 20 digits", map[string]string{"Number": checkDigit("4242424242424242424")}, badNumber},
	{"number with spaces", map[string]string{"Number": "4242 4242 4242 4242"}, badNumber},
	{"number with hyphens", map[string]string{"Number": "4242-4242-4242-4242"}, badNumber},
	{"number with spaces of no brand", map[string]string{"Number": "1234 5678 1234 5670"}, badBoth},
	{"Luhn", map[string]string{"Number": "4242424242424241"}, badNumber},
	{"Visa of 15 digits", map[string]string{"Number": checkDigit("42424242424242")}, badNumber},
	{"American Express of 16 digits", map[string]string{"Number": checkDigit("378282246310005")[:16], "SecurityCode": "1234"}, badNumber},
	{"no brand", map[string]string{"Number": checkDigit("900000000000000")}, badBrand},
	{"no brand, Luhn", map[string]string{"Number": "9000000000000000"}, badBoth},
	{"12 digits", map[string]string{"Number": checkDigit("90000000000")}, badBrand},
	{"Maestro", map[string]string{"Number": checkDigit("675900000000")}, badBrand},
	{"Laser", map[string]string{"Number": checkDigit("670600000000000")}, badBrand},
	{"all zeros", map[string]string{"Number": "0000000000000000"}, badBoth},
	{"code of 2", map[string]string{"SecurityCode": "12"}, badCode},
	{"code of 4", map[string]string{"SecurityCode": "1234"}, badCode},
	{"code of 5", map[string]string{"SecurityCode": "12345"}, badCode},
	{"code word", map[string]string{"SecurityCode": "abc"}, badCode},
	{"code full width", map[string]string{"SecurityCode": "１２３"}, badCode},
	{"code of 3 for American Express", map[string]string{"Number": "378282246310005"}, badCode},
	{"code of 4 for American Express", map[string]string{"Number": "378282246310005", "SecurityCode": "1234"}, ""},
	{"code of 3 for an unknown brand", map[string]string{"Number": checkDigit("900000000000000")}, badBrand},
	{"code of 4 for an unknown brand", map[string]string{"Number": checkDigit("900000000000000"), "SecurityCode": "1234"}, badBrand},
	{"code of 4 without a number", map[string]string{"Number": "", "SecurityCode": "1234"}, blankNumber},
	{"street1", map[string]string{"Street1": "a\tb"}, "street1 is invalid"},
	{"street2", map[string]string{"Street2": "4242424242424242"}, "street2 is invalid"},
	{"city", map[string]string{"City": "\xc3"}, "city is invalid"},
	{"state", map[string]string{"State": strings.Repeat("s", 256)}, "state is invalid"},
	{"postal code", map[string]string{"PostalCode": "4242-4242-4242-4242"}, "postal code is invalid"},
	{"country", map[string]string{"Country": "THA"}, "country is invalid"},
	{"country digits", map[string]string{"Country": "t1"}, "country is invalid"},
	{"phone", map[string]string{"PhoneNumber": "4242424242424242"}, "phone is invalid"},
	{"email", map[string]string{"Email": "a@b\r\nc"}, "email is invalid"},
	{"Omise's longest example", map[string]string{"ExpirationMonth": "99", "Name": "", "ExpirationYear": "x", "Number": "9000000000000000"},
		"expiration month is not between 1 and 12, name can't be blank, expiration year is invalid, expiration date is invalid, number is invalid, and brand not supported (unknown)"},
	{"Java's zeros", map[string]string{"ExpirationMonth": "0", "ExpirationYear": "0"},
		"expiration month is not between 1 and 12, expiration year is invalid, and expiration date is invalid"},
	{"nothing at all", map[string]string{"Name": "", "Number": "", "ExpirationMonth": "", "ExpirationYear": "", "SecurityCode": ""},
		"expiration month can't be blank, expiration month is not between 1 and 12, name can't be blank, " +
			"expiration year can't be blank, expiration year is invalid, number can't be blank, and brand not supported (unknown)"},
	{"order of the rest", map[string]string{"Email": "\x01", "Street1": "\x01", "SecurityCode": "1", "Number": "1", "Name": "\x01", "Country": "x", "PhoneNumber": "\x01",
		"PostalCode": "\x01", "State": "\x01", "City": "\x01", "Street2": "\x01", "ExpirationYear": "2020"},
		"name is invalid, expiration date cannot be in the past, number is invalid, security code is invalid, street1 is invalid, street2 is invalid, " +
			"city is invalid, state is invalid, postal code is invalid, country is invalid, phone is invalid, and email is invalid"},
}

func inputWith(set map[string]string) card.Input {
	in := goodInput()
	for field, value := range set {
		reflect.ValueOf(&in).Elem().FieldByName(field).SetBytes([]byte(value))
	}
	return in
}

func TestSentences(t *testing.T) {
	for _, tt := range sentenceTests {
		t.Run(tt.name, func(t *testing.T) {
			c, problems := card.Parse(inputWith(tt.set), rules())
			if got := problems.Message(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if len(problems) > 0 && !reflect.ValueOf(c).IsZero() {
				t.Error("a card came with the problems")
			}
		})
	}
}

func TestProblemsOfNumber(t *testing.T) {
	for _, tt := range []struct {
		name, number string
		separators   bool
		want         card.Problems
	}{
		{"spaces", "4242 4242 4242 4242", false, card.Problems{card.NumberSeparators}},
		{"hyphens", "4242-4242-4242-4242", false, card.Problems{card.NumberSeparators}},
		{"spaces stripped", "4242 4242 4242 4242", true, nil},
		{"hyphens stripped", "4242-4242 42424242", true, nil},
		{"runs stripped", "4242  4242 - 42424242", true, nil},
		{"around", "\t4242424242424242 ", false, nil},
		{"hyphen in front", "-4242424242424242", true, card.Problems{card.NumberMalformed}},
		{"hyphen behind", "4242424242424242-", true, card.Problems{card.NumberMalformed}},
		{"tab between", "42424242\t42424242", true, card.Problems{card.NumberMalformed}},
		{"spaces and Luhn", "4242 4242 4242 4241", false, card.Problems{card.NumberSeparators}},
		{"spaces stripped and Luhn", "4242 4242 4242 4241", true, card.Problems{card.NumberLuhn}},
		{"letter", "424242424242424x", false, card.Problems{card.NumberMalformed}},
		{"short", "4242", false, card.Problems{card.NumberMalformed}},
		{"long", strings.Repeat("4242", 5), false, card.Problems{card.NumberMalformed}},
		{"very long", strings.Repeat("4242", 5000), true, card.Problems{card.NumberMalformed}},
		{"length of brand", checkDigit("42424242424242"), false, card.Problems{card.NumberMalformed}},
		{"length of brand and Luhn", "424242424242424", false, card.Problems{card.NumberMalformed}},
		{"Luhn", "4242424242424241", false, card.Problems{card.NumberLuhn}},
		{"zeros", "0000000000000000", false, card.Problems{card.NumberLuhn, card.BrandUnsupported}},
		{"brand", checkDigit("900000000000000"), false, card.Problems{card.BrandUnsupported}},
		{"brand and Luhn", "9000000000000000", false, card.Problems{card.NumberLuhn, card.BrandUnsupported}},
		{"blank", "", false, card.Problems{card.NumberBlank, card.BrandUnsupported}},
	} {
		r := rules()
		r.Separators = tt.separators
		in := goodInput()
		in.Number = []byte(tt.number)
		_, problems := card.Parse(in, r)
		if diff := cmp.Diff(tt.want, problems); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestBrandNotEnabled(t *testing.T) {
	visaOnly, err := card.ParseBrands([]string{"visa"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range officialPANs {
		in := goodInput()
		in.Number, in.SecurityCode = []byte(tt.digits), nil
		var want card.Problems
		if tt.brand != card.Visa {
			want = card.Problems{card.BrandUnsupported}
		}
		r := rules()
		r.Brands = visaOnly
		if _, got := card.Parse(in, r); !cmp.Equal(want, got) {
			t.Errorf("%s with Visa enabled: %s", tt.brand, got.Message())
		}
		r.Brands = card.Brands{}
		if _, got := card.Parse(in, r); !got.Has(card.BrandUnsupported) {
			t.Errorf("%s accepted with no brand enabled", tt.brand)
		}
	}
}

func TestAllowExpired(t *testing.T) {
	in := goodInput()
	in.ExpirationYear = []byte("2017")
	r := rules()
	r.AllowExpired = true
	if c, problems := card.Parse(in, r); problems != nil || c.Expiry.Year != 2017 {
		t.Errorf("expired card refused: %s", problems.Message())
	}
}

func TestZeroRulesAcceptNothing(t *testing.T) {
	if _, problems := card.Parse(goodInput(), card.Rules{}); len(problems) == 0 {
		t.Error("a card was accepted")
	}
	if _, problems := card.Parse(goodInput(), card.Rules{Brands: card.AllBrands(), Now: time.Time{}}); len(problems) == 0 {
		t.Error("a card was accepted at no time")
	}
}

// The caller wipes its buffer as soon as Parse returns.
func TestParseKeepsNoInput(t *testing.T) {
	in := goodInput()
	fields := reflect.ValueOf(&in).Elem()
	want, _ := card.Parse(goodInput(), rules())
	got, problems := card.Parse(in, rules())
	for i := range fields.NumField() {
		for j := range fields.Field(i).Bytes() {
			fields.Field(i).Bytes()[j] = 'X'
		}
	}
	if problems != nil || !got.PAN.Equal(want.PAN) || codeOf(got.SecurityCode) != "123" || got.Holder != want.Holder {
		t.Error("the card changed with the request's buffer")
	}
}

func TestParseChangesNoInput(t *testing.T) {
	in := goodInput()
	in.Name, in.Number = []byte(" Jose\u0301 "), []byte("4242 4242-42424242")
	name, number := bytes.Clone(in.Name), bytes.Clone(in.Number)
	r := rules()
	r.Separators = true
	if _, problems := card.Parse(in, r); problems != nil {
		t.Fatal(problems.Message())
	}
	if !bytes.Equal(in.Name, name) || !bytes.Equal(in.Number, number) {
		t.Error("Parse wrote into its input")
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range officialPANs {
		f.Add([]byte(tt.digits), []byte("12"), []byte("2030"), []byte("123"), []byte("JOHN DOE"), []byte("Bangkok"), true)
	}
	for _, tt := range sentenceTests {
		in := inputWith(tt.set)
		f.Add(in.Number, in.ExpirationMonth, in.ExpirationYear, in.SecurityCode, in.Name, in.Street1, false)
	}
	f.Fuzz(func(t *testing.T, number, month, year, code, name, text []byte, separators bool) {
		in := card.Input{Name: name, Number: number, ExpirationMonth: month, ExpirationYear: year, SecurityCode: code,
			Street1: text, PostalCode: text, Country: text, PhoneNumber: text, Email: text}
		r := rules()
		r.Separators = separators
		c, problems := card.Parse(in, r)
		if len(problems) > 0 {
			checkRefusal(t, c, problems)
			return
		}
		checkCard(t, c)
	})
}

func checkRefusal(t *testing.T, c card.Card, problems card.Problems) {
	t.Helper()
	if !reflect.ValueOf(c).IsZero() {
		t.Fatal("a card came with the problems")
	}
	for i, p := range problems {
		if i > 0 && p <= problems[i-1] {
			t.Fatalf("problems out of order: %v", problems)
		}
		if strings.HasPrefix(p.Sentence(), "problem ") {
			t.Fatalf("problem %d has no sentence", int(p))
		}
	}
}

func checkCard(t *testing.T, c card.Card) {
	t.Helper()
	d := digitsOf(c.PAN)
	if !luhnReference(d) || !c.Brand.ValidLength(len(d)) || c.PAN.Brand() != c.Brand {
		t.Fatal("accepted a number that is no card's")
	}
	if n := len(codeOf(c.SecurityCode)); n != 0 && n != c.Brand.CodeLength() {
		t.Fatal("accepted a security code of a wrong length")
	}
	if c.Expiry.Month < 1 || c.Expiry.Month > 12 || c.Expiry.Expired(now) {
		t.Fatalf("accepted expiry %v", c.Expiry)
	}
	if c.Holder.Name == "" || card.ContainsPAN([]byte(c.Holder.Name)) || card.ContainsPAN([]byte(c.Holder.Street1)) {
		t.Fatal("accepted a bad text")
	}
	p := card.Profile{Holder: c.Holder}
	if q, err := card.DecodeProfile(p.Encode()); err != nil || q != p {
		t.Fatal("the holder does not survive sealing")
	}
}

func BenchmarkParse(b *testing.B) {
	in, r := goodInput(), rules()
	b.ReportAllocs()
	for b.Loop() {
		c, problems := card.Parse(in, r)
		if problems != nil {
			b.Fatal(problems.Message())
		}
		c.Wipe()
	}
}
