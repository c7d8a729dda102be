package exhaust_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/proptest/exhaust"
)

// The oracle would agree with whatever it calls. It may convert to the types of
// events and records, ask an event for its kind, and call nothing else of
// theirs.
func TestTheOracleCallsNothingOfWhatItJudges(t *testing.T) {
	files, err := filepath.Glob("oracle_*.go")
	if err != nil || len(files) < 5 {
		t.Fatalf("the oracle is %v (%v)", files, err)
	}
	judged := []string{"states", "reducer", "synth", "gates"}
	conversions := []string{"Time", "Stamp"}
	methods := []string{"Kind", "Milliseconds", "String"}
	for _, name := range append(files, "record.go", "rules.go") {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !called.Sel.IsExported() {
				return true
			}
			of, isName := called.X.(*ast.Ident)
			switch what := called.Sel.Name; {
			case isName && slices.Contains([]string{"maps", "slices", "strings"}, of.Name):
			case isName && slices.Contains(judged, of.Name) && slices.Contains(conversions, what):
			case (!isName || !slices.Contains(judged, of.Name)) && slices.Contains(methods, what):
			default:
				t.Errorf("%s: the oracle calls %s", set.Position(call.Pos()), what)
			}
			return true
		})
	}
}

// A decision that a rule is from stands in docs/decisions.md under that name.
func TestEveryDecisionOfARuleIsWritten(t *testing.T) {
	text, err := os.ReadFile("../../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	written, decided := strings.ToLower(strings.ReplaceAll(string(text), "`", "")), 0
	for _, r := range exhaust.Rules() {
		for _, source := range strings.Split(r.Source, "; ") {
			decision, ok := strings.CutPrefix(source, "decision: ")
			if !ok {
				continue
			}
			decided++
			if !strings.Contains(written, "- **"+strings.ToLower(decision)) {
				t.Errorf("the rule %s is from the decision %q, which is not written", r.Name, decision)
			}
		}
	}
	if decided == 0 {
		t.Error("no rule is from a decision")
	}
}
