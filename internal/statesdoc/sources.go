package statesdoc

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// body is what the code says of a type of event.go.
type body struct {
	name   string
	doc    string // one paragraph
	fields []field
}

type field struct {
	name, typ, comment string
}

// meanings reads the comment behind each constant of a file.
func meanings(src []byte) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "state.go", src, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("statesdoc: %w", err)
	}
	out := map[string]string{}
	for spec := range specs[*ast.ValueSpec](file) {
		if spec.Comment != nil {
			out[spec.Names[0].Name] = paragraph(spec.Comment)
		}
	}
	return out, nil
}

// bodies reads the struct types of a file, in their order.
func bodies(src []byte) ([]body, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", src, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("statesdoc: %w", err)
	}
	var out []body
	for spec, decl := range specs[*ast.TypeSpec](file) {
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		b := body{name: spec.Name.Name, doc: paragraph(decl.Doc)}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				b.fields = append(b.fields, field{name.Name, types.ExprString(f.Type), paragraph(f.Comment)})
			}
		}
		out = append(out, b)
	}
	return out, nil
}

// specs yields the specs of one sort in a file, each with its declaration.
func specs[S ast.Spec](file *ast.File) func(yield func(S, *ast.GenDecl) bool) {
	return func(yield func(S, *ast.GenDecl) bool) {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range decl.Specs {
				if spec, ok := s.(S); ok && !yield(spec, decl) {
					return
				}
			}
		}
	}
}

var docLink = regexp.MustCompile(`\[\*?([A-Za-z.]+)\]`)

// paragraph makes a comment into one line of Markdown.
func paragraph(c *ast.CommentGroup) string {
	return docLink.ReplaceAllString(strings.Join(strings.Fields(c.Text()), " "), "$1")
}
