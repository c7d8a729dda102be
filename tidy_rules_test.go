package rollmend_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// importEdges: a package imports what its line of the table lists, and every
// package has a line.
func importEdges(tr *tree) (out []problem) {
	for _, p := range tr.packages {
		allowed, listed := allowedImports(p.dir)
		for _, f := range p.files {
			if !listed {
				out = append(out, tr.at(f.Name, "package %s is not in the table of import edges: give it a line", p.dir))
				break
			}
			for _, spec := range f.Imports {
				target, ours := strings.CutPrefix(importPath(spec), module+"/")
				if ours && !slices.Contains(allowed, target) && !slices.Contains(allowed, "*") {
					out = append(out, tr.at(spec, "%s must not import %s", p.dir, target))
				}
			}
		}
	}
	return out
}

// standardLibrary: the pure half imports a short list of packages.
func standardLibrary(tr *tree) (out []problem) {
	for f := range tr.pure() {
		for _, spec := range f.Imports {
			p := importPath(spec)
			if !strings.HasPrefix(p, module+"/") && !slices.Contains(pureStandardLibrary, p) {
				out = append(out, tr.at(spec, "the pure half must not import %s", p))
			}
		}
	}
	return out
}

// noClock: nothing in the pure half asks what time it is, or waits.
func noClock(tr *tree) (out []problem) {
	banned := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	for f, p := range tr.pure() {
		for id := range each[*ast.Ident](f) {
			if fn, ok := p.info.Uses[id].(*types.Func); ok && fn.Pkg() != nil && fn.Pkg().Path() == "time" &&
				fn.Signature().Recv() == nil && slices.Contains(banned, fn.Name()) {
				out = append(out, tr.at(id, "time.%s in the pure half: times come in as values", fn.Name()))
			}
		}
	}
	return out
}

// noGoroutines: the pure half starts none.
func noGoroutines(tr *tree) (out []problem) {
	for f := range tr.pure() {
		for s := range each[*ast.GoStmt](f) {
			out = append(out, tr.at(s, "a goroutine in the pure half"))
		}
	}
	return out
}

// noWrittenGlobals: variables of packages of the pure half are made once. The
// address of one may be taken into a local variable that is only read through;
// handing it on counts as writing.
func noWrittenGlobals(tr *tree) (out []problem) {
	for f, p := range tr.pure() {
		local, taken := p.pointersToGlobals(f)
		for n := range each[ast.Node](f) {
			if taken[n] {
				continue
			}
			for _, e := range written(p, n) {
				v := p.root(e)
				// To set a pointer anew is not to write through it.
				if _, bare := e.(*ast.Ident); v != nil && local[v] != nil && !bare {
					v = local[v]
				}
				if isGlobal(v) {
					out = append(out, tr.at(n, "the global %s is written to", v.Name()))
				}
			}
		}
	}
	return out
}

// pointersToGlobals returns the local variables that point at a global, and the
// expressions that made them do so.
func (p *pkg) pointersToGlobals(f *ast.File) (local map[*types.Var]*types.Var, taken map[ast.Node]bool) {
	local, taken = map[*types.Var]*types.Var{}, map[ast.Node]bool{}
	for a := range each[*ast.AssignStmt](f) {
		for i, e := range a.Rhs {
			address, ok := e.(*ast.UnaryExpr)
			if !ok || address.Op != token.AND || len(a.Lhs) != len(a.Rhs) {
				continue
			}
			id, ok := a.Lhs[i].(*ast.Ident)
			if v := p.root(address.X); ok && isGlobal(v) {
				if pointer, ok := p.info.ObjectOf(id).(*types.Var); ok && !isGlobal(pointer) {
					local[pointer], taken[address] = v, true
				}
			}
		}
	}
	return local, taken
}

