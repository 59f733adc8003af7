package forward_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/forward"
)

// zeros is a number with a long run of one digit, as test cards have.
const zeros = "4000000000001091"

// scrubOf scrubs a body for a card.
func scrubOf(t testing.TB, number, media, body string, set ...func(*forward.Destination)) (*forward.Clean, error) {
	t.Helper()
	d := destination()
	for _, f := range set {
		f(&d)
	}
	a := forward.AnswerOf(endpoint(t, d), 200, http.Header{"Content-Type": {media}}, []byte(body))
	defer a.Wipe()
	return forward.Scrub(a, forward.Secrets{Number: pan(t, number)})
}

func joined(s, sep string, size int) string {
	var parts []string
	for ; len(s) > size; s = s[size:] {
		parts = append(parts, s[:size])
	}
	return strings.Join(append(parts, s), sep)
}

func times(n int, f func(string) string, s string) string {
	for range n {
		s = f(s)
	}
	return s
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
func b32(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }

func verb(format, sep string) func(string) string {
	return func(s string) string {
		var parts []string
		for i := range len(s) {
			parts = append(parts, fmt.Sprintf(format, s[i]))
		}
		return strings.Join(parts, sep)
	}
}

// writings are ways to write digits. Each gives a text that reads as the digits
// to someone who knows the way.
func writings() map[string]func(string) string {
	return map[string]func(string) string{
		"plain":             func(s string) string { return s },
		"grouped":           func(s string) string { return joined(s, " ", 4) },
		"hyphens":           func(s string) string { return joined(s, "-", 4) },
		"one by one":        func(s string) string { return joined(s, ", ", 1) },
		"quoted one by one": func(s string) string { return `"` + joined(s, `", "`, 1) + `"` },
		"decimal codes":     verb("%d", ","),
		"codes, spaces":     verb("%d", " "),
		"chr":               verb("chr(%d)", "."),
		"hex":               func(s string) string { return hex.EncodeToString([]byte(s)) },
		"hex, colons":       verb("%02x", ":"),
		"hex, hyphens":      verb("%02X", "-"),
		"hex, spaces":       verb("%02x", " "),
		"hex, 0x":           verb("0x%02x", ", "),
		"hex, \\x":          verb(`\x%02x`, ""),
		"UTF-16 codes":      verb("%04x", " "),
		"quoted-printable":  verb("=%02X", ""),
		"octal":             verb(`\%03o`, ""),
		"octal codes":       verb("0o%o", " "),
		"binary codes":      verb("%08b", " "),
		"braces":            verb(`\u{%x}`, ""),
		"long braces":       verb(`\u{0000%x}`, ""),
		"\\u":               verb(`\u%04x`, ""),
		"\\U":               verb(`\U%08x`, ""),
		"percent":           verb("%%%02X", ""),
		"decimal entities":  verb("&#%d;", ""),
		"hex entities":      verb("&#x%X;", ""),
		"base64":            b64,
		"base64 URL":        func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("~?" + s)) },
		"base64 twice":      func(s string) string { return times(2, b64, s) },
		"base64, 3":         func(s string) string { return times(3, b64, s) },
		"base64, 4":         func(s string) string { return times(4, b64, "pan="+s) },
		"base32":            b32,
		"base32, lower":     func(s string) string { return strings.ToLower(b32("n:" + s)) },
		"base32, unpadded":  func(s string) string { return strings.TrimRight(b32("x"+s), "=") },
		"base32 of base64":  func(s string) string { return b32(b64(s)) },
		"hex of base64":     func(s string) string { return hex.EncodeToString([]byte(b64(s))) },
		"full width":        func(s string) string { return each(s, func(c byte) string { return string(rune(c) - '0' + '０') }) },
		"circled":           func(s string) string { return each(s, func(c byte) string { return string(rune(c) - '0' + '𝟎') }) },
	}
}

// contexts are bodies that a text may stand in.
func contexts() map[string]struct {
	media string
	write func(string) string
} {
	inJSON := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	inXML := strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace
	return map[string]struct {
		media string
		write func(string) string
	}{
		"JSON":          {typeJSON, func(s string) string { return `{"id":7,"a":` + inJSON(s) + `,"b":[true]}` }},
		"a sentence":    {typeJSON, func(s string) string { return `{"m":` + inJSON("card: "+s+" is bad") + `}` }},
		"JSON in JSON":  {typeJSON, func(s string) string { return `{"m":` + inJSON(`{"n":`+inJSON(s)+`}`) + `}` }},
		"XML":           {typeXML, func(s string) string { return "<a><b>" + inXML(s) + "</b></a>" }},
		"XML attribute": {typeXML, func(s string) string { return `<a b="` + inXML(s) + `"/>` }},
		"form": {typeForm, func(s string) string {
			return "ok=1&n=" + strings.NewReplacer("%", "%25", "&", "%26", "=", "%3D", " ", "+", "#", "%23").Replace(s) + "&z=2"
		}},
		"text": {"text/plain", func(s string) string { return "card " + s + "." }},
	}
}

// TestScrubWritings: every writing of the number and of parts of it is masked,
// by the finder: nothing is withheld.
func TestScrubWritings(t *testing.T) {
	for _, number := range []string{zeros, number, "378282246310005"} {
		last := len(number)
		for part, digits := range map[string]string{"all": number, "first 7": number[:7], "first 15": number[:15], "last 12": number[last-12:], "middle": number[3 : last-1]} {
			for how, write := range writings() {
				for where, in := range contexts() {
					body := in.write(write(digits))
					c, err := scrubOf(t, number, in.media, body)
					low := digits == zeros[:7] && strings.ContainsAny(write("0000000"), " ,-")
					if low && !strings.Contains(how, "codes") && !strings.Contains(how, "hex") {
						continue // nearly one digit repeated, with something between: an amount, a time
					}
					if err != nil || c.Hits.Total() == 0 || survives(string(c.Body), number) {
						t.Errorf("%s of %s, %s, %s: %v, %s became %s", part, number, how, where, err, body, c.Body)
					}
				}
			}
		}
	}
}

