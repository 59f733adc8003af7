package card_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"github.com/panvault/panvault/vault/card"
)

const secretCode = "7391"

// secretPAN has no run that could occur in an address by chance.
var secretPAN = checkDigit("37981736452018")

type exported struct {
	PAN  card.PAN
	Code card.SecurityCode
	Next any
}

type unexported struct {
	pan  card.PAN
	code card.SecurityCode
	ptr  *card.PAN
	list []card.PAN
	dict map[string]card.PAN
	any  any
	deep ***card.PAN
}

type carrier struct{ pan card.PAN }

func (c carrier) Error() string { return fmt.Sprintf("cannot use %+v", c.pan) }

// needles are the forms in which a number could show: eight of its digits as
// text, hex, JSON's base64 or a list of byte values.
func needles(secret string) []string {
	var out []string
	for i := 0; i+8 <= len(secret); i++ {
		part := secret[i : i+8]
		list := strings.Trim(fmt.Sprint([]byte(part)), "[]")
		goList := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(part)), "[]byte{"), "}")
		out = append(out, part, hex.EncodeToString([]byte(part)), strings.ToUpper(hex.EncodeToString([]byte(part))),
			fmt.Sprintf("% x", part), list, goList)
	}
	return append(out, base64.StdEncoding.EncodeToString([]byte(secret))[:16])
}

func secretCard(t *testing.T) card.Card {
	t.Helper()
	in := goodInput()
	in.Number, in.SecurityCode, in.Name = []byte(secretPAN), []byte(secretCode), []byte("Zebediah Quux")
	c, problems := card.Parse(in, rules())
	if problems != nil {
		t.Fatal(problems.Message())
	}
	return c
}

// holders are values that hold the secret number in every way a program may.
func holders(c card.Card) map[string]any {
	p := c.PAN
	ptr := &p
	pp := &ptr
	x := exported{PAN: p, Code: c.SecurityCode, Next: p}
	u := unexported{pan: p, code: c.SecurityCode, ptr: &p, list: []card.PAN{p}, dict: map[string]card.PAN{"k": p}, any: p, deep: &pp}
	err := carrier{p}
	return map[string]any{
		"PAN": p, "*PAN": &p, "[]PAN": []card.PAN{p}, "[1]PAN": [1]card.PAN{p}, "[]*PAN": []*card.PAN{&p},
		"map value": map[string]card.PAN{"k": p}, "map of any": map[string]any{"k": p},
		"exported": x, "*exported": &x, "nested": exported{Next: &x}, "[]exported": []exported{x},
		"unexported": u, "*unexported": &u, "in any": exported{Next: u}, "[]unexported": []unexported{u},
		"error": err, "wrapped": fmt.Errorf("x: %w", err), "joined": errors.Join(err, err),
		"%v in error": fmt.Errorf("x: %v %+v %#v %s %q %d %x", p, p, p, p, p, p, p),
		"code":        c.SecurityCode, "*code": &c.SecurityCode,
		"Card": c, "*Card": &c, "Holder": c.Holder, "*Holder": &c.Holder,
		"Profile": card.Profile{Holder: c.Holder}, "[]Profile": []card.Profile{{Holder: c.Holder}},
		"Input": card.Input{Number: []byte(secretPAN), SecurityCode: []byte(secretCode), Name: []byte("Zebediah Quux")},
	}
}

func assertAbsent(t *testing.T, how, out string) {
	t.Helper()
	assertNoPAN(t, how, out)
	assertNoName(t, how, out)
}

func assertNoPAN(t *testing.T, how, out string) {
	t.Helper()
	for _, n := range needles(secretPAN) {
		if strings.Contains(out, n) {
			t.Fatalf("%s prints the number: %s", how, out)
		}
	}
}

func assertNoName(t *testing.T, how, out string) {
	t.Helper()
	if strings.Contains(out, "Zebediah") || strings.Contains(out, "Quux") {
		t.Errorf("%s prints the holder's name: %s", how, out)
	}
}

func TestNothingPrintsSecrets(t *testing.T) {
	flags := []string{"", "+", "#", "-", "0", " ", "+#", "# ", "40", "40.3", "-40.2"}
	for name, v := range holders(secretCard(t)) {
		for _, flag := range flags {
			for verb := 'A'; verb <= 'z'; verb++ {
				format := "%" + flag + string(verb)
				misused := verb == 'p' || verb == 'w' // fmt calls no method for these
				if misused && name == "Input" {
					continue
				}
				for _, out := range []string{fmt.Sprintf(format, v), fmt.Errorf("x: "+format, v).Error()} {
					assertNoPAN(t, name+" with "+format, out)
					if !misused {
						assertNoName(t, name+" with "+format, out)
					}
				}
			}
		}
		assertAbsent(t, name+" with Print", fmt.Sprint(v)+fmt.Sprintln(v))
	}
}

