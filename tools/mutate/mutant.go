package main

import (
	"fmt"
	"go/ast"
	"strings"
)

// mutant is one change to one place.
type mutant struct {
	src  *source
	file *file
	id   int // in its package, from 1
	line int
	in   string // the function or table that it is in
	what string // says the change; unlike any other's of the same function

	within ast.Node // the function, or the value of the table

	// The bytes from..to of the file's text become instead.
	from, to int
	instead  string
}

// name says which mutant it is without the line, which moves.
func (m *mutant) name() string { return fmt.Sprintf("%s: %s: %s", m.file.name, m.in, m.what) }

// String says where it is, for people.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", m.file.name, m.line, m.in, m.what)
}

// text returns the file as the mutant has it.
func (m *mutant) text() string {
	return m.file.text[:m.from] + m.instead + m.file.text[m.to:]
}

// builds reports whether the package still compiles, and whether it does so
// beside its siblings: a table that has become shorter is of another type.
func (m *mutant) builds() (builds, beside bool) {
	_, pkg, err := m.src.check(m.file, m.text())
	if err != nil {
		return false, false
	}
	if _, ok := m.within.(*ast.FuncDecl); ok {
		return true, true
	}
	was, is := m.src.pkg.Scope().Lookup(m.in), pkg.Scope().Lookup(m.in)
	return true, was != nil && is != nil && was.Type().String() == is.Type().String()
}

// quote returns source code on one line, cut where it is long.
func quote(code string) string {
	const longest = 100 // of what a line for people should hold
	code = strings.Join(strings.Fields(code), " ")
	if len(code) > longest {
		code = code[:longest] + "..."
	}
	return "`" + code + "`"
}
