package proptest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/states"
)

// The program of the package comment begins here.

// frozen holds every host of a channel.
type frozen struct{ channel states.Channel }

func (frozen) Name() string { return "frozen" }

func (f frozen) Hold(_ *gates.View, ask gates.Ask) (gates.Block, bool) {
	held := ask.Key.Rollout.Channel == f.channel
	return gates.Block{Scope: string(f.channel), Why: "it is frozen", Release: "an operator"}, held
}

func TestGate(t *testing.T) {
	rule := proptest.Rule{
		Name:  "nothing goes on a frozen channel",
		Holds: func(_ *proptest.Fleet, ask gates.Ask) bool { return ask.Key.Rollout.Channel == "edge" },
	}
	sys := proptest.Real()
	sys.Gates = func(gates.Plan) []gates.Gate { return []gates.Gate{frozen{"edge"}} }
	proptest.Run(t, sys, proptest.GateLaws(rule)...)
}

// It ends here.

func TestThePackageCommentShowsThisProgram(t *testing.T) {
	own, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	comment, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(own), "begins here.\n\n")
	program, _, _ := strings.Cut(rest, "\n// It ends here.")
	var want strings.Builder
	for _, line := range strings.Split(strings.TrimRight(program, "\n"), "\n") {
		want.WriteString(strings.TrimRight("//\t"+line, "\t") + "\n")
	}
	if !strings.Contains(string(comment), want.String()) {
		t.Errorf("doc.go does not show\n%s", want.String())
	}
}
