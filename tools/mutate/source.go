package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is one package whose guards are mutated.
type source struct {
	root  string // the module's folder
	dir   string // its own, below the root
	name  string
	fset  *token.FileSet
	files []*file
	info  *types.Info
	pkg   *types.Package

	imports types.Importer
}

func (s *source) pathOf(file string) string { return filepath.Join(s.root, s.dir, file) }

// file is one file of a package that is no test.
type file struct {
	name string // below the module's root, with slashes
	path string // on disk, absolute
	text string
	tree *ast.File
}

// load reads and checks the packages of a module.
func load(root string, dirs []string) ([]*source, error) {
	imports, err := compiled(root, dirs)
	if err != nil {
		return nil, err
	}
	var sources []*source
	for _, dir := range dirs {
		s := &source{root: root, dir: dir, fset: token.NewFileSet(), imports: imports}
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			s.files = append(s.files, &file{name: dir + "/" + filepath.Base(name), path: name, text: string(text)})
		}
		if s.info, s.pkg, err = s.check(nil, ""); err != nil {
			return nil, fmt.Errorf("package %s: %w", dir, err)
		}
		s.name = s.pkg.Name()
		sources = append(sources, s)
	}
	return sources, nil
}

// check compiles the package as far as types, with another text in the place of
// one file's. Where there is no such file, it keeps the trees.
func (s *source) check(changed *file, text string) (*types.Info, *types.Package, error) {
	fset := s.fset
	if changed != nil {
		fset = token.NewFileSet()
	}
	var trees []*ast.File
	for _, f := range s.files {
		src := f.text
		if f == changed {
			src = text
		}
		tree, err := parser.ParseFile(fset, f.name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		if changed == nil {
			f.tree = tree
		}
		trees = append(trees, tree)
	}
	if changed != nil {
		tree, err := parser.ParseFile(fset, helpersName, s.helpers(), parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		trees = append(trees, tree)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	// Every error is looked at, the first that counts is returned. An import that
	// a change leaves unused is used in the text that has the others as well.
	var wrong error
	conf := types.Config{Importer: s.imports, Error: func(err error) {
		if wrong == nil && !(changed != nil && strings.HasSuffix(err.Error(), "imported and not used")) {
			wrong = err
		}
	}}
	pkg, _ := conf.Check(s.dir, fset, trees, info)
	return info, pkg, wrong
}

// compiled returns an importer of what the packages import, as the go command
// has compiled it.
func compiled(root string, dirs []string) (types.Importer, error) {
	args := []string{"-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "os", "strconv"}
	for _, dir := range dirs {
		args = append(args, "./"+dir)
	}
	lines, err := list(root, args...)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, line := range lines {
		path, export, _ := strings.Cut(line, "\t")
		exports[path] = export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	}), nil
}

// list returns the lines that the go command's list has for packages.
func list(root string, args ...string) ([]string, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Env = root, environment()
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", root, err, &complaint)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// environment is that of the go commands that are run. The module is built as
// those who import it build it, outside of a workspace.
func environment() []string { return append(os.Environ(), "GOWORK=off") }

// digest returns a hash of the files of a folder and those below it which the
// predicate takes.
func digest(folder string, take func(name string) bool) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !take(name) {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
