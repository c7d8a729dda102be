package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// chosen is the name of what selects a mutant in a text that has many, and the
// variable of the environment that sets it.
const (
	chosen      = "mutantChosen"
	chosenInEnv = "MUTATE_CHOSEN"
)

// helpers is the file that a mutated package has beside its own: the selector,
// and what keeps the values used that a mutant makes nothing of, so that it
// compiles.
const helpers = `package %s

import (
	"os"
	"strconv"
)

var ` + chosen + `, _ = strconv.Atoi(os.Getenv("` + chosenInEnv + `"))

func mutantNew[T any](T) *T { return new(T) }

func mutantFirst[T any](first, _ T) T { return first }
`

// helpersName is the name of that file.
const helpersName = "zz_mutate_helpers.go"

func (s *source) helpers() string { return fmt.Sprintf(helpers, s.name) }

// combine returns the texts of a package in which each of the mutants sleeps,
// by path. To build one package once is what makes a thousand mutants cheap: a
// function becomes one that picks among its copies, and the value of a table
// one that is picked when the program starts.
func combine(s *source, mutants []*mutant) map[string]string {
	texts := map[string]string{s.pathOf(helpersName): s.helpers()}
	for _, f := range s.files {
		c := combiner{source: s, file: f, of: map[ast.Node][]*mutant{}}
		for _, m := range mutants {
			if m.file == f {
				c.of[m.within] = append(c.of[m.within], m)
			}
		}
		if len(c.of) > 0 {
			texts[f.path] = c.text()
		}
	}
	return texts
}

// combiner makes the text of one file.
type combiner struct {
	*source
	file *file
	of   map[ast.Node][]*mutant // by the function or value that they are in
}

func (c *combiner) text() string {
	nodes := make([]ast.Node, 0, len(c.of))
	for n := range c.of {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b ast.Node) int { return int(a.Pos() - b.Pos()) })
	var out strings.Builder
	done := 0
	for _, n := range nodes {
		from, to := c.span(n)
		out.WriteString(c.file.text[done:from])
		if d, ok := n.(*ast.FuncDecl); ok {
			c.function(&out, d)
		} else {
			c.value(&out, n.(ast.Expr))
		}
		done = to
	}
	out.WriteString(c.file.text[done:])
	return out.String()
}

// function writes a function that picks, the real one, and each mutant.
func (c *combiner) function(out *strings.Builder, d *ast.FuncDecl) {
	call, signature := c.signature(d)
	out.WriteString("func " + signature + " {\n\tswitch " + chosen + " {\n")
	hands := "return "
	if d.Type.Results == nil {
		hands = ""
	}
	for _, m := range c.of[d] {
		fmt.Fprintf(out, "\tcase %d:\n\t\t%s%s\n", m.id, hands, call(m.id))
		if hands == "" {
			out.WriteString("\t\treturn\n")
		}
	}
	fmt.Fprintf(out, "\t}\n\t%s%s\n}\n\n", hands, call(0))

	from, to := c.span(d)
	name, after := c.span(d.Name)
	begin := c.file.text[from:name]
	fmt.Fprintf(out, "%s%s%s", begin, copyOf(d, 0), c.file.text[after:to])
	for _, m := range c.of[d] {
		fmt.Fprintf(out, "\n\n%s%s%s%s%s", begin, copyOf(d, m.id), c.file.text[after:m.from], m.instead, c.file.text[m.to:to])
	}
}

// signature returns a function's with a name for each parameter, and how to
// call the copy of a mutant with them.
func (c *combiner) signature(d *ast.FuncDecl) (call func(id int) string, signature string) {
	var params, args []string
	for _, field := range d.Type.Params.List {
		for range max(1, len(field.Names)) {
			name := fmt.Sprintf("mutantArg%d", len(args))
			params = append(params, name+" "+c.textOf(field.Type))
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				name += "..."
			}
			args = append(args, name)
		}
	}
	receiver, of, results := "", "", ""
	if d.Recv != nil {
		receiver, of = "(mutantSelf "+c.textOf(d.Recv.List[0].Type)+") ", "mutantSelf."
	}
	if d.Type.Results != nil {
		results = " " + c.textOf(d.Type.Results)
	}
	generic, with := "", ""
	if list := d.Type.TypeParams; list != nil {
		var names []string
		for _, field := range list.List {
			for _, name := range field.Names {
				names = append(names, name.Name)
			}
		}
		generic, with = c.textOf(list), "["+strings.Join(names, ", ")+"]"
	}
	call = func(id int) string { return of + copyOf(d, id) + with + "(" + strings.Join(args, ", ") + ")" }
	return call, receiver + d.Name.Name + generic + "(" + strings.Join(params, ", ") + ")" + results
}

// value writes a value that is picked when the program starts.
func (c *combiner) value(out *strings.Builder, e ast.Expr) {
	from, to := c.span(e)
	fmt.Fprintf(out, "func() %s {\n\tswitch %s {\n", c.nameOfType(e), chosen)
	for _, m := range c.of[e] {
		fmt.Fprintf(out, "\tcase %d:\n\t\treturn %s%s%s\n", m.id, c.file.text[from:m.from], m.instead, c.file.text[m.to:to])
	}
	fmt.Fprintf(out, "\t}\n\treturn %s\n}()", c.file.text[from:to])
}

func (c *combiner) nameOfType(e ast.Expr) string {
	return types.TypeString(c.info.TypeOf(e), func(p *types.Package) string {
		if p.Path() == c.dir {
			return ""
		}
		return p.Name()
	})
}

func (c *combiner) textOf(n ast.Node) string {
	from, to := c.span(n)
	return c.file.text[from:to]
}

func (c *combiner) span(n ast.Node) (from, to int) {
	return c.fset.Position(n.Pos()).Offset, c.fset.Position(n.End()).Offset
}

func copyOf(d *ast.FuncDecl, id int) string { return fmt.Sprintf("%sMutant%d", d.Name.Name, id) }
