package wiretest

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/vault/httpapi"
)

// exampleTree is the document's tree, for its examples.
type exampleTree struct{ *parser }

func documentTree(t testing.TB) exampleTree {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(httpapi.OpenAPI(), &tree); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	root, err := decodeJSON(plain)
	if err != nil {
		t.Fatal(err)
	}
	return exampleTree{&parser{root: root}}
}

// example is that of an operation's answer in JSON, nil if it has none.
func (p exampleTree) example(op operation, status int) any {
	n := node{"", p.root}
	for _, name := range []string{
		"paths", "/" + strings.Join(op.path, "/"), strings.ToLower(op.method), "responses", strconv.Itoa(status), "content", mediaJSON, "example",
	} {
		n = p.get(n, name)
	}
	return n.value
}

// A document that cannot be held to is refused as a whole.
func TestParseRefuses(t *testing.T) {
	const operation = "paths: {/a: {get: {responses: {'200': {content: {application/json: {schema: {}}}}}}}}\n"
	const other = "x-other-routes: {responses: {'404': {description: none}}}\n"
	if _, err := parse([]byte(operation + other)); err != nil {
		t.Fatalf("a small document: %v", err)
	}
	for name, tt := range map[string]struct{ document, want string }{
		"no YAML":         {"{", "wiretest: yaml"},
		"no paths":        {other, "no paths"},
		"no other routes": {operation, "no x-other-routes"},
		"lost reference":  {strings.Replace(operation, "{content:", "{$ref: '#/components/x', content:", 1) + other, "leads nowhere"},
		"lost schema":     {strings.Replace(operation, "schema: {}", "schema: {$ref: '#/components/x'}", 1) + other, "components/x"},
		"no schema":       {strings.Replace(operation, "schema: {}", "example: 1", 1) + other, "schema"},
		"no such type":    {strings.Replace(operation, "schema: {}", "schema: {type: text}", 1) + other, "type"},
		"no such pattern": {strings.Replace(operation, "schema: {}", "schema: {pattern: '('}", 1) + other, "pattern"},
		"a status range":  {strings.Replace(operation, "'200'", "2XX", 1) + other, "a status must be a number"},
	} {
		if _, err := parse([]byte(tt.document)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, tt.want)
		}
	}
}