func TestNothingMarshalsSecrets(t *testing.T) {
	for name, v := range holders(secretCard(t)) {
		if b, err := json.Marshal(v); err == nil {
			assertAbsent(t, name+" as JSON", string(b))
		}
		if b, err := xml.Marshal(v); err == nil {
			assertAbsent(t, name+" as XML", string(b))
		}
		var out bytes.Buffer
		if err := template.Must(template.New("").Parse(`{{.}} {{printf "%v %d %x" . . .}}`)).Execute(&out, v); err == nil {
			assertAbsent(t, name+" in a template", out.String())
		}
	}
}

func TestNothingLogsSecrets(t *testing.T) {
	var out bytes.Buffer
	handlers := []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)}
	for name, v := range holders(secretCard(t)) {
		for _, h := range handlers {
			out.Reset()
			log := slog.New(h).With("with", v)
			log.Info("m", "v", v, slog.Group("g", "v", v), "list", []any{v})
			log.WithGroup("h").Error(fmt.Sprint(v), "err", fmt.Errorf("x: %v", v))
			assertAbsent(t, name+" in a log", out.String())
		}
	}
}

// Addresses may hold any digits, so they are cut before looking for so short
// a secret.
func TestNothingPrintsTheSecurityCode(t *testing.T) {
	address := regexp.MustCompile(`0x[0-9a-f]+`)
	for name, v := range holders(secretCard(t)) {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			out := address.ReplaceAllString(fmt.Sprintf(format, v), "")
			if strings.Contains(out, secretCode) {
				t.Errorf("%s with %s prints the code: %s", name, format, out)
			}
		}
		if b, err := json.Marshal(v); err == nil && strings.Contains(string(b), secretCode) {
			t.Errorf("%s as JSON prints the code: %s", name, b)
		}
	}
}

func TestMasks(t *testing.T) {
	c := secretCard(t)
	last4 := secretPAN[len(secretPAN)-4:]
	for _, tt := range []struct {
		v    any
		want string
	}{
		{c.PAN, "************" + last4},
		{card.PAN{}, "[no PAN]"},
		{c.SecurityCode, "[security code]"},
		{card.SecurityCode{}, "[no security code]"},
		{c.Holder, "[cardholder data]"},
		{card.Profile{}, "[card profile]"},
		{card.Input{}, "[card parameters]"},
		{c, "[card ************" + last4 + "]"},
	} {
		if got := fmt.Sprintf("%#v", tt.v); got != tt.want {
			t.Errorf("%%#v of %T = %q, want %q", tt.v, got, tt.want)
		}
		text, err := tt.v.(interface{ MarshalText() ([]byte, error) }).MarshalText()
		if err != nil || string(text) != tt.want {
			t.Errorf("MarshalText of %T = %q, %v, want %q", tt.v, text, err, tt.want)
		}
		js, err := json.Marshal(tt.v)
		if err != nil || string(js) != `"`+tt.want+`"` {
			t.Errorf("MarshalJSON of %T = %s, %v, want %q", tt.v, js, err, tt.want)
		}
		if got := tt.v.(slog.LogValuer).LogValue().String(); got != tt.want {
			t.Errorf("LogValue of %T = %q, want %q", tt.v, got, tt.want)
		}
		if got := tt.v.(fmt.GoStringer).GoString() + tt.v.(fmt.Stringer).String(); got != tt.want+tt.want {
			t.Errorf("GoString and String of %T = %q, want %q twice", tt.v, got, tt.want)
		}
	}
}

// The mask must not tell how long a number or code is.
func TestMaskHidesLength(t *testing.T) {
	a, b := mustPAN(t, "36021042000004"), mustPAN(t, "6447032400000000001")
	if len(a.String()) != len(b.String()) {
		t.Errorf("masks differ in length: %v, %v", a, b)
	}
	c3, _ := card.NewSecurityCode([]byte("123"))
	c4, _ := card.NewSecurityCode([]byte("1234"))
	if c3.String() != c4.String() {
		t.Errorf("masks differ: %v, %v", c3, c4)
	}
}