// written returns the expressions that a node writes to, or hands to somebody
// who may.
func written(p *pkg, n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		return []ast.Expr{n.Key, n.Value}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if fn, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"delete", "clear", "copy"}, fn.Name) {
			return []ast.Expr{&ast.StarExpr{X: n.Args[0]}}
		}
	case *ast.SelectorExpr:
		// A method with a pointer receiver takes the address in silence.
		if s := p.info.Selections[n]; s != nil && s.Kind() == types.MethodVal && isPointer(s.Obj().(*types.Func).Signature().Recv().Type()) {
			return []ast.Expr{&ast.StarExpr{X: n.X}}
		}
	}
	return nil
}

func isPointer(t types.Type) bool { _, ok := t.Underlying().(*types.Pointer); return ok }

func isGlobal(v *types.Var) bool { return v != nil && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() }

// root returns the variable that an expression is, or is part of.
func (p *pkg) root(e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v, ok := p.info.Uses[x.Sel].(*types.Var); ok && !v.IsField() {
				return v // of another package
			}
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.Ident:
			v, _ := p.info.ObjectOf(x).(*types.Var)
			return v
		default:
			return nil
		}
	}
}

// noMapOrder: nothing in the pure half depends on the order of a map. Keys that
// are sorted at once do not.
func noMapOrder(tr *tree) (out []problem) {
	for f, p := range tr.pure() {
		sorted := map[ast.Expr]bool{}
		for call := range each[*ast.CallExpr](f) {
			if name := p.called(call); strings.HasPrefix(name, "slices.Sorted") {
				sorted[call.Args[0]] = true
			} else if slices.Contains([]string{"maps.Keys", "maps.Values", "maps.All"}, name) && !sorted[call] {
				out = append(out, tr.at(call, "%s without slices.Sorted around it: a map's order would reach the result", name))
			}
		}
		for r := range each[*ast.RangeStmt](f) {
			if _, ok := p.info.TypeOf(r.X).Underlying().(*types.Map); ok {
				out = append(out, tr.at(r, "a range over a map: its order would reach the result"))
			}
		}
	}
	return out
}

// called returns a called function of another package, as in "maps.Keys".
func (p *pkg) called(call *ast.CallExpr) string {
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		if fn, ok := p.info.Uses[sel.Sel].(*types.Func); ok && fn.Pkg() != nil {
			return fn.Pkg().Name() + "." + fn.Name()
		}
	}
	return ""
}

// closuresByIs: closures are compared by their method Is, since two unknown
// ones are not the same closure.
func closuresByIs(tr *tree) (out []problem) {
	for _, p := range tr.packages {
		for _, f := range p.files {
			if tr.name(f) == "states/names.go" {
				continue
			}
			closure := func(e ast.Expr) bool {
				t := p.info.TypeOf(e)
				return t != nil && t.String() == module+"/states.Closure"
			}
			for e := range each[*ast.BinaryExpr](f) {
				if (e.Op == token.EQL || e.Op == token.NEQ) && (closure(e.X) || closure(e.Y)) {
					out = append(out, tr.at(e, "closures compared with %s: use Is or Known", e.Op))
				}
			}
			for s := range each[*ast.SwitchStmt](f) {
				if s.Tag != nil && closure(s.Tag) {
					out = append(out, tr.at(s, "a switch over a closure: use Is or Known"))
				}
			}
		}
	}
	return out
}

// documented: every package says what it is, and every exported name what it
// means. Methods that an interface of the standard library explains need not.
func documented(tr *tree) (out []problem) {
	for _, p := range tr.packages {
		if len(p.files) > 0 && !slices.ContainsFunc(p.files, func(f *ast.File) bool { return f.Doc != nil }) {
			out = append(out, tr.at(p.files[0].Name, "package %s has no comment", p.dir))
		}
		for _, f := range p.files {
			if f.Name.Name == "main" {
				continue
			}
			for _, d := range f.Decls {
				for _, id := range undocumented(d) {
					out = append(out, tr.at(id, "%s has no comment", id.Name))
				}
			}
		}
	}
	return out
}

