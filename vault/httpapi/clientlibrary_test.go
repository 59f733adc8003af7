package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// library is how a client reads an answer: what it takes for an error, then
// what it needs of every object in it, as typed knows kinds.
type library struct {
	failed func(answer) error
	needs  map[string]map[string]string
	also   func(object map[string]any) error // what kinds cannot say; may be nil
}

var (
	curlLibrary = library{failed: byObject}
	nodeLibrary = library{failed: byObject} // it hands out what it parsed

	// pythonLibrary updates and deletes cards through their location, and stops
	// to ask for pages after a short one.
	pythonLibrary = library{failed: byObject, needs: map[string]map[string]string{
		"customer": {"id": "s", "deleted": "b"},
		"card":     {"id": "s", "location": "s", "deleted": "b"},
		"list":     {"data": "l", "total": "n", "limit": "n", "offset": "n"},
	}, also: lastIfShort}

	// rubyLibrary finds the objects of a list below the list's location, and
	// counts pages by dividing.
	rubyLibrary = library{failed: byObject, needs: map[string]map[string]string{
		"customer": {"id": "s", "location": "s", "deleted": "b", "cards": "o"},
		"card":     {"id": "s", "location": "s", "deleted": "b"},
		"list":     {"location": "s", "data": "l", "total": "n", "limit": "n", "offset": "n"},
	}, also: belowItsList}

	phpLibrary = library{failed: byObject, needs: map[string]map[string]string{
		"customer": {"id": "s", "deleted": "b", "cards": "o"},
		"card":     {"id": "s", "deleted": "b"},
		"list":     {"data": "l"},
	}}

	// javaLibrary has primitive numbers and booleans, times and enumerations.
	javaLibrary = library{failed: aboveOK, needs: map[string]map[string]string{
		"customer": {"id": "s", "livemode": "b", "deleted": "b", "created_at": "t", "location": "s", "metadata": "o", "cards": "o",
			"default_card": "s?", "email": "s?", "description": "s?"},
		"card": {"id": "s", "livemode": "b", "deleted": "b", "created_at": "t", "location": "s?", "expiration_month": "n", "expiration_year": "n",
			"security_code_check": "b", "name": "s?", "brand": "s?", "last_digits": "s?", "first_digits": "s?", "postal_code": "s?", "city": "s?"},
		"list": {"location": "s?", "data": "l", "total": "n", "limit": "n", "offset": "n", "from": "t", "to": "t", "order": "order?"},
	}}

	// dotnetLibrary has the same, and no order that could be null.
	dotnetLibrary = library{failed: notSuccess, needs: map[string]map[string]string{
		"customer": {"id": "s", "livemode": "b", "deleted": "b", "created_at": "t", "metadata": "o", "cards": "o"},
		"card": {"id": "s", "livemode": "b", "deleted": "b", "created_at": "t", "expiration_month": "n", "expiration_year": "n",
			"security_code_check": "b"},
		"list": {"data": "l", "total": "n", "limit": "n", "offset": "n", "from": "t", "to": "t", "order": "order"},
	}}

	elixirLibrary = library{failed: byStatus}
)

// read reads an answer that must be of one kind of object.
func (l library) read(a answer, object string) error {
	if err := l.failed(a); err != nil {
		return err
	}
	body, err := a.decode()
	if err != nil {
		return err
	}
	if body["object"] != object {
		return fmt.Errorf("%v is no %s", body["object"], object)
	}
	return l.walk(body)
}

