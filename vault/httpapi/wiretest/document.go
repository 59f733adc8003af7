package wiretest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/panvault/panvault/vault/httpapi"
)

// document is the OpenAPI document with all of its schemas compiled. It is
// never changed.
type document struct {
	operations []operation
	other      operation // answers every route that does not exist
}

// operation is one method of one path.
type operation struct {
	method       string
	path         []string // segments; {name} stands for any
	tags         []string
	parameters   []parameter
	request      map[string]*jsonschema.Schema // by media type
	bodyRequired bool
	responses    map[int]response
}

type parameter struct {
	name, in string
	required bool
	blank    bool // "" stands for the default
	schema   *jsonschema.Schema
}

type response struct {
	headers map[string]header
	content map[string]*jsonschema.Schema // by media type; none for no body
}

type header struct {
	required bool
	schema   *jsonschema.Schema
}

// load parses the document once for all tests of a process.
var load = sync.OnceValues(func() (*document, error) { return parse(httpapi.OpenAPI()) })

// documentURL names the document among schemas; nothing is fetched from it.
const documentURL = "https://panvault.invalid/openapi.json"

// parse compiles a document.
func parse(text []byte) (*document, error) {
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	// JSON types are what schemas are made of.
	plain, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	root, err := decodeJSON(plain)
	if err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource(documentURL, root); err != nil {
		return nil, fmt.Errorf("wiretest: %w", err)
	}
	p := &parser{root: root, compiler: c}
	doc := p.document()
	if p.err != nil {
		return nil, fmt.Errorf("wiretest: %w", p.err)
	}
	return doc, nil
}

// operation finds what answers a request. ok is false if no route does.
func (d *document) operation(e Exchange) (op operation, ok bool) {
	path, ok := e.path()
	if !ok {
		return d.other, false
	}
	method := e.Method
	if method == http.MethodHead { // answered as GET is
		method = http.MethodGet
	}
	for _, op := range d.operations {
		served := len(e.Tags) == 0 || slices.ContainsFunc(op.tags, func(tag string) bool { return slices.Contains(e.Tags, tag) })
		if served && op.method == method && fits(op.path, path) {
			return op, true
		}
	}
	return d.other, false
}

func fits(pattern, path []string) bool {
	if len(pattern) != len(path) {
		return false
	}
	for i, segment := range pattern {
		if segment != path[i] && (!strings.HasPrefix(segment, "{") || path[i] == "") {
			return false
		}
	}
	return true
}

// path is the segments that routes are found by. ok is false if none can be:
// the target is no URL, or not in its plain form but for one slash at the end.
func (e Exchange) path() (segments []string, ok bool) {
	u, err := url.ParseRequestURI(e.Target)
	if err != nil || e.Method == http.MethodConnect || !strings.HasPrefix(u.Path, "/") {
		return nil, false
	}
	path := u.EscapedPath()
	if plain, slash := strings.CutSuffix(u.Path, "/"); slash && plain != "" {
		path = (&url.URL{Path: plain}).EscapedPath()
		u.Path = plain
	}
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/.") {
		return nil, false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, false
		}
		segments = append(segments, plain)
	}
	return segments, true
}

func (e Exchange) query() (url.Values, error) {
	u, err := url.ParseRequestURI(e.Target)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(u.RawQuery)
}

// parser reads the document's tree. After the first error it yields nothing
// that may be used.
type parser struct {
	root     any
	compiler *jsonschema.Compiler
	err      error
}

// node is a place in the tree.
type node struct {
	pointer string // JSON pointer
	value   any
}

func (p *parser) document() *document {
	root := node{"", p.root}
	doc := &document{other: operation{responses: p.responses(p.get(p.get(root, "x-other-routes"), "responses"))}}
	for path, item := range p.each(p.get(root, "paths")) {
		shared := p.parameters(p.get(item, "parameters"))
		for name, n := range p.each(item) {
			method := strings.ToUpper(name)
			if !slices.Contains([]string{"GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}, method) {
				continue // servers, parameters
			}
			op := operation{
				method: method, path: strings.Split(path[1:], "/"),
				parameters: append(slices.Clone(shared), p.parameters(p.get(n, "parameters"))...),
				responses:  p.responses(p.get(n, "responses")),
			}
			for _, tag := range items(p.get(n, "tags")) {
				op.tags = append(op.tags, fmt.Sprint(tag))
			}
			body := p.get(n, "requestBody")
			op.request, op.bodyRequired = p.content(body), isTrue(p.get(body, "required"))
			doc.operations = append(doc.operations, op)
		}
	}
	if len(doc.operations) == 0 || len(doc.other.responses) == 0 {
		p.fail(errors.New("the document has no paths, or no x-other-routes"))
	}
	return doc
}

// parameters skips those of the path, which any text fits that was routed.
func (p *parser) parameters(list node) []parameter {
	var out []parameter
	for i := range items(list) {
		n := p.get(list, strconv.Itoa(i))
		in := text(p.get(n, "in"))
		if in == "path" {
			continue
		}
		out = append(out, parameter{
			name: text(p.get(n, "name")), in: in, required: isTrue(p.get(n, "required")),
			blank: isTrue(p.get(n, "allowEmptyValue")), schema: p.schema(n),
		})
	}
	return out
}

func (p *parser) responses(n node) map[int]response {
	out := make(map[int]response)
	for code, r := range p.each(n) {
		status, err := strconv.Atoi(code)
		if err != nil {
			p.fail(fmt.Errorf("%s: a status must be a number here", r.pointer))
			continue
		}
		headers := make(map[string]header)
		for name, h := range p.each(p.get(r, "headers")) {
			headers[http.CanonicalHeaderKey(name)] = header{isTrue(p.get(h, "required")), p.schema(h)}
		}
		out[status] = response{headers, p.content(r)}
	}
	return out
}

func (p *parser) content(n node) map[string]*jsonschema.Schema {
	out := make(map[string]*jsonschema.Schema)
	for media, m := range p.each(p.get(n, "content")) {
		out[media] = p.schema(m)
	}
	return out
}

// schema compiles what stands under the key schema.
func (p *parser) schema(n node) *jsonschema.Schema {
	pointer := n.pointer + "/schema"
	schema, err := p.compiler.Compile(documentURL + "#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	if err != nil {
		p.fail(fmt.Errorf("%s: %w", pointer, err))
	}
	return schema
}

// get is the child of that name, or what it refers to; the zero node if there
// is none.
func (p *parser) get(n node, name string) node {
	child, ok := member(n.value, name)
	if !ok {
		return node{}
	}
	out := node{n.pointer + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), child}
	reference, ok := member(child, "$ref")
	if !ok {
		return out
	}
	target := node{"", p.root}
	path, local := strings.CutPrefix(fmt.Sprint(reference), "#/")
	for part := range strings.SplitSeq(path, "/") {
		target = p.get(target, part)
	}
	if !local || target.value == nil {
		p.fail(fmt.Errorf("%s: %v leads nowhere", out.pointer, reference))
	}
	return target
}

// each is the children by name.
func (p *parser) each(n node) map[string]node {
	out := make(map[string]node)
	object, _ := n.value.(map[string]any)
	for name := range object {
		out[name] = p.get(n, name)
	}
	return out
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func member(value any, name string) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		child, ok := v[name]
		return child, ok
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

func items(n node) []any {
	out, _ := n.value.([]any)
	return out
}

func text(n node) string {
	s, _ := n.value.(string)
	return s
}

func isTrue(n node) bool { return n.value == true }
