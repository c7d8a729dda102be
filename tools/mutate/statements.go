package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// statement mutates what is done, where guards are about whether it is.
func (c *collector) statement(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ForStmt:
		// A loop without its step does not end, which says nothing about tests.
		c.spared[n.Post] = true
	case *ast.RangeStmt:
		c.change(n.Body.Lbrace, n.Body.Lbrace+1, "{ break;", "loop over "+quote(c.text(n.X))+" left at once")
	case *ast.AssignStmt:
		c.assignment(n)
	case *ast.IncDecStmt, *ast.ExprStmt:
		c.leaveUndone(n)
	case *ast.BranchStmt:
		turned := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]
		if turned != "" && n.Label == nil {
			c.replace(n, turned, quote(n.Tok.String())+" made "+turned)
		}
	case *ast.BinaryExpr:
		c.arithmetic(n)
	case *ast.CompositeLit:
		c.fields(n)
	case *ast.BasicLit:
		if n.Kind == token.STRING && len(n.Value) > len(`""`) {
			c.replace(n, `""`, quote(n.Value)+" emptied")
		}
	}
	return true
}

// assignment deletes one; where it is of several things, each is another one to
// forget.
func (c *collector) assignment(n *ast.AssignStmt) {
	switch {
	case n.Tok == token.DEFINE:
	case len(n.Lhs) > 1 && len(n.Rhs) == len(n.Lhs):
		for i := range n.Lhs {
			c.replace(n.Lhs[i], "*mutantNew("+c.text(n.Lhs[i])+")", fmt.Sprintf("%s of %s deleted", quote(c.text(n.Lhs[i])), quote(c.text(n))))
		}
	default:
		c.leaveUndone(n)
	}
}

// leaveUndone deletes a statement. What it read counts as used all the same, so
// that the rest compiles.
func (c *collector) leaveUndone(n ast.Node) {
	if !c.spared[n] {
		c.replace(n, "_ = func() { "+c.text(n)+" }", quote(c.text(n))+" deleted")
	}
}

// arithmetic turns the signs of numbers.
func (c *collector) arithmetic(n *ast.BinaryExpr) {
	turned, ok := map[token.Token]token.Token{
		token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL,
	}[n.Op]
	if ok && c.is(n, types.IsNumeric) {
		c.turn(n, turned)
	}
}

// fields leaves fields of a struct unset.
func (c *collector) fields(lit *ast.CompositeLit) {
	t := c.src.info.TypeOf(lit)
	if t == nil {
		return
	}
	if _, ok := t.Underlying().(*types.Struct); !ok {
		return
	}
	for _, e := range lit.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok || slices.Contains([]string{"true", "false", `""`, "nil"}, c.text(pair.Value)) {
			continue
		}
		what := quote(c.text(pair)) + " left unset"
		if c.src.info.Types[pair.Value].Value != nil {
			c.change(pair.Pos(), c.pastComma(pair.End()), "", what)
		} else {
			c.change(pair.Value.Pos(), pair.Value.End(), "*mutantNew("+c.text(pair.Value)+")", what)
		}
	}
}

// is reports whether an expression is of a basic type, and of such a kind.
func (c *collector) is(e ast.Expr, kind types.BasicInfo) bool {
	t := c.src.info.TypeOf(e)
	if t == nil {
		return false
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&kind != 0
}
