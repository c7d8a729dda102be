// Command cmd writes docs/states.md and docs/states.svg. It is run by
// `go generate ./reducer`, in the folder of that package.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rollmend/rollmend/internal/statesdoc"
	"github.com/rollmend/rollmend/reducer"
)

// root is the repository's, seen from the folder of package reducer.
const root = ".."

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	src, err := statesdoc.Read(root)
	if err != nil {
		return err
	}
	page, err := statesdoc.Render(reducer.Rows(), src)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(root, "docs"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, statesdoc.MarkdownPath), []byte(page.Markdown), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, statesdoc.SVGPath), []byte(page.SVG), 0o644)
}
