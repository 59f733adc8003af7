package forward_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// disguises are ways to write the number; n varies them.
func disguises(n int) []string {
	join := func(sep string, size int) string {
		var parts []string
		for rest := number; rest != ""; {
			k := min(size, len(rest))
			parts, rest = append(parts, rest[:k]), rest[k:]
		}
		return strings.Join(parts, sep)
	}
	pad := strings.Repeat("k", n%7)
	in := pad + join([]string{"", " ", "-"}[n%3], 4) + pad
	wrapped := base64.StdEncoding.EncodeToString([]byte("card=" + number + "&x=" + pad))
	utf16 := each(number, func(c byte) string { return string(c) + "\x00" })
	return []string{
		number, join(" ", 4), join("-", 4), join(".", 4), join("\u00a0", 1+n%6), join(" - ", 1+n%5), join("\u2013", 3),
		each(number, func(c byte) string { return fmt.Sprintf("%%%02X", c) }),
		each(number, func(c byte) string { return fmt.Sprintf("%%25%02x", c) }),
		each(number, func(c byte) string { return fmt.Sprintf("%%2525%02x", c) }),
		each(number, func(c byte) string { return fmt.Sprintf(`\u%04X`, c) }),
		each(number, func(c byte) string { return fmt.Sprintf(`\x%02x`, c) }),
		each(number, func(c byte) string { return fmt.Sprintf("&#%d;", c) }),
		each(number, func(c byte) string { return fmt.Sprintf("&#x%04x;", c) }),
		each(number, func(c byte) string { return fmt.Sprintf("&amp;#%d;", c) }),
		each(number, func(c byte) string { return string(rune(c) - '0' + '０') }),
		each(number, func(c byte) string { return string(rune(c) - '0' + '๐') }),
		base64.StdEncoding.EncodeToString([]byte(in)), base64.RawURLEncoding.EncodeToString([]byte(in)),
		base64.StdEncoding.EncodeToString([]byte(wrapped)), base64.StdEncoding.EncodeToString([]byte(utf16)),
		wrapped[:9] + "\n" + wrapped[9:20] + "\r\n" + wrapped[20:],
		hex.EncodeToString([]byte(in)), strings.ToUpper(hex.EncodeToString([]byte(in))),
		base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"n":"%s"}`, join(" ", 4)))),
	}
}

// FuzzScrub embeds the number in every disguise into bodies of every type. The
// oracle is the second search, and decoding what was put in.
func FuzzScrub(f *testing.F) {
	for i := range 30 {
		f.Add(i, i*7, "before ", " after", i)
	}
	f.Add(0, 1, `"},{"`, `\u0034`, 3)
	f.Add(17, 2, "&x=", "%", 4)
	f.Fuzz(func(t *testing.T, which, vary int, before, after string, shape int) {
		if which < 0 || vary < 0 || shape < 0 || len(before)+len(after) > 2000 {
			return
		}
		list := disguises(vary)
		text := before + list[which%len(list)] + after
		inJSON := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		bodies := []struct{ media, body string }{
			{typeJSON, `{"a":` + inJSON(text) + `,"n":` + number + `}`},
			{typeJSON, `{"a":[` + inJSON(before) + `,[` + inJSON(text) + `]],"` + "b" + `":{}}`},
			{typeJSON, `{` + inJSON(text) + `:1}`},
			{"text/plain", text},
			{typeXML, `<a b="1"><c>` + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(text) + `</c></a>`},
			{typeForm, "a=1&b=" + text + "&c=2"},
			{typeJSON, `[` + strings.Join(strings.Split(number, ""), ",") + `]`},
		}
		b := bodies[shape%len(bodies)]
		c, err := scrub(t, b.media, b.body)
		if errors.Is(err, forward.ErrAnswerType) {
			return
		}
		if err != nil {
			if before == "before " {
				t.Fatalf("%q: %v", b.body, err)
			}
			return // refused is safe
		}
		if forward.Leaks(c.Body, []byte(number)) || contains(c.Body, number) || contains(c.Body, list[which%len(list)]) {
			t.Fatalf("%q became %q", b.body, c.Body)
		}
		if b.media == typeJSON && !json.Valid(c.Body) {
			t.Fatalf("%q became %q, which is not JSON", b.body, c.Body)
		}
	})
}

// FuzzScrubClean gives bodies without card data: they come back as they are.
// Others must not panic, and come back without the number.
func FuzzScrubClean(f *testing.F) {
	for _, s := range []string{`{"a":1.50,"b":["x",null,true],"c":{"d":"\u00e9"}}`, `<a b="c">d &amp; e</a>`, "a=b&c=%20d", "hello, world",
		`{"id":"chrg_test_5fx0h2k9","amount":100000,"at":"2026-11-22T01:17:39Z"}`, `{"cvv":"1","a":"4242 4242 4242 4242"}`, `"\ud835\udfd2"`, `[[[`, `<`, `&#`, `%`, `=`} {
		for i := range 4 {
			f.Add(s, i)
		}
	}
	f.Fuzz(func(t *testing.T, body string, which int) {
		if which < 0 || len(body) > 5000 {
			return
		}
		media := []string{typeJSON, typeXML, typeForm, "text/plain"}[which%4]
		c, err := scrub(t, media, body)
		if err != nil {
			if len(c.Body) > 0 {
				t.Fatal("an error with a body")
			}
			return
		}
		digits := 0
		for _, r := range body {
			if r >= '0' && r <= '9' || r > 127 {
				digits++
			}
		}
		suspect := digits > 2 || strings.ContainsAny(body, `%&\`) || strings.Contains(strings.ToLower(body), "c") || card.ContainsPAN([]byte(body))
		if !suspect && string(c.Body) != body {
			t.Fatalf("%q became %q", body, c.Body)
		}
		if c.Hits == (forward.Hits{}) && string(c.Body) != body {
			t.Fatalf("no hits, but %q became %q", body, c.Body)
		}
	})
}
