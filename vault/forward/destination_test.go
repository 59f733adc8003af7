package forward_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/forward"
)

func TestURL(t *testing.T) {
	for _, tt := range []struct {
		url string
		ok  bool
	}{
		{"https://api.example.com", true},
		{"https://api.example.com:8443", true},
		{"https://xn--bcher-kva.example", true},
		{"https://8.8.8.8", true},
		{"https://[2606:4700::1]:443", true},
		{"https://127.0.0.1", false}, // only with allow_private
		{"", false},
		{"api.example.com", false},
		{"ftp://api.example.com", false},
		{"HTTPS://api.example.com", false},
		{"http://api.example.com", false},
		{"https://", false},
		{"https://good@evil.example", false},
		{"https://user:hunter2@api.example.com", false},
		{"https://api.example.com/", false},
		{"https://api.example.com/path", false},
		{"https://api.example.com?q=1", false},
		{"https://api.example.com#f", false},
		{`https://api.example.com\@evil.example`, false},
		{"https://api.example.com.", false},
		{"https://API.example.com", false},
		{"https://api..example.com", false},
		{"https://bücher.example", false},
		{"https://api.example.com:", false},
		{"https://api.example.com:0", false},
		{"https://api.example.com:0443", false},
		{"https://api.example.com:65536", false},
		{"https://api.example.com:80:443", false},
		{"https://api.example.com:+443", false},
		{"https://api.example.com\r\nX: y", false},
		{"https://api.example.com\x00", false},
		{"https://%61pi.example.com", false},
		{"https://2130706433", false},
		{"https://0x7f.1", false},
		{"https://0x7f000001", false},
		{"https://0177.0.0.1", false},
		{"https://127.1", false},
		{"https://127.0.0.01", false},
		{"https://1.2.3.4.5", false},
		{"https://[::ffff:127.0.0.1]", false},
		{"https://[::ffff:7f00:1]", false},
		{"https://[0:0:0:0:0:0:0:1]", false},
		{"https://[2606:4700::A]", false},
		{"https://[fe80::1%25eth0]", false},
		{"https://[fe80::1%eth0]", false},
		{"https://::1", false},
		{"https://[127.0.0.1]", false},
	} {
		d := destination()
		d.URL = tt.url
		err := d.Validate()
		if got := err == nil; got != tt.ok {
			t.Errorf("%q: %v, want valid %v", tt.url, err, tt.ok)
		}
		if err != nil && (!errors.Is(err, forward.ErrInvalid) || !strings.Contains(err.Error(), "url: ")) {
			t.Errorf("%q: %v is not about the URL", tt.url, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes a password: %v", err)
		}
	}
}

func TestPlaintext(t *testing.T) {
	for _, tt := range []struct {
		url              string
		plain, allowPriv bool
		ok               bool
	}{
		{"http://127.0.0.1:80", true, true, true},
		{"http://localhost", true, true, true},
		{"http://10.1.2.3", true, true, true},
		{"http://[::1]", true, true, true},
		{"http://psp.internal", true, true, true},
		{"http://127.0.0.1", false, true, false},
		{"http://127.0.0.1", true, false, false},
		{"http://8.8.8.8", true, true, false},
		{"http://api.example.com", true, true, false},
		{"http://2130706433", true, true, false},
		{"http://0x7f.1", true, true, false},
		{"http://0177.0.0.1", true, true, false},
		{"http://[::ffff:127.0.0.1]", true, true, false},
		{"http://169.254.169.254", true, true, false},
	} {
		d := destination()
		d.URL, d.AllowPlaintext, d.AllowPrivate = tt.url, tt.plain, tt.allowPriv
		if err := d.Validate(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestValidate(t *testing.T) {
	const secret = "sk_live_hunter2"
	header := func(name, value string) func(*forward.Destination) {
		return func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: name, Value: []byte(value), Secret: true}}
		}
	}
	body := func(text string) func(*forward.Destination) {
		return func(d *forward.Destination) { d.Body = text }
	}
	path := func(text string) func(*forward.Destination) {
		return func(d *forward.Destination) { d.Path = text }
	}
	for _, tt := range []struct {
		name string
		set  func(*forward.Destination)
		want string // in the error, "" for none
	}{
		{"good", func(*forward.Destination) {}, ""},
		{"name", func(d *forward.Destination) { d.Name = "A b" }, "name: "},
		{"method", func(d *forward.Destination) { d.Method = "DELETE" }, "method: "},
		{"timeout", func(d *forward.Destination) { d.Timeout = 1 }, "timeout: "},
		{"sizes", func(d *forward.Destination) { d.MaxResponse = -1 }, "max_response: "},
		{"type", func(d *forward.Destination) { d.ContentType = "text/html" }, "content_type: "},
		{"charset", func(d *forward.Destination) { d.ContentType = "text/xml; charset=utf-16" }, "content_type: "},
		{"pin", func(d *forward.Destination) { d.Pins = []string{"abc"} }, "pins[0]: "},
		{"answer header", func(d *forward.Destination) { d.AnswerHeaders = []string{"Location"} }, "answer_headers[0]: "},
		{"header", header("Authorization", "Bearer "+secret), ""},
		{"header CRLF", header("X-Key", secret+"\r\nHost: evil"), "headers[0]: "},
		{"header NUL", header("X-Key", secret+"\x00"), "headers[0]: "},
		{"header name CRLF", header("X-Key\r\nHost", secret), "headers[0]: "},
		{"Host", header("host", secret), "headers[0]: "},
		{"Content-Length", header("Content-length", "1"), "headers[0]: "},
		{"Transfer-Encoding", header("Transfer-Encoding", "chunked"), "headers[0]: "},
		{"Proxy", header("Proxy-Authorization", secret), "headers[0]: "},
		{"Expect", header("Expect", "100-continue"), "headers[0]: "},
		{"templated header", func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: "Idempotency-Key", Value: []byte("{{.Reference}}")}}
		}, ""},
		{"number in a header", func(d *forward.Destination) {
			d.Headers = []forward.Header{{Name: "X", Value: []byte("{{.Number}}")}}
		}, "Number may stand in the body only"},
		{"path", path("/v1/{{.Fields.id}}/pay"), ""},
		{"number in the path", path("/v1/{{.Number}}"), "Number may stand in the body only"},
		{"relative path", path("v1"), "path: "},
		{"empty path", path(""), "path: "},
		{"dots", path("/v1/../admin"), "path: "},
		{"escaped dots", path("/v1/%2e%2e/admin"), "path: "},
		{"double slash", path("/v1//admin"), "path: "},
		{"query", path("/v1?x=1"), "path: "},
		{"fragment", path("/v1#x"), "path: "},
		{"CRLF in the path", path("/v1 HTTP/1.1\r\nHost: evil"), "path: "},
		{"path not ASCII", path("/é"), "path: "},
		{"unknown name", body(`{"n":"{{.Nubmer}}"}`), "Nubmer is not among the names"},
		{"unknown name in a branch", body(`{{if eq .Last4 "x"}}{{.First6}}{{end}}{}`), "First6 is not among the names"},
		{"unknown function", body(`{{printf "%s" .Name}}`), "printf is not among the functions"},
		{"html", body(`{"n":"{{.Name | html}}"}`), "html is not among the functions"},
		{"index", body(`{{index .Fields "x"}}`), "index is not among the functions"},
		{"slice of the number", body(`{"n":"{{slice .Number 0 6}}"}`), "slice is not among the functions"},
		{"upper of the number", body(`{"n":"{{upper .Number}}"}`), "Number may be written as"},
		{"number to a variable", body(`{{$n := .Number}}{"n":"{{$n}}"}`), "Number may be written as"},
		{"number as a condition", body(`{{if .Number}}{}{{end}}`), "Number may be written as"},
		{"with the code", body(`{{with .SecurityCode}}{"c":"{{.}}"}{{end}}`), "SecurityCode may be written as"},
		{"eq of the code", body(`{{if eq .SecurityCode "123"}}{}{{end}}`), "SecurityCode may be written as"},
		{"number in a subexpression", body(`{"n":"{{default (upper .Number) .Name}}"}`), "Number may be written as"},
		{"the escaper", body(`{"n":"{{_escape .Name}}"}`), "_escape is not among the functions"},
		{"define", body(`{{define "x"}}{{end}}{}`), "define"},
		{"template", body(`{{template "template" .}}`), "not among the actions"},
		{"range over a number", body(`{{range 1000000000}}{{end}}{}`), "range is for"},
		{"range over names", body(`{{range .Name}}{{end}}{}`), "range is for"},
		{"three ranges", body(`{{range .Fields.a}}{{range .b}}{{range .c}}{{end}}{{end}}{{end}}{}`), "ranges inside"},
		{"assignment", body(`{{$x := 1}}{{$x = 2}}{}`), "assigning"},
		{"text outside quotes", body(`{"n":{{.Name}}}`), "outside quotes"},
		{"json inside quotes", body(`{"n":"{{json .Fields.x}}"}`), "inside a string"},
		{"not JSON", body(`{"n":"{{.Name}}"`), "not JSON"},
		{"range and branches", body(`{"i":[{{range $i, $e := .Fields.items}}{{if $i}},{{end}}{"q":{{number .qty}},"n":"{{$e.name}}"}{{end}}],"x":{{json .Fields.meta}},"r":"{{$.Reference}}"}`), ""},
		{"optional", body(`{"c":"{{default "THB" (get .Fields "currency")}}"}`), ""},
		{"comparison of types", body(`{{if eq .Month "01"}}{}{{end}}`), "incompatible types"},
		{"syntax", body(`{{if}}`), "body: "},
		{"outcome", func(d *forward.Destination) { d.Outcome.Path = "a..b" }, "outcome: "},
	} {
		d := destination()
		tt.set(&d)
		err := d.Validate()
		switch {
		case (err == nil) != (tt.want == ""):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		case err != nil && !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error quotes a secret: %v", tt.name, err)
		}
	}
}

func TestValidateReportsEverything(t *testing.T) {
	err := forward.Destination{Timeout: 1, MaxRequest: -1}.Validate()
	for _, want := range []string{"name: ", "url: ", "method: ", "path: ", "content_type: ", "timeout: ", "max_request: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s too", err, want)
		}
	}
}

func TestNothingPrints(t *testing.T) {
	d := destination()
	d.Headers = []forward.Header{{Name: "Authorization", Value: []byte("hunter2"), Secret: true}}
	e := endpoint(t, d)
	r, err := e.Render(values(t, ""), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Wipe()
	type box struct{ v any }
	for _, v := range []any{d, d.Headers[0], e, *e, r, *r, values(t, "")} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			got := fmt.Sprintf(format, v)
			switch v.(type) {
			case *forward.Endpoint, forward.Endpoint, *forward.Request, forward.Request:
				got += fmt.Sprintf(format, box{v}) // fmt calls no methods there
			}
			for _, secret := range []string{"hunter2", "68756e74657232", number, code + "\"", "Jane", "104 117 110"} {
				if strings.Contains(got, secret) {
					t.Errorf("%T with %s shows %q", v, format, secret)
				}
			}
		}
	}
}
