package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// answer is what came back.
type answer struct {
	method string
	status int
	header http.Header
	raw    string
}

// object decodes the body; numbers stay as written.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(a.raw))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatalf("status %d, body is not a JSON object: %v\n%s", a.status, err, a.raw)
	}
	if dec.More() {
		t.Fatalf("more than one value: %s", a.raw)
	}
	return out
}

// text is a string field of the body, "" if it has none.
func (a answer) text(name string) string {
	var out map[string]any
	_ = json.Unmarshal([]byte(a.raw), &out)
	s, _ := out[name].(string)
	return s
}

// want fails the test unless the answer has this status, code and message.
func (a answer) want(t testing.TB, status int, code, message string) {
	t.Helper()
	if a.status != status || a.text("code") != code || a.text("message") != message {
		t.Errorf("got  %d %s %q\nwant %d %s %q", a.status, a.text("code"), a.text("message"), status, code, message)
	}
}

// check holds for every answer of the wire (contract 0, 2 and 5.6).
func (a answer) check(t testing.TB) {
	t.Helper()
	a.checkHeaders(t)
	if a.status == http.StatusNoContent || a.method == http.MethodHead {
		if a.raw != "" {
			t.Errorf("status %d to %s has a body: %q", a.status, a.method, a.raw)
		}
		return
	}
	body := a.object(t)
	switch kind, _ := body["object"].(string); {
	case kind == "":
		t.Errorf("body has no object: %s", a.raw)
	case (kind == "error") != (a.status != http.StatusOK):
		t.Errorf("status %d and object %q disagree", a.status, kind)
	case kind == "error":
		checkError(t, body)
	}
}

func (a answer) checkHeaders(t testing.TB) {
	t.Helper()
	if a.status != http.StatusOK && a.status != http.StatusNoContent && (a.status < 400 || a.status > 599) {
		t.Errorf("status %d: success is exactly 200, and nothing redirects", a.status)
	}
	want := map[string]string{
		"Cache-Control": "no-cache, no-store", "X-Content-Type-Options": "nosniff",
		"Content-Type": "application/json; charset=utf-8", "Omise-Version": "",
		"Content-Encoding": "", "Location": "",
	}
	switch a.status {
	case http.StatusOK:
		want["Omise-Version"] = "2019-05-29"
	case http.StatusNoContent:
		want["Content-Type"] = ""
	}
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("status %d: header %s is %q, want %q", a.status, name, got, value)
		}
	}
	if id, err := uuid.Parse(a.header.Get("X-Request-Id")); err != nil || id.Version() != 4 {
		t.Errorf("X-Request-Id %q is no random UUID", a.header.Get("X-Request-Id"))
	}
}

// checkError: exactly four keys, all strings, and a location that follows from
// the code.
func checkError(t testing.TB, body map[string]any) {
	t.Helper()
	var keys []string
	for key, value := range body {
		keys = append(keys, key)
		if s, ok := value.(string); !ok || s == "" {
			t.Errorf("error has %s %v, want a string", key, value)
		}
	}
	slices.Sort(keys)
	if want := []string{"code", "location", "message", "object"}; !slices.Equal(keys, want) {
		t.Errorf("error has keys %v, want %v", keys, want)
	}
	code, _ := body["code"].(string)
	if want := "https://www.omise.co/api-errors#" + strings.ReplaceAll(code, "_", "-"); body["location"] != want {
		t.Errorf("location is %v, want %s", body["location"], want)
	}
}
