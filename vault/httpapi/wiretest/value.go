package wiretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const mediaJSON = "application/json"

// decodeJSON reads exactly one value; numbers stay as they are written.
func decodeJSON(text []byte) (any, error) {
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// decodeForm reads a form with nested names: a[b] is the field b of a, k[] an
// item of k.
func decodeForm(text []byte) (any, error) {
	out := make(map[string]any)
	for pair := range strings.SplitSeq(string(text), "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		if err := put(out, fieldPath(name), value); err != nil {
			return nil, fmt.Errorf("form name %s: %w", name, err)
		}
	}
	return out, nil
}

// fieldPath is a, b, c for a[b][c].
func fieldPath(name string) []string {
	head, rest, nested := strings.Cut(name, "[")
	if !nested || head == "" || !strings.HasSuffix(rest, "]") {
		return []string{name}
	}
	return append([]string{head}, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
}

func put(object map[string]any, path []string, value string) error {
	name := path[0]
	switch {
	case len(path) == 1:
		if _, taken := object[name]; taken {
			return fmt.Errorf("%s is there twice", name)
		}
		object[name] = value
		return nil
	case len(path) == 2 && path[1] == "":
		items, ok := object[name].([]any)
		if !ok && object[name] != nil {
			return fmt.Errorf("%s is an array and something else", name)
		}
		object[name] = append(items, value)
		return nil
	}
	if object[name] == nil {
		object[name] = make(map[string]any)
	}
	inner, ok := object[name].(map[string]any)
	if !ok {
		return fmt.Errorf("%s is an object and something else", name)
	}
	return put(inner, path[1:], value)
}

// validateText validates what headers and queries can hold, which is text, also
// as the number or truth value that it spells.
func validateText(schema *jsonschema.Schema, text string) error {
	err := schema.Validate(text)
	if err == nil {
		return nil
	}
	var value any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil || decoder.More() {
		return err
	}
	switch value.(type) {
	case json.Number, bool:
		return schema.Validate(value)
	}
	return err
}
