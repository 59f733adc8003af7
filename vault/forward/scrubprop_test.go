package forward_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/panvault/panvault/vault/card"
	"github.com/panvault/panvault/vault/forward"
)

// luhn makes a number of some digits by appending the check digit.
func luhn(digits string) string {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}

// TestScrubAny: whatever the number, the part of it, the writing and the place,
// no seven digits come back.
func TestScrubAny(t *testing.T) {
	all, places := writings(), contexts()
	hows, wheres := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(places))
	rapid.Check(t, func(t *rapid.T) {
		number := luhn("4" + rapid.StringMatching(`[0-9]{14}`).Draw(t, "number"))
		from := rapid.IntRange(0, 9).Draw(t, "from")
		to := rapid.IntRange(from+7, 16).Draw(t, "to")
		how := rapid.SampledFrom(hows).Draw(t, "writing")
		place := places[rapid.SampledFrom(wheres).Draw(t, "place")]
		text := number[from:to]
		if how == "plain" {
			text = joined(text, rapid.SampledFrom([]string{"", " ", "-", ".", "/", ", ", " - ", "\u00a0", "\u2013", "\n"}).Draw(t, "separator"), rapid.IntRange(1, 6).Draw(t, "size"))
		}
		text = rapid.SampledFrom([]string{"", "n: ", "x", "••"}).Draw(t, "before") + all[how](text) + rapid.SampledFrom([]string{"", ".", " y", "XX"}).Draw(t, "after")
		body := place.write(text)
		d := destination()
		a := forward.AnswerOf(anyEndpoint(t, d), 200, map[string][]string{"Content-Type": {place.media}}, []byte(body))
		c, err := forward.Scrub(a, forward.Secrets{Number: anyPAN(t, number)})
		if err == nil && survives(string(c.Body), number) {
			t.Fatalf("%s became %s", body, c.Body)
		}
	})
}

func anyEndpoint(t *rapid.T, d forward.Destination) *forward.Endpoint {
	e, err := forward.New(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func anyPAN(t *rapid.T, digits string) card.PAN {
	p, err := card.NewPAN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ordinary is a body as processors answer, made at random, without a card.
func ordinary(r *rand.Rand) string {
	id := func(alphabet string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		return b.String()
	}
	const lower = "abcdefghijklmnopqrstuvwxyz0123456789"
	at := time.Unix(1.7e9+r.Int64N(1e8), r.Int64N(1e9)).UTC()
	sum := sha256.Sum256([]byte(id(lower, 20)))
	uuid := hex.EncodeToString(sum[:16])
	uuid = uuid[:8] + "-" + uuid[8:12] + "-4" + uuid[13:16] + "-a" + uuid[17:20] + "-" + uuid[20:]
	b, _ := json.Marshal(map[string]any{
		"id": "chrg_test_" + id(lower, 19), "uuid": uuid, "auth_code": id("0123456789", 6), "rrn": id("0123456789", 12),
		"created_at": at.Format(time.RFC3339Nano), "date": at.Format(time.DateOnly), "unix": at.Unix(), "unix_ms": at.UnixMilli(),
		"amount": r.IntN(1e7), "fee": float64(r.IntN(1e6)) / 100, "refunded": 0, "decimal": fmt.Sprintf("%d.00", r.IntN(1e5)),
		"hash": hex.EncodeToString(sum[:]), "signature": base64.StdEncoding.EncodeToString(sum[:]), "etag": `W/"` + id("0123456789abcdef", 16) + `"`,
		"ip": fmt.Sprintf("%d.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256)), "phone": "+66 2 " + id("0123456789", 7),
		"pixel": []int{r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256)}, "note": "order " + id("0123456789", 8) + ", paid", "last4": "1486", "mask": "**** **** **** 1486", "zip": id("0123456789", 5),
	})
	return string(b)
}

// TestScrubOrdinary: answers with ids, times, amounts, hashes and the last four
// digits stay, byte for byte. Digits that card.ContainsPAN takes for another
// card's are none.
func TestScrubOrdinary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		body := ordinary(r)
		if card.ContainsPAN([]byte(body)) {
			continue
		}
		c, err := scrubOf(t, number, typeJSON, body)
		if err != nil || string(c.Body) != body || c.Hits.Total() != 0 {
			t.Errorf("%v: %s became %s", err, body, c.Body)
		}
	}
	for _, number := range []string{zeros, "4242424242424242"} {
		const body = `{"created":"2026-11-22T04:00:00.000Z","amount":1000000000,"trace":"00000000000000000000","fee":"0.00","tax":"0.00","sum":"0.00","n":[1,0,0,0,0],` +
			`"uuid":"4f3c2b1a-0000-4000-8000-00000000000a","last4":"4242","source":{"last4":"4242"},"receipt":{"last4":"1091","dots":"•••• 1091"},"sha":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`
		c, err := scrubOf(t, number, typeJSON, body)
		if err != nil || string(c.Body) != body {
			t.Errorf("%s: %v: %s", number, err, c.Body)
		}
	}
}

// TestScrubLong: behind much that can be decoded in many ways the number is found
// all the same.
func TestScrubLong(t *testing.T) {
	for _, unit := range []string{"VVVV", "aGVsbG8g", "MzQ6MzI6", "5252", "52,48,", "34:30:", "ORSXG5A", "=34", `\064`} {
		for how, write := range writings() {
			body := strings.Repeat(unit, 4_000/len(unit)) + ";" + write(number) + ";"
			c, err := scrub(t, "text/plain", body)
			if err != nil || c.Hits.Total() == 0 || strings.Contains(string(c.Body), ";"+write(number)+";") {
				t.Errorf("%s behind %s: %v", how, unit, err)
			}
		}
	}
}
