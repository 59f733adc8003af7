package forward_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/forward"
)

// scrub runs a body through Scrub.
func scrub(t testing.TB, media, body string, set ...func(*forward.Destination)) (*forward.Clean, error) {
	t.Helper()
	d := destination()
	for _, f := range set {
		f(&d)
	}
	h := http.Header{}
	if media != "" {
		h.Set("Content-Type", media)
	}
	a := forward.AnswerOf(endpoint(t, d), 200, h, []byte(body))
	defer a.Wipe()
	return forward.Scrub(a, secrets(t))
}

const masked = "************1486"

func each(s string, f func(c byte) string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(f(s[i]))
	}
	return b.String()
}

func TestScrub(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, tt := range []struct{ name, media, in, want string }{
		{"nothing", typeJSON, ` {"a": 1.0, "b":[1e5, -0,"x\u0041"],"amount":100000 } `, ` {"a": 1.0, "b":[1e5, -0,"x\u0041"],"amount":100000 } `},
		{"plain", typeJSON, `{"card":{"number":"4539578763621486","brand":"Visa"}}`, `{"card":{"number":"` + masked + `","brand":"Visa"}}`},
		{"in a sentence", typeJSON, `{"message":"card 4539578763621486 is bad"}`, `{"message":"card ` + masked + ` is bad"}`},
		{"a number", typeJSON, `{"n":4539578763621486,"m":1}`, `{"n":"` + masked + `","m":1}`},
		{"a number at the end", typeJSON, `[4539578763621486]`, `["` + masked + `"]`},
		{"a number alone", typeJSON, `4539578763621486`, `"` + masked + `"`},
		{"negative", typeJSON, `[-4539578763621486]`, `["-` + masked + `"]`},
		{"with a fraction", typeJSON, `{"n":4539578763621486.0}`, `{"n":"` + masked + `"}`},
		{"exponent", typeJSON, `{"n":4.539578763621486e15}`, `{"n":"` + masked + `"}`},
		{"spaces", typeJSON, `{"n":"4539 5787 6362 1486"}`, `{"n":"` + masked + `"}`},
		{"hyphens", typeJSON, `{"n":"4539-5787-6362-1486"}`, `{"n":"` + masked + `"}`},
		{"mix", typeJSON, `{"n":"4539 5787.6362-1486"}`, `{"n":"` + masked + `"}`},
		{"NBSP", typeJSON, "{\"n\":\"4539\u00a05787\u00a06362\u00a01486\"}", `{"n":"` + masked + `"}`},
		{"NBSP escaped", typeJSON, `{"n":"4539\u00a05787\u00a06362\u00a01486"}`, `{"n":"` + masked + `"}`},
		{"JSON escapes", typeJSON, `{"n":"` + each(number, func(c byte) string { return fmt.Sprintf(`\u%04x`, c) }) + `"}`, `{"n":"` + masked + `"}`},
		{"JSON in JSON", typeJSON, `{"echo":"{\"number\":\"4539578763621486\",\"cvv\":\"731\"}"}`, `{"echo":"{\"number\":\"` + masked + `\",\"cvv\":\"***\"}"}`},
		{"URL", typeJSON, `{"n":"` + each(number, func(c byte) string { return fmt.Sprintf("%%%02X", c) }) + `"}`, `{"n":"` + masked + `"}`},
		{"URL twice", typeJSON, `{"n":"` + each(number, func(c byte) string { return fmt.Sprintf("%%25%02X", c) }) + `"}`, `{"n":"` + masked + `"}`},
		{"references", typeJSON, `{"n":"` + each(number, func(c byte) string { return fmt.Sprintf("&#%d;", c) }) + `"}`, `{"n":"` + masked + `"}`},
		{"full width", typeJSON, `{"n":"４５３９５７８７６３６２１４８６"}`, `{"n":"` + masked + `"}`},
		{"zero width", typeJSON, "{\"n\":\"4539\u200b578763621486\"}", `{"n":"` + masked + `"}`},
		{"split over items", typeJSON, `{"n":["4539","5787","6362","1486"]}`, `{"n":["****","****","****","****"]}`},
		{"split over numbers", typeJSON, `{"n":[4539,5787,6362,1486]}`, `{"n":["****","****","****","****"]}`},
		{"split over members", typeJSON, `{"n1":"4539","n2":"5787","n3":"6362","n4":"1486"}`, `{"n1":"****","n2":"****","n3":"****","n4":"****"}`},
		{"a name", typeJSON, `{"4539578763621486":1}`, `{"` + masked + `":1}`},
		{"base64", typeJSON, `{"n":"` + b64([]byte(number)) + `"}`, `{"n":"************=="}`},
		{"hex", typeJSON, `{"n":"` + hex.EncodeToString([]byte(number)) + `"}`, `{"n":"************"}`},
		{"another card", typeJSON, `{"n":"378282246310005","m":6011000990139424}`, `{"n":"************0005","m":"************9424"}`},
		{"other in groups", typeJSON, `{"n":"Flat 12 3782 822463 10005 x"}`, `{"n":"Flat 12 ************0005 x"}`},
		{"a fraction is no card", typeJSON, `{"score":0.4111111111111111}`, `{"score":0.4111111111111111}`},
		{"first and last", typeJSON, `{"n":"453957******1486","m":"4539 57XX XXXX 1486","x":"XXXX"}`, `{"n":"` + masked + `","m":"` + masked + `","x":"XXXX"}`},
		{"bin", typeJSON, `{"bin":"453957","iin":453957,"bin2":"453957"}`, `{"bin":"******","iin":"******","bin2":"453957"}`},
		{"codes", typeJSON, `{"cvv":"731","a":1,"CVC2":null, "security_code" : 731,"cvv_result":"M"}`, `{"a":1,"cvv_result":"M"}`},
		{"codes at the end", typeJSON, `{"a":1,"cvv":"731","csc":{"x":[1]}}`, `{"a":1}`},
		{"only codes", typeJSON, `{ "cvv":"731" , "cvc":"1"}`, `{ }`},
		{"a code as such", typeJSON, `{"amount":731,"card":{"check":"731","n":731,"year":2031}}`, `{"amount":731,"card":{"check":"***","n":"***","year":2031}}`},
		{"a code in a text", typeJSON, `{"m":"bad cvv: 731, order 731"}`, `{"m":"bad cvv: ***, order 731"}`},
		{"members in a code", typeJSON, `{"cvv":{"n":4539578763621486},"b":2}`, `{"b":2}`},

		{"text", "text/plain", "card 4539578763621486 code 731, sum 7310", "card " + masked + " code ***, sum 7310"},
		{"text, lines", "text/plain", "4539\n5787\n6362\n1486", masked},
		{"bad JSON", typeJSON, `{"n":"4539578763621486","c":731`, `{"n":"` + masked + `","c":***`},
		{"HTML", "text/html; charset=utf-8", "<p>&#x34;539578763621486&nbsp;</p>", "<p>" + masked + "&nbsp;</p>"},
		{"wrapped base64", "text/plain", b64([]byte("{" + number + "}"))[:10] + "\r\n" + b64([]byte("{" + number + "}"))[10:] + ".", "e************9."},
		{"XML", typeXML, `<p n="4539578763621486"><n>4539 5787 6362 1486</n><cvv>999</cvv><c>731</c></p>`, `<p n="` + masked + `"><n>` + masked + `</n><cvv>***</cvv><c>731</c></p>`},
		{"XML references", typeXML, `<n>` + each(number, func(c byte) string { return fmt.Sprintf("&#x%x;", c) }) + `</n>`, `<n>` + masked + `</n>`},
		{"XML split", typeXML, `<a1>4539</a1><a2>5787</a2><a3>6362</a3><a4>1486</a4>`, `<a1>****</a1><a2>****</a2><a3>****</a3><a4>****</a4>`},
		{"XML CDATA", typeXML, `<a><cvv><![CDATA[12]]></cvv><![CDATA[4539578763621486]]></a>`, `<a><cvv>***</cvv><![CDATA[` + masked + `]]></a>`},
		{"XML attribute code", typeXML, `<c:card cvc="12" c:CVV2='34'/>`, `<c:card cvc="***" c:CVV2='***'/>`},
		{"form", typeForm, "number=4539578763621486&cvv=731&x=731", "number=" + masked + "&cvv=***&x=731"},
		{"form plus", typeForm, "number=4539+5787+6362+1486", "number=" + masked},
	} {
		c, err := scrub(t, tt.media, tt.in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(c.Body); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestScrubSettings(t *testing.T) {
	c, err := scrub(t, typeJSON, `{"n":"453957******1486","bin":"453957"}`, func(d *forward.Destination) { d.ShowFirstDigits = true })
	if want := `{"n":"453957******1486","bin":"453957"}`; err != nil || string(c.Body) != want {
		t.Errorf("got %s, %v, want %s", c.Body, err, want)
	}
	keep := func(d *forward.Destination) { d.KeepDigits = []string{"tx.id", "list.0.id"} }
	const in = `{"tx":{"id":378282246310005,"ref":"378282246310005"},"list":[{"id":"378282246310005"},{"id":"378282246310005"}]}`
	const want = `{"tx":{"id":378282246310005,"ref":"************0005"},"list":[{"id":"378282246310005"},{"id":"************0005"}]}`
	if c, err = scrub(t, typeJSON, in, keep); err != nil || string(c.Body) != want {
		t.Errorf("got %s, %v, want %s", c.Body, err, want)
	}
	if c, err = scrub(t, typeJSON, `{"tx":{"id":"4539578763621486"}}`, keep); err != nil || contains(c.Body, number) {
		t.Errorf("KeepDigits kept the number: %s, %v", c.Body, err)
	}
}

func TestAnswerTypes(t *testing.T) {
	for _, tt := range []struct {
		media, body string
		ok          bool
	}{
		{typeJSON, `{}`, true}, {"application/problem+json", `{}`, true}, {"application/soap+xml", `<a/>`, true}, {"", `{}`, true},
		{"", "ok", false}, {"image/png", "ok", false}, {"application/octet-stream", "ok", false}, {"text/csv", "ok", false},
		{"text/plain; charset=utf-16", "ok", false}, {"text/plain", "\xff\xfe4\x005\x00", false}, {"multipart/mixed; boundary=x", "x", false}, {";", "x", false},
	} {
		c, err := scrub(t, tt.media, tt.body)
		if (err == nil) != tt.ok || !tt.ok && (!errors.Is(err, forward.ErrAnswerType) || c.Body != nil || c.Status != 200) {
			t.Errorf("%s %q: %+v, %v", tt.media, tt.body, c.Status, err)
		}
	}
	a := forward.AnswerOf(endpoint(t, destination()), 200, http.Header{"Content-Type": {typeJSON}, "Content-Encoding": {"gzip"}}, []byte("{}"))
	if _, err := forward.Scrub(a, secrets(t)); !errors.Is(err, forward.ErrAnswerType) {
		t.Error(err)
	}
}

func TestScrubbedHeaders(t *testing.T) {
	d := destination()
	d.AnswerHeaders = []string{"x-request-id", "X-Echo"}
	h := http.Header{"X-Request-Id": {"r1"}, "X-Echo": {"n=4539578763621486&cvc=731"}, "Set-Cookie": {"a=b"}, "X-Other": {"1"}, "Location": {"http://x"}}
	c, err := forward.Scrub(forward.AnswerOf(endpoint(t, d), 302, h, nil), secrets(t))
	if err != nil || len(c.Header) != 2 || c.Header.Get("X-Request-Id") != "r1" || c.Header.Get("X-Echo") != "n="+masked+"&cvc=***" {
		t.Errorf("got %v, %v", c.Header, err)
	}
}

func TestHits(t *testing.T) {
	c, err := scrub(t, typeJSON, `{"a":"4539578763621486","b":"378282246310005","cvv":"1","m":"453957******1486","e":"`+base64.StdEncoding.EncodeToString([]byte(number))+`"}`)
	if err != nil || c.Hits.Number == 0 || c.Hits.Other != 1 || c.Hits.Code != 1 || c.Hits.FirstDigits == 0 || c.Hits.Encoded == 0 {
		t.Errorf("got %+v, %v", c.Hits, err)
	}
	if c, err = scrub(t, typeJSON, `{"a":1}`); err != nil || c.Hits != (forward.Hits{}) {
		t.Errorf("got %+v, %v", c.Hits, err)
	}
}

func TestOutcome(t *testing.T) {
	rules := func(d *forward.Destination) {
		d.Outcome = forward.OutcomeRules{Path: "result.status", Approved: []string{"ok", "true", "0"}, Declined: []string{"declined"},
			Code: "errors.0.code", Message: "errors.0.text", Auth: "result.auth", Reference: "result.id"}
	}
	for _, tt := range []struct {
		name, body string
		want       forward.Outcome
	}{
		{"approved", `{"result":{"status":"ok","auth":"A1","id":378282246310005}}`, forward.Outcome{Verdict: forward.Approved, Auth: "A1", Reference: "378282246310005"}},
		{"boolean", `{"result":{"status":true}}`, forward.Outcome{Verdict: forward.Approved}},
		{"number", `{"result":{"status":0}}`, forward.Outcome{Verdict: forward.Approved}},
		{"declined", `{"result":{"status":"declined"},"errors":[{"code":51,"text":"no funds on 4539578763621486\n"}]}`, forward.Outcome{Verdict: forward.Declined, Code: "51", Message: "no funds on " + masked + " "}},
		{"pending", `{"result":{"status":"pending"}}`, forward.Outcome{}},
		{"missing", `{"result":{}}`, forward.Outcome{}},
		{"an object", `{"result":{"status":{}}}`, forward.Outcome{}},
		{"a list", `[1]`, forward.Outcome{}},
		{"long", `{"result":{"id":"` + strings.Repeat("é", 200) + `"}}`, forward.Outcome{Reference: strings.Repeat("é", 127)}},
	} {
		c, err := scrub(t, typeJSON, tt.body, rules)
		if got := forward.ReadOutcome(c); err != nil || got != tt.want {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	c, err := scrub(t, "text/plain", "ok", rules)
	if got := forward.ReadOutcome(c); err != nil || got != (forward.Outcome{}) {
		t.Errorf("a text: got %+v, %v", got, err)
	}
}

// The best known test number repeats its last four digits.
func TestScrubPeriodicNumber(t *testing.T) {
	const in = `{"card":{"number":"4242424242424242","last4":"4242","first6":"424242"},"echo":"4242 4242 4242 4242","old":["4242424242424242","424242******4242"]}`
	const want = `{"card":{"number":"************4242","last4":"4242","first6":"******"},"echo":"************4242","old":["************4242","************4242"]}`
	a := forward.AnswerOf(endpoint(t, destination()), 200, http.Header{"Content-Type": {typeJSON}}, []byte(in))
	c, err := forward.Scrub(a, forward.Secrets{Number: pan(t, "4242424242424242")})
	if err != nil || string(c.Body) != want {
		t.Errorf("got %s, %v", c.Body, err)
	}
}

func TestScrubWithoutSecrets(t *testing.T) {
	a := forward.AnswerOf(endpoint(t, destination()), 200, http.Header{"Content-Type": {typeJSON}}, []byte(`{"n":4539578763621486.0,"m":"378282246310005","bin":"453957","cvv":"1"}`))
	c, err := forward.Scrub(a, forward.Secrets{})
	if want := `{"n":4539578763621486.0,"m":"************0005","bin":"453957"}`; err != nil || string(c.Body) != want {
		t.Errorf("got %s, %v", c.Body, err)
	}
}

func BenchmarkScrub(b *testing.B) {
	var list []string
	for i := range 10000 {
		list = append(list, fmt.Sprintf(`{"id":"chrg_%d","amount":%d,"name":"Jane \u00e9 Doe","url":"https://x.example/a%%20b"}`, i, i*100))
	}
	plain := "[" + strings.Join(list, ",") + "]"
	for _, bb := range []struct{ name, media, body string }{
		{"JSON", typeJSON, plain}, {"small", typeJSON, list[0]},
		{"1KB", typeJSON, "[" + strings.Join(list[1000:1010], ",") + "]"}, {"1MB", typeJSON, "[" + strings.Join(list, ",") + `,"` + strings.Repeat("x y ", 35000) + `"]`},
		{"base64", "text/plain", base64.StdEncoding.EncodeToString([]byte(plain))},
		{"nested", "text/plain", base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(plain[:500000]))))},
		{"digits", "text/plain", strings.Repeat("1 2 3 ", 170000)}, {"percents", "text/plain", strings.Repeat("%25", 300000)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := scrub(b, bb.media, bb.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A writing that only the second search can read is refused.
func TestLeak(t *testing.T) {
	body := each(number, func(c byte) string { return string(rune(c) - '1' + '⑴') })
	for _, b := range []struct{ media, body string }{{typeJSON, `{"n":"` + body + `"}`}, {"text/plain", body}, {typeXML, "<a>" + body + "</a>"}} {
		c, err := scrub(t, b.media, b.body)
		if !errors.Is(err, forward.ErrLeak) || c.Body != nil || c.Status != 200 {
			t.Errorf("%s: got %q, %v", b.media, c.Body, err)
		}
	}
}
