package forward

import (
	"maps"
	"text/template/parse"
)

// maxRanges is how many ranges may stand inside each other.
const maxRanges = 2

func (c *checker) list(l *parse.ListNode, dot scope, vars map[string]scope) {
	if l == nil {
		return
	}
	vars = maps.Clone(vars) // a variable lives until the end of its list
	for _, n := range l.Nodes {
		c.node(n, dot, vars)
	}
}

func (c *checker) node(n parse.Node, dot scope, vars map[string]scope) {
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	case *parse.ActionNode:
		v := c.pipe(n.Pipe, dot, vars, true)
		for _, d := range n.Pipe.Decl {
			vars[d.Ident[0]] = v
		}
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, call(escaperName))
		}
	case *parse.IfNode:
		vars = maps.Clone(vars)
		c.declare(n.Pipe, c.pipe(n.Pipe, dot, vars, false), vars)
		c.list(n.List, dot, vars)
		c.list(n.ElseList, dot, vars)
	case *parse.WithNode:
		vars = maps.Clone(vars)
		v := c.pipe(n.Pipe, dot, vars, false)
		c.declare(n.Pipe, v, vars)
		c.list(n.List, v, vars)
		c.list(n.ElseList, dot, vars)
	case *parse.RangeNode:
		c.rangeOver(n, dot, maps.Clone(vars))
	default:
		c.fail("%s is not among the actions", n)
	}
}

func (c *checker) declare(p *parse.PipeNode, v scope, vars map[string]scope) {
	for _, d := range p.Decl {
		vars[d.Ident[0]] = v
	}
}

// rangeOver allows a list or an object of the merchant's fields only: a number
// would count for ever.
func (c *checker) rangeOver(n *parse.RangeNode, dot scope, vars map[string]scope) {
	if c.ranges++; c.ranges > maxRanges {
		c.fail("more than %d ranges inside each other", maxRanges)
	}
	defer func() { c.ranges-- }()
	v := c.pipe(n.Pipe, dot, vars, false)
	if v.root || v.at == nil || len(n.Pipe.Cmds) != 1 {
		c.fail("range is for the merchant's fields only")
		return
	}
	item := scope{at: v.at.item()}
	switch decl := n.Pipe.Decl; len(decl) {
	case 1:
		vars[decl[0].Ident[0]] = item
	case 2:
		vars[decl[0].Ident[0]] = scope{}
		vars[decl[1].Ident[0]] = item
	}
	n.Pipe.Cmds = append(n.Pipe.Cmds, call(boundName))
	c.list(n.List, item, vars)
	c.list(n.ElseList, dot, vars)
}

// pipe checks a pipeline and returns what it stands for, if that is known.
// Secrets may be printed, alone, and nothing else.
func (c *checker) pipe(p *parse.PipeNode, dot scope, vars map[string]scope, printed bool) scope {
	if p == nil {
		return scope{}
	}
	if p.IsAssign {
		c.fail("assigning to a variable is not possible; declare another")
	}
	alone := len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1
	var v scope
	for _, cmd := range p.Cmds {
		for i, arg := range cmd.Args {
			v = c.argument(arg, i, dot, vars, alone && printed && len(p.Decl) == 0)
		}
	}
	if !alone {
		return scope{}
	}
	return v
}

func (c *checker) argument(n parse.Node, at int, dot scope, vars map[string]scope, mayPrint bool) scope {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return c.chain(dot, n.Ident, mayPrint)
	case *parse.VariableNode:
		return c.chain(vars[n.Ident[0]], n.Ident[1:], mayPrint)
	case *parse.IdentifierNode:
		if !isFunction(n.Ident) {
			c.fail("%s is not among the functions", n.Ident)
		} else if n.Ident == "json" && c.kind != kindJSON {
			c.fail("the function json is for JSON bodies")
		}
	case *parse.PipeNode:
		return c.pipe(n, dot, vars, false)
	case *parse.ChainNode:
		c.fail("%s: a field of a result is not possible", n)
	case *parse.StringNode, *parse.NumberNode, *parse.BoolNode:
	case *parse.NilNode:
		c.fail("nil is no value")
	default:
		c.fail("%s is not possible here", n)
	}
	return scope{}
}

// chain follows names from a scope.
func (c *checker) chain(from scope, names []string, mayPrint bool) scope {
	if from.root && len(names) > 0 {
		word := names[0]
		if !isWord(word) {
			c.fail("%s is not among the names", word)
			return scope{}
		}
		if word == "Number" || word == "SecurityCode" {
			c.secret(word, len(names) == 1 && mayPrint)
			return scope{}
		}
		if word != "Fields" {
			if len(names) > 1 {
				c.fail("%s has no fields", word)
			}
			return scope{}
		}
		from, names = scope{at: c.root}, names[1:]
	}
	for _, name := range names {
		if from.at == nil {
			return scope{}
		}
		from.at = from.at.field(name)
	}
	return from
}

func (c *checker) secret(word string, ok bool) {
	switch {
	case c.kind == kindPath || c.kind == kindHeader:
		c.fail("%s may stand in the body only", word)
	case !ok:
		c.fail("%s may be written as {{.%s}} only: no function, condition or variable may take it", word, word)
	}
}
