package rollmend_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"sync"
	"testing"
)

// module is the path of the root module; the nested ones are below it.
const module = "github.com/rollmend/rollmend"

// tree is the repository as the rules look at it.
type tree struct {
	files    fs.FS
	fset     *token.FileSet
	packages []*pkg // sorted by folder
}

// pkg is the package of one folder.
type pkg struct {
	dir   string      // from the root, "." for the root itself
	files []*ast.File // without the tests; type-checked
	tests []*ast.File
	info  *types.Info
}

// skipped are folders whose Go files are no packages of ours.
func skipped(name string) bool {
	return name == "testdata" || name == "tools" || strings.HasPrefix(name, ".") && name != "."
}

// read parses and type-checks every package of a file system.
func read(t *testing.T, files fs.FS) *tree {
	t.Helper()
	out := &tree{files: files, fset: token.NewFileSet()}
	// One importer for the tree, so that a type imported twice is one type.
	imports := importer.ForCompiler(out.fset, "gc", export)
	err := fs.WalkDir(files, ".", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if skipped(entry.Name()) {
			return fs.SkipDir
		}
		p, err := out.readPackage(dir)
		if err != nil || len(p.files)+len(p.tests) == 0 {
			return err
		}
		out.packages = append(out.packages, p)
		conf := types.Config{Importer: imports}
		_, err = conf.Check(path.Join(module, dir), out.fset, p.files, p.info)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (tr *tree) readPackage(dir string) (*pkg, error) {
	p := &pkg{dir: dir, info: &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}}
	names, err := fs.Glob(tr.files, path.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	context := build.Default
	context.OpenFile = func(name string) (io.ReadCloser, error) { return tr.files.Open(name) }
	context.JoinPath = path.Join
	for _, name := range names {
		if fits, err := context.MatchFile(dir, path.Base(name)); err != nil || !fits {
			continue // of another platform
		}
		src, err := fs.ReadFile(tr.files, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(tr.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, file)
		} else {
			p.files = append(p.files, file)
		}
	}
	return p, nil
}

// all returns the package's files, tests last.
func (p *pkg) all() []*ast.File { return append(p.files[:len(p.files):len(p.files)], p.tests...) }

func (tr *tree) name(f *ast.File) string { return tr.fset.Position(f.Package).Filename }

// at tells a problem at a place.
func (tr *tree) at(n ast.Node, format string, args ...any) problem {
	pos := tr.fset.Position(n.Pos())
	return problem{file: pos.Filename, line: pos.Line, text: fmt.Sprintf(format, args...)}
}

// problem is one breach of a rule.
type problem struct {
	file string
	line int // 0: the file as a whole
	text string
}

func (p problem) String() string {
	if p.line == 0 {
		return p.file + ": " + p.text
	}
	return fmt.Sprintf("%s:%d: %s", p.file, p.line, p.text)
}

// export opens the compiled form of a package that some file imports.
func export(importPath string) (io.ReadCloser, error) {
	found, err := exports()
	if err != nil {
		return nil, err
	}
	file, ok := found[importPath]
	if !ok {
		return nil, fmt.Errorf("no compiled form of %s: does it compile, and is its module in go.work?", importPath)
	}
	return os.Open(file)
}

// exports asks the go command where the compiled forms are.
var exports = sync.OnceValues(func() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-e", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "work")
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, errors.String())
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if importPath, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			found[importPath] = file
		}
	}
	return found, nil
})