// walk reads an object and the objects in it.
func (l library) walk(object map[string]any) error {
	kind, ok := object["object"].(string)
	if !ok {
		return errors.New("an object does not say what it is")
	}
	if err := typed(object, l.needs[kind]); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	if l.also != nil {
		if err := l.also(object); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	inner, _ := object["data"].([]any)
	inner = append(inner, object["cards"], object["linked_accounts"])
	for _, v := range inner {
		if child, ok := v.(map[string]any); ok {
			if err := l.walk(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// aboveOK is how Java tells an error.
func aboveOK(a answer) error {
	if a.status > http.StatusOK {
		return fmt.Errorf("status %d", a.status)
	}
	return nil
}

// notSuccess is how .NET tells one.
func notSuccess(a answer) error {
	if a.status < 200 || a.status > 299 {
		return fmt.Errorf("status %d", a.status)
	}
	return nil
}

func lastIfShort(object map[string]any) error {
	data, isList := object["data"].([]any)
	if n := len(data); isList && n < whole(object["limit"]) && n > 0 && whole(object["offset"])+n != whole(object["total"]) {
		return fmt.Errorf("%d of %v are here, and the client asks for no more", n, object["total"])
	}
	return nil
}

func belowItsList(object map[string]any) error {
	data, isList := object["data"].([]any)
	if isList && whole(object["limit"]) == 0 {
		return errors.New("the client divides by the limit")
	}
	for _, item := range data {
		item, _ := item.(map[string]any)
		if want := fmt.Sprint(object["location"], "/", item["id"]); item["location"] != want {
			return fmt.Errorf("an item is at %v, and the client asks for %s", item["location"], want)
		}
	}
	return nil
}

func whole(v any) int {
	number, _ := v.(json.Number)
	n, _ := number.Int64()
	return int(n)
}

// decode reads the body; numbers stay as written.
func (a answer) decode() (map[string]any, error) {
	dec := json.NewDecoder(strings.NewReader(a.raw))
	dec.UseNumber()
	var body map[string]any
	err := dec.Decode(&body)
	return body, err
}

// typed checks that fields are there and of a kind: s text, b a boolean, n a
// whole number, t a time, o an object, l an array, order a sort order. A kind
// with ? may be null.
func typed(body map[string]any, want map[string]string) error {
	for name, kind := range want {
		kind, nullable := strings.CutSuffix(kind, "?")
		if v := body[name]; !isKind(v, kind) && !(nullable && v == nil) {
			return fmt.Errorf("%s is %v", name, v)
		}
	}
	return nil
}

func isKind(v any, kind string) bool {
	switch v := v.(type) {
	case string:
		_, err := time.Parse(time.RFC3339, v)
		return kind == "s" || kind == "t" && err == nil || kind == "order" && (v == "chronological" || v == "reverse_chronological")
	case bool:
		return kind == "b"
	case json.Number:
		_, err := v.Int64()
		return kind == "n" && err == nil
	case map[string]any:
		return kind == "o"
	case []any:
		return kind == "l"
	}
	return false
}

// The structs that the Go library decodes into.
type (
	goBase struct {
		Object, ID string
		Live       bool `json:"livemode"`
		Location   *string
		Created    time.Time `json:"created_at"`
	}
	goCard struct {
		goBase
		Country, City, Bank, Financing, Brand, Fingerprint, Name string

		PostalCode        string     `json:"postal_code"`
		LastDigits        string     `json:"last_digits"`
		ExpirationMonth   time.Month `json:"expiration_month"`
		ExpirationYear    int        `json:"expiration_year"`
		SecurityCodeCheck bool       `json:"security_code_check"`
		Deleted           bool
	}
	goList[T any] struct {
		goBase
		From, To             time.Time
		Offset, Limit, Total int
		Order                string
		Data                 []T
	}
	goCustomer struct {
		goBase
		DefaultCard        string `json:"default_card"`
		Email, Description string
		Metadata           map[string]any
		Cards              *goList[goCard]
		Deleted            bool
	}
)

// goObject decodes as the Go library does: into structs, after exactly 200.
func goObject(a answer, object string) error {
	if err := byStatus(a); err != nil {
		return err
	}
	switch object {
	case "card":
		var card goCard
		if err := json.Unmarshal([]byte(a.raw), &card); err != nil {
			return err
		}
		return card.complete(object)
	case "customer":
		var customer goCustomer
		if err := json.Unmarshal([]byte(a.raw), &customer); err != nil {
			return err
		}
		if customer.Cards == nil || customer.Cards.Limit == 0 || customer.Metadata == nil {
			return errors.New("a customer without cards or metadata")
		}
		return customer.complete(object)
	}
	var list goList[json.RawMessage]
	if err := json.Unmarshal([]byte(a.raw), &list); err != nil {
		return err
	}
	if list.Object != "list" || list.Limit == 0 || list.From.IsZero() || list.To.IsZero() {
		return errors.New("an incomplete list")
	}
	for _, item := range list.Data {
		inner := answer{status: a.status, raw: string(item)}
		if err := goObject(inner, inner.text("object")); err != nil {
			return err
		}
	}
	return nil
}

func (b goBase) complete(object string) error {
	if b.Object != object || b.ID == "" || b.Created.IsZero() || b.Location == nil {
		return fmt.Errorf("an incomplete %s", object)
	}
	return nil
}

// TestLibrariesSeeWrongAnswers: each way of reading finds what would break that
// client. Otherwise the tests above would show nothing.
func TestLibrariesSeeWrongAnswers(t *testing.T) {
	w := newWire(t, config{})
	right := make(map[string]answer)
	right["customer"] = w.call(t, "POST", "/customers", `{"card":"`+w.token(t)+`"}`)
	var c wireCustomer
	right["customer"].ok(t, &c)
	right["list"] = w.call(t, "GET", c.Cards.Location, "")
	right["card"] = w.call(t, "GET", c.Cards.Location+"/"+c.Cards.Data[0].ID, "")
	readers := make(map[string]func(answer, string) error)
	for _, client := range serverClients {
		readers[client.name] = client.read
		for object, a := range right {
			if err := client.read(a, object); err != nil {
				t.Errorf("%s cannot read a right %s: %v", client.name, object, err)
			}
		}
	}
	tested := make(map[string]bool)
	for _, tt := range []struct {
		client, object string
		status         int
		old, new       string // "" for no change of the body
	}{
		{"curl", "card", 200, `"object":"card",`, ``},
		{"curl", "customer", 200, `"object":"customer"`, `"object":"error"`},
		{"node", "card", 200, `"object":"card"`, `"object":"error"`},
		{"node", "list", 200, `{"object"`, `<html>{"object"`},
		{"python", "list", 200, `"total":1`, `"total":2`},
		{"python", "list", 200, `"object":"card",`, ``},
		{"python", "card", 200, `"location":"/customers/` + c.ID + `/cards/` + c.Cards.Data[0].ID + `"`, `"location":null`},
		{"ruby", "list", 200, `"limit":20`, `"limit":0`},
		{"ruby", "list", 200, `"location":"/customers/` + c.ID + `/cards",`, ``},
		{"ruby", "list", 200, `"location":"/customers/` + c.ID + `/cards",`, `"location":"/cards",`},
		{"php", "customer", 200, `"object":"customer",`, ``},
		{"php", "list", 200, `"data":[`, `"rows":[`},
		{"go", "card", 201, ``, ``},
		{"go", "card", 200, `"expiration_month":10`, `"expiration_month":"10"`},
		{"go", "list", 200, `"limit":20`, `"limit":"20"`},
		{"go", "list", 200, `"from":"1970-01-01T`, `"from":"1970-01-01 `},
		{"go", "customer", 200, `"metadata":{}`, `"metadata":null`},
		{"java", "card", 201, ``, ``},
		{"java", "card", 200, `"expiration_year":2030`, `"expiration_year":2030.5`},
		{"java", "list", 200, `"order":"chronological"`, `"order":"sideways"`},
		{"java", "customer", 200, `"metadata":{}`, `"metadata":"{}"`},
		{"dotnet", "card", 404, ``, ``},
		{"dotnet", "list", 200, `"order":"chronological"`, `"order":null`},
		{"dotnet", "list", 200, `"total":1`, `"total":null`},
		{"elixir", "card", 201, ``, ``},
		{"elixir", "customer", 400, ``, ``},
	} {
		a := right[tt.object]
		if tt.old != "" && !strings.Contains(a.raw, tt.old) {
			t.Errorf("%s: no %s in %s", tt.client, tt.old, a.raw)
		}
		a.status, a.raw = tt.status, strings.Replace(a.raw, tt.old, tt.new, 1)
		if readers[tt.client](a, tt.object) == nil {
			t.Errorf("%s reads a %s with status %d and %s", tt.client, tt.object, tt.status, tt.new)
		}
		tested[tt.client] = true
	}
	if len(tested) != len(serverClients) {
		t.Errorf("%d of %d clients are tested", len(tested), len(serverClients))
	}
}
