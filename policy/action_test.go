package policy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
)

// Actions has every constant of type Action, and no other.
func TestActions(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "policy.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var want []Action
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := value.Type.(*ast.Ident); ok && name.Name == "Action" {
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, Action(text))
		}
		return true
	})
	if got := Actions(); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("got %v, want the constants in their order: %v", got, want)
	}
}

// A policy may name every action.
func TestKnownActions(t *testing.T) {
	for _, a := range Actions() {
		e, err := New("test.cedar", []byte(`permit (principal, action == Action::`+strconv.Quote(string(a))+`, resource);`))
		if err != nil || !e.Allows(Principal{}, a, Resource{}) {
			t.Errorf("%s: %v", a, err)
		}
	}
}
