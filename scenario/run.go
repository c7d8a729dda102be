package scenario

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what comes of the steps into the scenario files")

// Run plays every .txt file of a folder, a subtest each, and fails where
// something else comes of a block than the file says. A folder without such a
// file fails too. With the flag -rewrite the files are written anew.
func Run(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("scenario: no .txt file in %s (%v)", dir, err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) { runFile(t, name) })
	}
}

func runFile(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, got, err := new(Control).outcome(t.Context(), name, string(text))
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(name, []byte(f.text(got)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, b := range f.Blocks {
		if !slices.Equal(got[i], b.Want) {
			t.Errorf("%s:%d: something else came of it\n%s", name, b.Line, difference(b, got[i]))
		}
	}
}

// Play plays a scenario and returns its text with what came of each block in
// the place of what the text says. The name is for messages. The error is an
// [*Error] where a line cannot be read or done, or where the text's steps break
// what has to hold of every scenario.
func Play(ctx context.Context, name, text string) (string, error) {
	return Control{}.Play(ctx, name, text)
}

// outcome parses a text and plays it, once as it stands and once with every
// step said twice, of which the same has to come.
func (c *Control) outcome(ctx context.Context, name, text string) (File, [][]string, error) {
	f, err := Parse(name, text)
	if err != nil {
		return f, nil, err
	}
	got, err := c.play(ctx, f, false)
	if err != nil {
		return f, nil, err
	}
	twice, err := c.play(ctx, f, true)
	if err != nil {
		return f, nil, err
	}
	for i, b := range f.Blocks {
		if !slices.Equal(got[i], twice[i]) {
			b.Want = got[i]
			return f, nil, &Error{File: name, Line: b.Line, Text: "with every step said twice something else comes of it\n" + difference(b, twice[i])}
		}
	}
	return f, got, nil
}

// text writes a file with other outcomes than those that it was read with.
func (f *File) text(outcomes [][]string) string {
	var out strings.Builder
	for i, b := range f.Blocks {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		for _, lines := range [][]string{b.Input, {divider}, outcomes[i]} {
			for _, line := range lines {
				fmt.Fprintln(&out, line)
			}
		}
	}
	return out.String()
}
