package forward_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"mime/quotedprintable"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// survives reports whether seven consecutive digits of a number are left in a
// text, as it is or in any decoding that the standard library has. It knows
// nothing of how the scrubber searches. One digit repeated does not count, and
// with something between them seven that are equal but for one do not.
func survives(text, number string) bool {
	seen := map[string]bool{}
	var look func(text string, depth int) bool
	look = func(text string, depth int) bool {
		if len(text) < 7 || depth > 5 || seen[text] {
			return false
		}
		seen[text] = true
		if hasPart(text, number) {
			return true
		}
		for _, next := range decodings(text) {
			if look(next, depth+1) {
				return true
			}
		}
		return false
	}
	return look(text, 0)
}

// hasPart joins digits with nothing but punctuation between them.
func hasPart(text, number string) bool {
	bare := regexp.MustCompile(`[^0-9A-Za-z*•]+`).ReplaceAllString(norm.NFKC.String(text), "")
	for i := 0; i+7 <= len(number); i++ {
		part := number[i : i+7]
		common := 0
		for _, c := range part {
			common = max(common, strings.Count(part, string(c)))
		}
		rare := common <= 5
		if strings.Contains(text, part) && strings.Trim(part, part[:1]) != "" || rare && strings.Contains(bare, part) {
			return true
		}
	}
	return false
}

func decodings(text string) []string {
	var list []string
	add := func(s string) {
		if s != text && readableShare(s) {
			list = append(list, s)
		}
	}
	if s, err := url.QueryUnescape(text); err == nil {
		add(s)
	}
	add(html.UnescapeString(text))
	if b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text))); err == nil {
		add(string(b))
	}
	add(regexp.MustCompile(`\\u\{([0-9a-fA-F]+)\}`).ReplaceAllStringFunc(text, func(s string) string {
		v, _ := strconv.ParseUint(s[3:len(s)-1], 16, 21)
		return string(rune(v))
	}))
	add(regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|[0-3][0-7]{2}|["\\/])`).ReplaceAllStringFunc(text, func(s string) string {
		if s, err := strconv.Unquote(`"` + s + `"`); err == nil {
			return s
		}
		return s[1:]
	}))
	for _, run := range regexp.MustCompile(`[A-Za-z0-9+/_-]{10,}`).FindAllString(text, -1) {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(run)
		for skip := range min(4, len(plain)) {
			add(decodeLongest(plain[skip:], 4, base64.RawStdEncoding.DecodeString))
		}
		upper := strings.ToUpper(run)
		for skip := range min(8, len(upper)) {
			add(decodeLongest(upper[skip:], 8, base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString))
		}
	}
	pairs := regexp.MustCompile(`0x|\\x|[^0-9a-fA-F]+`).ReplaceAllString(text, "")
	for skip := range min(2, len(pairs)) {
		if b, err := hex.DecodeString(pairs[skip : skip+(len(pairs)-skip)/2*2]); err == nil {
			add(string(b))
		}
	}
	for _, base := range []int{10, 16, 8, 2} {
		var b bytes.Buffer
		for _, word := range regexp.MustCompile(`(0x|0o)?[0-9a-fA-F]+`).FindAllString(text, -1) {
			if v, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimPrefix(word, "0x"), "0o"), base, 8); err == nil {
				b.WriteByte(byte(v))
			}
		}
		add(b.String())
	}
	return list
}

// decodeLongest decodes whole groups, and what is left of the last one if it is
// valid.
func decodeLongest(s string, group int, decode func(string) ([]byte, error)) string {
	for n := len(s); n > len(s)-group && n > 0; n-- {
		if b, err := decode(s[:n]); err == nil {
			return string(b)
		}
	}
	return ""
}

// readableShare reports whether more than half of a text is ASCII.
func readableShare(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] >= ' ' && s[i] < 0x7f {
			n++
		}
	}
	return 2*n > len(s)
}
