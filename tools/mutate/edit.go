package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// negate inverts a boolean.
func (c *collector) negate(e ast.Expr) {
	c.replace(e, "!("+c.text(e)+")", quote(c.text(e))+" negated")
}

// negateIn is negate for a boolean that needs its surroundings to be known by.
func (c *collector) negateIn(e ast.Expr, around string) {
	c.replace(e, "!("+c.text(e)+")", quote(c.text(e))+" negated in "+quote(around))
}

func (c *collector) replace(n ast.Node, instead, what string) {
	c.change(n.Pos(), n.End(), instead, what)
}

// change adds a mutant, unless there is one that reads the same. The second of
// one name in a function is told from the first by its number.
func (c *collector) change(from, to token.Pos, instead, what string) {
	m := &mutant{src: c.src, file: c.file, line: c.src.fset.Position(from).Line, in: c.in, within: c.within}
	m.from, m.to, m.instead = c.offset(from), c.offset(to), instead
	if c.made[m.text()] {
		return
	}
	c.made[m.text()] = true
	c.seen[c.in+what]++
	if n := c.seen[c.in+what]; n > 1 {
		what = fmt.Sprintf("%s (%d)", what, n)
	}
	m.what = what
	c.out = append(c.out, m)
}

func (c *collector) text(n ast.Node) string { return c.between(n.Pos(), n.End()) }

func (c *collector) between(from, to token.Pos) string {
	return c.file.text[c.offset(from):c.offset(to)]
}

func (c *collector) offset(p token.Pos) int { return c.src.fset.Position(p).Offset }

// pastComma returns the place behind the comma that follows an element, if one
// does.
func (c *collector) pastComma(end token.Pos) token.Pos {
	if strings.HasPrefix(c.file.text[c.offset(end):], ",") {
		return end + 1
	}
	return end
}
