package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/panvault/panvault"

// allowed is the import rule: the packages of this module that each package
// may import. "x/..." matches everything below x; a package matches itself.
var allowed = map[string][]string{
	"cmd/panvault":            {"..."},
	"cmd/panvault/clienttest": {},
	"cmd/panvault/processor":  {"vault/card"},
	"vault/vaulttest":         {"..."}, // builds the real service for tests
	"vault/httpapi":           {"vault", "vault/card", "vault/web", "vault/internal/...", "policy"},
	"vault/httpapi/wiretest":  {"vault/httpapi"},
	"vault":                   {"vault/card", "vault/envelope", "vault/audit", "vault/forward", "kms", "store", "policy"},
	"vault/audit":             {"store"},
	"vault/envelope":          {"kms"},
	"vault/card":              {},
	"vault/cardfile":          {"vault/card", "vault/internal/..."},
	"vault/forward":           {"vault/card", "vault/internal/..."},
	"vault/internal/inplace":  {},
	"policy":                  {},
	"kms":                     {},
	"kms/kmstest":             {"kms"},
	"kms/localkek":            {"kms"},
	"kms/transit":             {"kms"},
	"kms/transit/transittest": {"kms"},
	"store":                   {},
	"store/storetest":         {"store"},
	"store/sqlite":            {"store", "store/internal/..."},
	"store/internal/sqlstore": {"store"},
}

// source is one parsed Go file.
type source struct {
	path string // from the module's root, slashes
	pkg  string // folder
	test bool
	file *ast.File
	fset *token.FileSet
}

// sources parses every Go file of the module but those of nested modules.
func sources(t *testing.T) []source {
	t.Helper()
	root := moduleRoot(t)
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			nested := p != root && exists(filepath.Join(p, "go.mod"))
			if nested || d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "build" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{rel, path.Dir(rel), strings.HasSuffix(rel, "_test.go"), file, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d Go files; the walk is broken", len(out))
	}
	return out
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if !exists(filepath.Join(root, "go.mod")) {
		t.Fatal("the tests must run in the source tree")
	}
	return root
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		rule, known := allowed[s.pkg]
		if !known {
			t.Errorf("%s: package %s has no import rule; decide what it may import", s.path, s.pkg)
			continue
		}
		for _, imp := range s.file.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name == "github.com/hashicorp/vault/api" && s.pkg != "kms/transit" {
				t.Errorf("%s imports HashiCorp's client; only kms/transit may", s.path)
			}
			if name == module+"/vault/httpapi/wiretest" && !s.test {
				t.Errorf("%s imports %s, which is for tests only", s.path, name)
			}
			if strings.HasPrefix(name, "github.com/getkin/kin-openapi/") && !s.test {
				t.Errorf("%s imports %s, which is for tests only", s.path, name)
			}
			dep, ours := strings.CutPrefix(name, module+"/")
			if ours && !s.test && dep != s.pkg && !slices.ContainsFunc(rule, func(r string) bool { return covers(r, dep) }) {
				t.Errorf("%s imports %s; %s may import %v", s.path, dep, s.pkg, rule)
			}
		}
	}
}

func TestImportRuleHasNoDeadEntry(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range sources(t) {
		seen[s.pkg] = true
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("the import rule names %s, which does not exist", pkg)
		}
	}
}

func covers(rule, pkg string) bool {
	prefix, below := strings.CutSuffix(rule, "...")
	if below {
		return strings.HasPrefix(pkg, prefix)
	}
	return rule == pkg
}

func TestManners(t *testing.T) {
	const maxLines, maxMethods = 400, 5
	documented := make(map[string]bool)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		if s.file.Doc != nil {
			documented[s.pkg] = true
		} else if !documented[s.pkg] {
			documented[s.pkg] = false
		}
		if lines := s.fset.File(s.file.Pos()).LineCount(); lines > maxLines {
			t.Errorf("%s has %d lines; a file holds one noun, at most %d lines", s.path, lines, maxLines)
		}
		switch s.file.Name.Name {
		case "util", "utils", "common", "helpers", "types", "models", "http", "errors":
			t.Errorf("%s: package %s says nothing about what it is", s.path, s.file.Name.Name)
		}
		for _, decl := range s.file.Decls {
			checkDecl(t, s, decl, maxMethods)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Exit" && s.path != "cmd/panvault/main.go" {
				if id, ok := sel.X.(*ast.Ident); ok && id.Name == "os" {
					t.Errorf("%s calls os.Exit; only main.go may", s.path)
				}
			}
			return true
		})
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %s has no comment that says what it promises and what it must never do", pkg)
		}
	}
}

func checkDecl(t *testing.T, s source, decl ast.Decl, maxMethods int) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.Name == "init" && d.Recv == nil {
			t.Errorf("%s has an init function", s.path)
		}
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			t.Errorf("%s: %s has no comment", s.path, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
					t.Errorf("%s: type %s has no comment", s.path, spec.Name.Name)
				}
				if i, ok := spec.Type.(*ast.InterfaceType); ok && ownMethods(i) > maxMethods {
					t.Errorf("%s: interface %s has %d methods, more than %d", s.path, spec.Name.Name, ownMethods(i), maxMethods)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
						t.Errorf("%s: %s has no comment", s.path, name.Name)
					}
				}
			}
		}
	}
}

// ownMethods counts the methods an interface declares itself; embedded roles
// have their own limit.
func ownMethods(i *ast.InterfaceType) int {
	n := 0
	for _, m := range i.Methods.List {
		n += len(m.Names)
	}
	return n
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// TestTopLevel keeps the root of the repository as the design fixes it.
func TestTopLevel(t *testing.T) {
	want := []string{"LICENSE", "Makefile", "README.md", "SECURITY.md", "cmd", "deploy", "go.mod", "go.sum", "kms", "policy", "store", "vault"}
	entries, err := os.ReadDir(moduleRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "build" && e.Name() != "node_modules" {
			got = append(got, e.Name())
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("top level is\n  %v\nwant\n  %v", got, want)
	}
}
