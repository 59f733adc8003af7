package audit_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/panvault/panvault/vault/audit"
)

// declaredTypes reads the constants of type Type out of types.go.
func declaredTypes(t *testing.T) (types []audit.Type) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "types.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec)
			if name, ok := value.Type.(*ast.Ident); !ok || name.Name != "Type" {
				t.Errorf("constant %s has another type, so it is not in the catalogue", value.Names[0].Name)
				continue
			}
			text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, audit.Type(text))
			if !strings.Contains(value.Comment.Text(), "10.2.1.") {
				t.Errorf("%s names no requirement of PCI DSS 10.2.1", text)
			}
		}
	}
	return types
}

func TestTypes(t *testing.T) {
	want := declaredTypes(t)
	slices.Sort(want)
	if got := audit.Types(); !slices.Equal(got, want) {
		t.Errorf("Types() = %v, want the constants of types.go, sorted: %v", got, want)
	}
	if got := slices.Compact(slices.Clone(want)); len(got) != len(want) {
		t.Errorf("a type stands twice: %v", want)
	}
	for _, typ := range want {
		if !typ.Known() {
			t.Errorf("%s is not known", typ)
		}
		if len(typ) > 64 || strings.Trim(string(typ), "abcdefghijklmnopqrstuvwxyz.") != "" || strings.Count(string(typ), ".") != 1 {
			t.Errorf("%s is not of the form noun.verb", typ)
		}
	}
	for _, typ := range []audit.Type{"", "token", "token.create ", "Token.create"} {
		if typ.Known() {
			t.Errorf("%q is known", typ)
		}
	}
}

func TestTypesIsACopy(t *testing.T) {
	audit.Types()[0] = "changed"
	if audit.Types()[0] == "changed" {
		t.Error("a caller can change the catalogue")
	}
}