func TestScrubParts(t *testing.T) {
	for _, tt := range []struct{ name, media, in, want string }{
		{"dots", typeJSON, `{"n":"40000000••••1091"}`, `{"n":"************1091"}`},
		{"15 of 16", typeJSON, `{"n":"400000000000109"}`, `{"n":"************"}`},
		{"X", typeJSON, `{"n":"4000000000XX1091"}`, `{"n":"************1091"}`},
		{"last masked", typeJSON, `{"n":"4000000000001***"}`, `{"n":"***************"}`},
		{"a number", typeJSON, `{"n":400000000000109}`, `{"n":"************"}`},
		{"codes", typeJSON, `{"n":[52,48,48,48,48,48,48,48,48,48,48,48,49,48,57,49],"m":1}`, `{"n":["****","****","****","****","****","****","****","****","****","****","****","****","****","****","****","****"],"m":1}`},
		{"a typed array", typeJSON, `{"0":52,"1":48,"2":48,"3":48,"4":48,"5":48,"6":48,"7":48,"8":48,"9":48,"10":48,"11":48,"12":49,"13":48,"14":57,"15":49}`, ""},
		{"a buffer with more", typeJSON, `{"type":"Buffer","data":[110,61,52,48,48,48,48,48,48,48,48,48,48,48,49,48,57,49,59]}`, ""},
		{"hexadecimal", typeJSON, `{"n":"0xe35fa931a0443","m":"000E35FA931A0443"}`, `{"n":"0x************","m":"00************"}`},
		{"octal", typeJSON, `{"n":"0` + fmt.Sprintf("%o", 4000000000001091) + `"}`, ""},
		{"binary bytes", typeJSON, `{"n":"` + base64.StdEncoding.EncodeToString([]byte{0, 0x0e, 0x35, 0xfa, 0x93, 0x1a, 0x04, 0x43}) + `"}`, ""},
		{"first five", typeJSON, `{"n":"40000•••"}`, `{"n":"************•••"}`},
		{"ellipsis", typeJSON, `{"n":"400000…1091"}`, `{"n":"************1091"}`},
		{"escaped dots", typeJSON, `{"n":"400000\u2022\u2022\u2022\u20221091"}`, `{"n":"************1091"}`},
		{"HTML dots", "text/html", `<b>400000&bull;&bull;&bull;&#8226;1091</b>`, `<b>************1091</b>`},
		{"underscores", typeJSON, `{"n":"4000 00__ ____ 1091"}`, `{"n":"************1091"}`},
		{"hyphens", typeJSON, `{"n":"4000 00-- ---- 1091"}`, `{"n":"************1091"}`},
		{"six last", typeJSON, `{"n":"****001091"}`, `{"n":"****************1091"}`},
		{"last four stay", typeJSON, `{"n":"•••• 1091","m":"**** **** **** 1091","last4":"1091","x":"XX1091"}`, `{"n":"•••• 1091","m":"**** **** **** 1091","last4":"1091","x":"XX1091"}`},
		{"beside a first part", "text/plain", "400000 4000000000001091", ""},
	} {
		c, err := scrubOf(t, zeros, tt.media, tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(c.Body); tt.want != "" && got != tt.want || survives(got, zeros) || got == tt.in && tt.want != tt.in {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestScrubShownParts: with ShowFirstDigits eight of sixteen digits stay, and
// six of fifteen, and no more.
func TestScrubShownParts(t *testing.T) {
	for _, tt := range []struct{ number, in, want string }{
		{zeros, `{"n":"40000000••••1091","bin":"40000000","m":"400000******1091"}`, `{"n":"40000000••••1091","bin":"40000000","m":"400000******1091"}`},
		{number, `{"n":"45395787****1486","bin":45395787}`, `{"n":"45395787****1486","bin":45395787}`},
		{number, `{"n":"453957876***1486"}`, `{"n":"************1486"}`},
		{number, `{"n":"453957876"}`, `{"n":"************"}`},
		{"378282246310005", `{"n":"3782822****0005","m":"378282*****0005"}`, `{"n":"************0005","m":"378282*****0005"}`},
	} {
		c, err := scrubOf(t, tt.number, typeJSON, tt.in, func(d *forward.Destination) { d.ShowFirstDigits = true })
		if err != nil || string(c.Body) != tt.want {
			t.Errorf("got %s, %v, want %s", c.Body, err, tt.want)
		}
	}
}

// TestScrubChunks: what a chunked answer cuts apart is found whole.
func TestScrubChunks(t *testing.T) {
	for how, write := range writings() {
		body := `{"a":` + strings.Trim(string(mustJSON(t, write(number))), " ") + `}`
		p := newProcessor(t, func(p *processor, c net.Conn) {
			p.read(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
			for i := 0; i < len(body); i += 3 {
				part := body[i:min(i+3, len(body))]
				_, _ = fmt.Fprintf(c, "%x\r\n%s\r\n", len(part), part)
			}
			_, _ = io.WriteString(c, "0\r\n\r\n")
		})
		a, err := forward.NewSender(nil, nil).Send(t.Context(), render(t, p.destination(), values(t, "")), nil)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		c, err := forward.Scrub(a, secrets(t))
		if err != nil || survives(string(c.Body), number) || c.Hits.Total() == 0 {
			t.Errorf("%s: %v, %s became %s", how, err, body, c.Body)
		}
		a.Wipe()
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
