package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client is one library: its raw requests are testdata/clients/NAME-create.http
// and NAME-get.http, and decode does with an answer what the library does.
type client struct {
	name   string
	decode func(answer) error
}

var clients = []client{
	{"curl", byObject},
	{"go", goToken},
	{"node", byObject},
	{"python", byObject},
	{"ruby", byObject},
	{"php", byObject},
	{"java", javaToken},
	{"dotnet", dotnetToken},
	{"elixir", byStatus},
	{"ios", iosToken},
	{"android", androidToken},
}

// TestClients sends every library's recorded bytes and reads the answers as
// that library would: success as success, refusal as refusal.
func TestClients(t *testing.T) {
	w := newWire(t, config{})
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			made := exchange(t, dial(t, w.addr), w.recorded(t, c.name+"-create"), "POST")
			made.check(t)
			checkToken(t, made, false)
			if err := c.decode(made); err != nil {
				t.Errorf("the client cannot read a new token: %v\n%s", err, made.raw)
			}
			read := exchange(t, dial(t, w.addr), w.recorded(t, c.name+"-get", "{{id}}", made.text("id")), "GET")
			read.check(t)
			if read.raw != made.raw {
				t.Errorf("created and read differ:\n%s%s", made.raw, read.raw)
			}
			if err := c.decode(read); err != nil {
				t.Errorf("the client cannot read a token: %v\n%s", err, read.raw)
			}
			absent := exchange(t, dial(t, w.addr), w.recorded(t, c.name+"-get", "{{id}}", "tokn_test_absent"), "GET")
			absent.check(t)
			absent.want(t, http.StatusNotFound, "not_found", "token tokn_test_absent was not found")
			if c.decode(absent) == nil {
				t.Errorf("the client takes an error for a token: %s", absent.raw)
			}
		})
	}
}

// Every file under testdata/clients belongs to a client of the table, and is
// what such a client would send.
func TestRecordedRequests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "clients", "*.http"))
	want := 2*len(clients) + len(serverActions)*len(serverClients) + len(chargeRequests)
	if err != nil || len(files) != want {
		t.Fatalf("%d recorded requests, want %d (%v)", len(files), want, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(raw, []byte("{{key")) && !bytes.Contains(raw, []byte("{{secret:}}")) || !bytes.Contains(raw, []byte("{{host}}")) ||
			bytes.Contains(raw, []byte("\r")) {
			t.Errorf("%s lacks a placeholder or has carriage returns", file)
		}
		head, body, ok := strings.Cut(string(raw), "\n\n")
		length := fmt.Sprintf("\nContent-Length: %d\n", len(body))
		if !ok || strings.Contains(head, "Content-Length") && !strings.Contains(head+"\n", length) {
			t.Errorf("%s: the length does not fit", file)
		}
	}
}

// recorded reads a raw request and fills in keys, the host and the given pairs;
// lines of the head end in a line feed there, so that the file can be read and
// compared.
func (w *wire) recorded(t testing.TB, name string, pairs ...string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "clients", name+".http"))
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer(append(pairs, "{{host}}", w.addr, "Basic {{secret:}}", basic(w.secret+":"),
		"Basic {{key}}", basic(w.public), "Basic {{key:}}", basic(w.public+":"), "Basic {{key:x}}", basic(w.public+":x"))...).Replace(string(raw))
	head, body, _ := strings.Cut(filled, "\n\n")
	return []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

// byObject is how Ruby, Python, PHP and Node tell an error: by the body alone.
func byObject(a answer) error {
	var body map[string]any
	if err := json.Unmarshal([]byte(a.raw), &body); err != nil {
		return err
	}
	switch body["object"] {
	case nil:
		return errors.New("bad response: no object")
	case "error":
		return fmt.Errorf("%v: %v", body["code"], body["message"])
	}
	return nil
}

// byStatus is how Go and Elixir tell one: by a status that is not exactly 200.
func byStatus(a answer) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("status %d", a.status)
	}
	var body map[string]any
	return json.Unmarshal([]byte(a.raw), &body)
}

func goToken(a answer) error {
	if err := byStatus(a); err != nil {
		return err
	}
	var token struct {
		Object   string
		ID       string
		Live     bool `json:"livemode"`
		Location *string
		Created  time.Time `json:"created_at"`
		Used     bool
		Card     *struct {
			Object, ID                      string
			Live                            bool `json:"livemode"`
			Created                         time.Time
			Country, City, Bank             string
			PostalCode                      string `json:"postal_code"`
			Financing, Fingerprint, Brand   string
			LastDigits                      string `json:"last_digits"`
			Name                            string
			ExpirationMonth, ExpirationYear int
			SecurityCodeCheck               bool `json:"security_code_check"`
		}
	}
	if err := json.Unmarshal([]byte(a.raw), &token); err != nil {
		return err
	}
	if token.Card == nil || token.ID == "" || token.Created.IsZero() {
		return errors.New("incomplete token")
	}
	return nil
}

// javaToken: an error is any status above 200.
func javaToken(a answer) error {
	if a.status > http.StatusOK {
		return fmt.Errorf("status %d", a.status)
	}
	return fields(a, map[string]string{"id": "s", "object": "s", "livemode": "b", "used": "b", "created_at": "s", "charge_status": "s"},
		map[string]string{"expiration_month": "n", "expiration_year": "n", "security_code_check": "b"})
}

// dotnetToken: enumerations must be known words, numbers whole.
func dotnetToken(a answer) error {
	if a.status < 200 || a.status > 299 {
		return fmt.Errorf("status %d", a.status)
	}
	if err := fields(a, map[string]string{"charge_status": "s", "used": "b", "created_at": "s"},
		map[string]string{"expiration_month": "n", "expiration_year": "n", "brand": "s", "created_at": "s"}); err != nil {
		return err
	}
	switch s := a.text("charge_status"); s {
	case "unknown", "failed", "expired", "pending", "reversed", "successful":
		return nil
	default:
		return fmt.Errorf("charge_status %q", s)
	}
}

// iosToken: these are not optional there; one null fails the whole token.
func iosToken(a answer) error {
	if a.status < 200 || a.status > 299 {
		return fmt.Errorf("status %d", a.status)
	}
	return fields(a, map[string]string{"object": "s", "id": "s", "livemode": "b", "location": "s", "used": "b", "charge_status": "s", "created_at": "s"},
		map[string]string{"object": "s", "id": "s", "livemode": "b", "deleted": "b", "name": "s", "brand": "s", "fingerprint": "s",
			"last_digits": "s", "expiration_month": "n", "expiration_year": "n", "security_code_check": "b", "created_at": "s",
			"country": "s", "financing": "s", "bank": "s"})
}

func androidToken(a answer) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("status %d", a.status)
	}
	return fields(a, map[string]string{"id": "s", "livemode": "b", "location": "s", "used": "b", "charge_status": "s", "created_at": "s"},
		map[string]string{"id": "s", "livemode": "b", "last_digits": "s", "brand": "s", "name": "s", "expiration_month": "n", "expiration_year": "n",
			"security_code_check": "b"})
}

// fields checks that fields are there and of a type: s, b or n (a whole number).
func fields(a answer, token, card map[string]string) error {
	body, err := a.decode()
	if err != nil {
		return err
	}
	if err := typed(body, token); err != nil {
		return err
	}
	inner, ok := body["card"].(map[string]any)
	if !ok {
		return errors.New("no card")
	}
	return typed(inner, card)
}
