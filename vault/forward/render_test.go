package forward_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/forward"
)

const (
	typeJSON = "application/json"
	typeForm = "application/x-www-form-urlencoded"
	typeXML  = "text/xml; charset=utf-8"
)

func TestMasked(t *testing.T) {
	const hostile = `{"x":"\",\"admin\":true,\"y\":\"","amp":"1&admin=1","tag":"</a><admin>1</admin>","n":"1,2","line":"a\r\nb",` +
		`"num":12.50,"flag":true,"null":null,"list":[1,"b"],"slash":"../../admin","t":"{{.Number}}"}`
	for _, tt := range []struct {
		name, media, body string
		want              string // of the body
		reason            string // else of the error
	}{
		{"JSON", typeJSON, chargeBody, `{"card":{"number":"************1486","exp":"03/31","cvv":"***","name":"Jane \"J\" \u003CDoe\u003E \u0026 Co"},"ref":"fwd_test_1"}`, ""},
		{"JSON injection", typeJSON, `{"n":"{{.Number}}","x":"{{.Fields.x}}"}`, `{"n":"************1486","x":"\",\"admin\":true,\"y\":\""}`, ""},
		{"JSON template in a value", typeJSON, `{"x":"{{.Fields.t}}"}`, `{"x":"{{.Number}}"}`, ""},
		{"JSON line", typeJSON, `{"x":"{{.Fields.line}}"}`, `{"x":"a\u000D\u000Ab"}`, ""},
		{"JSON bare", typeJSON, `{"a":{{.Fields.num}},"b":{{.Fields.flag}},"c":{{json .Fields.null}},"d":{{json .Fields.list}},"m":{{.Month}}}`, `{"a":12.50,"b":true,"c":null,"d":[1,"b"],"m":3}`, ""},
		{"JSON number", typeJSON, `{"x":{{number .Fields.n}}}`, "", "a value for number is none"},
		{"JSON function", typeJSON, `{"x":"{{.Fields.amp | upper}}"}`, `{"x":"1\u0026ADMIN=1"}`, ""},
		{"JSON key", typeJSON, `{"{{.Fields.x}}":1}`, `{"\",\"admin\":true,\"y\":\"":1}`, ""},
		{"missing", typeJSON, `{"x":"{{.Fields.zz}}"}`, "", "the field zz is missing"},
		{"missing, optional", typeJSON, `{"x":"{{default "d" (get .Fields "zz" "y")}}"}`, `{"x":"d"}`, ""},
		{"a list as text", typeJSON, `{"x":"{{.Fields.list}}"}`, "", "a value is neither text, number nor boolean"},
		{"range over a text", typeJSON, `{"x":[{{range .Fields.x}}1{{end}}]}`, "", "a value for range is no list"},
		{"form", typeForm, `number={{.Number}}&cvc={{.SecurityCode}}&name={{.Name}}`, `number=************1486&cvc=***&name=Jane%20%22J%22%20%3CDoe%3E%20%26%20Co`, ""},
		{"form injection", typeForm, `n={{.Number}}&x={{.Fields.amp}}&y={{.Fields.line}}`, `n=************1486&x=1%26admin%3D1&y=a%0D%0Ab`, ""},
		{"XML", typeXML, `<p a="{{.Name}}"><n>{{.Number}}</n></p>`, `<p a="Jane &#34;J&#34; &#60;Doe&#62; &#38; Co"><n>************1486</n></p>`, ""},
		{"XML injection", typeXML, `<p x='{{.Fields.x}}'>{{.Fields.tag}}</p>`, `<p x='&#34;,&#34;admin&#34;:true,&#34;y&#34;:&#34;'>&#60;/a&#62;&#60;admin&#62;1&#60;/admin&#62;</p>`, ""},
	} {
		d := destination()
		d.ContentType, d.Body = tt.media, tt.body
		r, err := endpoint(t, d).Render(values(t, hostile), rand.Reader)
		if tt.reason != "" {
			if got := forward.Reason(err); !errors.Is(err, forward.ErrTemplate) || got != tt.reason {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.reason)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := string(r.Masked()); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		r.Wipe()
	}
}

func TestXMLPlaces(t *testing.T) {
	for _, body := range []string{`<{{.Name}}/>`, `<a {{.Name}}="1"/>`, `<a b={{.Name}}/>`, `<!--{{.Name}}--><a/>`,
		`<a><![CDATA[{{.Name}}]]></a>`, `<?x {{.Name}}?><a/>`, `<!DOCTYPE a [<!ENTITY e "x">]><a>{{.Name}}</a>`, `<a>{{.Name}}</a><b/>`, `<a>`} {
		d := destination()
		d.ContentType, d.Body = typeXML, body
		if d.Validate() == nil {
			t.Errorf("%s is valid", body)
		}
	}
	d := destination()
	d.ContentType, d.Body = typeXML, `<?xml version="1.0"?><!-- a > b --><a b='>"'>{{.Name}}<!-- "x --><c d="{{.City}}"/></a>`
	if err := d.Validate(); err != nil {
		t.Error(err)
	}
}

func TestPathAndHeaderValues(t *testing.T) {
	for _, tt := range []struct {
		value string
		ok    bool
	}{{"abc", true}, {"a b", true}, {"a?b#c", true}, {"é", true}, {"a/b", false}, {`a\b`, false}, {"..", false}, {".", false},
		{"", false}, {"a\r\nHost: evil", false}, {"a\x00", false}, {"%2f", true}} {
		d := destination()
		d.Path = "/v1/{{.Fields.id}}/pay"
		_, err := endpoint(t, d).Render(withField(t, tt.value), rand.Reader)
		if (err == nil) != tt.ok {
			t.Errorf("path with %q: %v", tt.value, err)
		}
	}
	for _, tt := range []struct {
		value string
		ok    bool
	}{{"abc d", true}, {"a\r\nX: y", false}, {"a\nX", false}, {"a\x00", false}, {"é", false}} {
		d := destination()
		d.Headers = []forward.Header{{Name: "X-Id", Value: []byte("id {{.Fields.id}}")}}
		_, err := endpoint(t, d).Render(withField(t, tt.value), rand.Reader)
		if (err == nil) != tt.ok {
			t.Errorf("header with %q: %v", tt.value, err)
		}
	}
}

func withField(t *testing.T, value string) forward.Values {
	t.Helper()
	b, err := json.Marshal(map[string]string{"id": value})
	if err != nil {
		t.Fatal(err)
	}
	return values(t, string(b))
}

func TestRenderLimits(t *testing.T) {
	d := destination()
	d.MaxRequest = 200
	d.Body = `{"x":"{{.Fields.id}}"}`
	_, err := endpoint(t, d).Render(withField(t, strings.Repeat("a", 300)), rand.Reader)
	if forward.Reason(err) != "the result is too long" {
		t.Error(err)
	}
	d = destination()
	d.Body = `[{{range .Fields.l}}{{end}}1]`
	_, err = endpoint(t, d).Render(values(t, `{"l":[`+strings.Repeat("1,", 100)+`1]}`), rand.Reader)
	if forward.Reason(err) != "a list has too many items" {
		t.Error(err)
	}
	v := values(t, "")
	v.Fields = map[string]any{"f": struct{}{}}
	if _, err := endpoint(t, destination()).Render(v, rand.Reader); !errors.Is(err, forward.ErrTemplate) {
		t.Error(err)
	}
	if _, err := endpoint(t, destination()).Render(values(t, ""), strings.NewReader("")); err == nil {
		t.Error("rendered without random bytes")
	}
	v = values(t, "")
	v.Number.Wipe()
	if _, err := endpoint(t, destination()).Render(v, rand.Reader); forward.Reason(err) != "there is no card number" {
		t.Error(err)
	}
}
