package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// collector gathers the mutants of one file.
type collector struct {
	src  *source
	file *file
	in   string // where it is now: a function or a table

	within ast.Node // the same

	whole  map[ast.Expr]bool // conditions and values that were met from above
	spared map[ast.Node]bool // what is not to be changed
	seen   map[string]int    // how often a name was given, so that each is unlike the others
	made   map[string]bool   // changes of text that there are already
	out    []*mutant
}

// mutants returns every mutant of a package, in the order of its files.
func mutants(s *source) []*mutant {
	var out []*mutant
	for _, f := range s.files {
		c := &collector{
			src: s, file: f,
			whole: map[ast.Expr]bool{}, spared: map[ast.Node]bool{}, seen: map[string]int{}, made: map[string]bool{},
		}
		for _, d := range f.tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				c.in, c.within = nameOf(d), d
				ast.Inspect(d, c.visit)
				ast.Inspect(d, c.statement)
			case *ast.GenDecl:
				c.tables(d)
			}
		}
		out = append(out, c.out...)
	}
	for i, m := range out {
		m.id = i + 1
	}
	return out
}

// nameOf returns a function's name, with its receiver's type where it has one.
func nameOf(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	return fmt.Sprint(receiver) + "." + d.Name.Name
}

func (c *collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		c.condition(n.Cond)
		c.fallThrough(n.Body.List, n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			c.condition(n.Cond)
		}
	case *ast.SwitchStmt:
		c.cases(n.Body, n.Tag == nil)
	case *ast.TypeSwitchStmt:
		c.cases(n.Body, false)
	case *ast.ReturnStmt:
		c.values(n.Results)
	case *ast.AssignStmt:
		c.values(n.Rhs)
	case *ast.ValueSpec:
		c.values(n.Values)
	case *ast.CallExpr:
		c.values(n.Args)
		c.clamp(n)
	case *ast.CompositeLit:
		c.elements(n)
	case *ast.BinaryExpr:
		c.operators(n)
	}
	return true
}

// condition mutates what decides over a branch. Forcing it to false deletes the
// guarded body, and to true its else.
func (c *collector) condition(e ast.Expr) {
	c.whole[ast.Unparen(e)] = true
	c.negate(e)
	// The operands stay, so that nothing becomes unused and ceases to compile.
	c.replace(e, "("+c.text(e)+" || true)", quote(c.text(e))+" forced true")
	forced := c.text(e)
	if or, ok := e.(*ast.BinaryExpr); ok && or.Op == token.LOR {
		forced = "(" + forced + ")" // && binds more tightly
	}
	c.replace(e, "("+forced+" && false)", quote(c.text(e))+" forced false")
}

// cases mutates a switch: the conditions of one without a tag, the values of
// one with a tag, the body of each.
func (c *collector) cases(body *ast.BlockStmt, conditions bool) {
	for _, s := range body.List {
		clause := s.(*ast.CaseClause)
		label := "default"
		if len(clause.List) > 0 {
			label = "case " + c.between(clause.List[0].Pos(), clause.List[len(clause.List)-1].End())
		}
		for i, e := range clause.List {
			switch {
			case conditions:
				c.condition(e)
			case len(clause.List) > 1:
				from, to := e.Pos(), e.End()
				if i > 0 {
					from = clause.List[i-1].End()
				} else {
					to = clause.List[1].Pos()
				}
				c.change(from, to, "", quote(c.text(e))+" deleted from "+quote(label))
			}
		}
		if !conditions || clause.List == nil {
			c.change(clause.Pos(), clause.End(), "", quote(label)+" deleted")
		}
		if len(clause.Body) > 0 {
			c.change(clause.Colon+1, clause.End(), "", "body of "+quote(label)+" removed")
		}
	}
}

// fallThrough takes the way out from the end of a guarded body that does more
// than to leave.
func (c *collector) fallThrough(body []ast.Stmt, cond ast.Expr) {
	if len(body) < 2 {
		return
	}
	switch last := body[len(body)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		c.change(last.Pos(), last.End(), "", quote(c.text(last))+" removed after "+quote(c.text(cond)))
	}
}

// values negates booleans that are returned, kept or handed on.
func (c *collector) values(list []ast.Expr) {
	for _, e := range list {
		if c.boolean(e) {
			c.whole[ast.Unparen(e)] = true
			c.negate(e)
		}
	}
}

func (c *collector) elements(lit *ast.CompositeLit) {
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		c.values([]ast.Expr{e})
	}
}

// operators drops operands of && and ||, and turns comparisons.
func (c *collector) operators(n *ast.BinaryExpr) {
	switch n.Op {
	case token.LAND, token.LOR:
		neutral := map[token.Token]string{token.LAND: " || true)", token.LOR: " && false)"}[n.Op]
		for _, operand := range []ast.Expr{n.X, n.Y} {
			if inner, ok := operand.(*ast.BinaryExpr); ok && inner.Op == n.Op {
				continue // its own operands are dropped one by one
			}
			c.replace(operand, "("+c.text(operand)+neutral, quote(c.text(operand))+" dropped from "+quote(c.text(n)))
		}
	case token.EQL, token.NEQ:
		if !c.whole[n] {
			c.turn(n, map[token.Token]token.Token{token.EQL: token.NEQ, token.NEQ: token.EQL}[n.Op])
		}
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		c.turn(n, map[token.Token]token.Token{
			token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
		}[n.Op])
	}
}

func (c *collector) turn(n *ast.BinaryExpr, op token.Token) {
	c.change(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), op.String(),
		fmt.Sprintf("%s made %s in %s", n.Op, op, quote(c.text(n))))
}

// clamp takes each side of a min or max away.
func (c *collector) clamp(call *ast.CallExpr) {
	fn, ok := call.Fun.(*ast.Ident)
	if !ok || len(call.Args) != 2 || !slices.Contains([]string{"min", "max"}, fn.Name) {
		return
	}
	for i, arg := range call.Args {
		c.replace(call, "mutantFirst("+c.text(call.Args[1-i])+", "+c.text(arg)+")", quote(c.text(arg))+" dropped from "+quote(c.text(call)))
	}
}

// tables deletes the rows of tables of the package, and inverts what they say.
func (c *collector) tables(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || d.Tok != token.VAR {
			continue
		}
		c.in = v.Names[0].Name
		for _, value := range v.Values {
			c.within = value
			ast.Inspect(value, c.row)
		}
	}
}

func (c *collector) row(n ast.Node) bool {
	lit, ok := n.(*ast.CompositeLit)
	if !ok {
		return true
	}
	if _, ok := lit.Type.(*ast.ArrayType); ok {
		for _, e := range lit.Elts {
			_, keyed := e.(*ast.KeyValueExpr)
			_, nested := e.(*ast.CompositeLit)
			if keyed || nested {
				// An empty element would shift nothing, but not every type has one.
				c.change(e.Pos(), c.pastComma(e.End()), "", "row "+quote(c.text(e))+" deleted")
			}
		}
	}
	for _, e := range lit.Elts {
		if c.boolean(e) {
			c.negateIn(e, c.text(lit))
		}
	}
	return true
}

func (c *collector) boolean(e ast.Expr) bool { return c.is(e, types.IsBoolean) }