func undocumented(d ast.Decl) (out []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		explained := d.Recv != nil && (d.Name.Name == "Error" || d.Name.Name == "Unwrap" || !exportedReceiver(d))
		if d.Name.IsExported() && d.Doc == nil && !explained {
			out = append(out, d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					out = append(out, s.Name)
				}
			case *ast.ValueSpec:
				for _, id := range s.Names {
					if id.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						out = append(out, id)
					}
				}
			}
		}
	}
	return out
}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	for id := range each[*ast.Ident](t) {
		return id.IsExported()
	}
	return false
}

// sizes: files and functions fit on a screen or a few. Tests are lists more
// often than thoughts, so only their files count.
func sizes(tr *tree) (out []problem) {
	for _, p := range tr.packages {
		fileLines, funcLines := maxFileLines, maxFuncLines
		if slices.Contains(pureHalf, p.dir) {
			fileLines, funcLines = maxPureFileLines, maxPureFuncLines
		}
		for i, f := range p.all() {
			isTest := i >= len(p.files)
			limit := fileLines
			if isTest {
				limit = maxFileLines
			}
			if n := tr.lines(f); n > limit && !ast.IsGenerated(f) {
				out = append(out, problem{file: tr.name(f), text: fmt.Sprintf("%d lines, want at most %d", n, limit)})
			}
			for d := range each[*ast.FuncDecl](f) {
				if n := tr.lines(d); n > funcLines && !isTest {
					out = append(out, tr.at(d, "%s has %d lines, want at most %d", d.Name.Name, n, funcLines))
				}
			}
		}
	}
	return out
}

func (tr *tree) lines(n ast.Node) int {
	from, to := n.Pos(), n.End()
	if f, ok := n.(*ast.File); ok {
		from, to = f.FileStart, f.FileEnd
	}
	return tr.fset.Position(to).Line - tr.fset.Position(from).Line + 1
}

// scenariosOpened: a text in a testdata folder is read by a test beside it.
func scenariosOpened(tr *tree) (out []problem) {
	_ = fs.WalkDir(tr.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && skipped(entry.Name()) && entry.Name() != "testdata" {
			return fs.SkipDir
		}
		dir, inside, ok := strings.Cut(path.Clean("./"+name), "testdata/")
		if !ok || path.Ext(name) != ".txt" || strings.Contains(inside, "/testdata/") {
			return nil
		}
		if !tr.mentionsTestdata(path.Clean(dir)) {
			out = append(out, problem{file: name, text: "no test beside its testdata folder opens it"})
		}
		return nil
	})
	return out
}

func (tr *tree) mentionsTestdata(dir string) bool {
	tests, _ := fs.Glob(tr.files, path.Join(dir, "*_test.go"))
	return slices.ContainsFunc(tests, func(name string) bool {
		src, _ := fs.ReadFile(tr.files, name)
		return strings.Contains(string(src), "scenario.Run") || strings.Contains(string(src), `"testdata`)
	})
}

// pure yields the files of the pure half, without its tests.
func (tr *tree) pure() func(yield func(*ast.File, *pkg) bool) {
	return func(yield func(*ast.File, *pkg) bool) {
		for _, p := range tr.packages {
			if !slices.Contains(pureHalf, p.dir) {
				continue
			}
			for _, f := range p.files {
				if !yield(f, p) {
					return
				}
			}
		}
	}
}

// each yields the nodes of one sort below a node, outer before inner.
func each[N ast.Node](root ast.Node) func(yield func(N) bool) {
	return func(yield func(N) bool) {
		for n := range ast.Preorder(root) {
			if n, ok := n.(N); ok && !yield(n) {
				return
			}
		}
	}
}

func importPath(spec *ast.ImportSpec) string {
	p, _ := strconv.Unquote(spec.Path.Value)
	return p
}
