package forward

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// pattern is a parsed template whose every interpolation is escaped for where
// it stands. It is immutable: executing it makes a copy of its own.
type pattern struct {
	kind   kind
	source *template.Template
	sample *shape // of Fields, as the template uses them
}

// newPattern parses, checks and rewrites a template. The error is for people
// who write templates and quotes only what they wrote.
func newPattern(text string, k kind) (*pattern, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(blanks()).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("define, block and template are not among the actions")
	}
	p := &pattern{kind: k, source: t, sample: &shape{}}
	c := checker{kind: k, root: p.sample}
	if t.Tree != nil && t.Root != nil {
		c.list(t.Root, scope{root: true}, map[string]scope{"$": {root: true}})
	}
	if c.err != nil {
		return nil, c.err
	}
	return p, nil
}

// execute runs the template into a limited output. The error is ErrTemplate; its
// reason holds words of the template at most.
func (p *pattern) execute(w words, limit int) (*output, error) {
	t, err := p.source.Clone()
	if err != nil {
		return nil, unrendered("the template cannot be copied")
	}
	out := &output{kind: p.kind, left: limit}
	t.Funcs(out.functions())
	if err := t.Execute(out, w); err != nil {
		clear(out.text)
		return nil, renderError(err)
	}
	if p.kind == kindXML && out.where != inText {
		return nil, unrendered("the XML ends inside markup")
	}
	return out, nil
}

// renderError keeps of an error of text/template what cannot hold a value.
func renderError(err error) error {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	if _, rest, ok := strings.Cut(err.Error(), `map has no entry for key "`); ok {
		if key, _, ok := strings.Cut(rest, `"`); ok && len(key) <= 64 {
			return unrendered("the field " + key + " is missing") // a name from the template
		}
	}
	return unrendered("a value is missing or has a type that the template cannot use")
}

// try executes the template with made-up values, with and without a security
// code, and checks what comes out.
func (p *pattern) try(check func([]byte) error, limit int) error {
	for _, code := range []marker{"", "123"} {
		w := words{
			Number: "4000000000000002", SecurityCode: code, HasSecurityCode: code != "",
			Month: 1, Month2: "01", Year: 2030, Year2: "30", Name: "Jane Doe", Last4: "0002", Brand: "Visa",
			Street1: "1 Road", Street2: "Flat 2", City: "City", State: "State", PostalCode: "10110",
			Country: "th", Phone: "+66 2 123 4567", Email: "jane@example.com", Reference: "fwd_test_1",
			Fields: p.sample.fields(),
		}
		t, err := p.source.Clone()
		if err != nil {
			return err
		}
		out := &output{kind: p.kind, left: limit}
		if err := t.Funcs(out.functions()).Execute(out, w); err != nil {
			return fmt.Errorf("with made-up values: %s", strings.TrimPrefix(err.Error(), "template: "))
		}
		if err := check(out.text); err != nil {
			return fmt.Errorf("with made-up values: %s", Reason(err))
		}
	}
	return nil
}

// scope is what the dot, or a variable, stands for: the vocabulary, or a part of
// the merchant's fields.
type scope struct {
	root bool
	at   *shape // nil when it is not known
}

// checker walks a template once: it refuses what is not allowed, appends an
// escaper to what is printed and a limit to what is ranged over, and notes
// which fields are used.
type checker struct {
	kind   kind
	root   *shape
	ranges int
	err    error
}

func (c *checker) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// call makes a pipeline's command of a function's name.
func call(name string) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Args: []parse.Node{parse.NewIdentifier(name)}}
}
