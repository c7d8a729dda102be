package rollmend_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "copy the example's program into the README")

// The README shows the program that the examples hold, and links to what there
// is. go test . -rewrite copies the program.
func TestTheReadmeShowsAProgramThatIsTested(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/embed/main.go")
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- program: examples/embed/main.go -->\n", "<!-- end of program -->"
	head, rest, ok := strings.Cut(string(readme), from)
	if !ok {
		t.Fatalf("README.md has no line %q", from)
	}
	shown, tail, _ := strings.Cut(rest, to)
	_, body, _ := strings.Cut(string(program), "package main\n")
	want := "```go\npackage main\n" + body + "```\n"
	if shown == want {
		return
	}
	if *rewrite {
		if err := os.WriteFile("README.md", []byte(head+from+want+to+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("README.md shows another program than examples/embed/main.go: run go test . -rewrite")
}

func TestTheReadmeLinksToWhatThereIs(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(readme), -1)
	if len(links) == 0 {
		t.Fatal("README.md links to nothing")
	}
	for _, link := range links {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md links to %s: %v", link[1], err)
		}
	}
}
