package sim_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var (
	walkMutants      = flag.Int("walk.mutants", 1, "how many of the defects of the library itself are tried, each in a build of its own")
	walkMutantStates = flag.Int("walk.mutants.states", 60_000, "how many states a walk may take to find one of them")
)

// mutant is a defect of the library itself: a text of a file, and what stands
// there instead.
type mutant struct {
	says     string
	world    string
	file     string
	old, new string
}

// mutants are taken from what the specification warns of. What a small world
// shows only many moves after its faults, or what something else mends first, as
// kept reports do when a host is not looked at again, is not among them.
var mutants = []mutant{
	{
		"what runs the target is taken as converged although its agent holds another rollout", "waves",
		"synth/chain.go", "hb.Holds.IsZero() && ", "",
	},
	{
		"a host is sent something although its agent says that reports wait", "waves",
		"engine/poll.go", "case s.waits() > 0:", "case false:",
	},
	{
		"a host is sent something before it had a reply", "waves",
		"engine/poll.go", "case !s.ready:", "case false:",
	},
	{
		"an agent that holds nothing is given nothing to go on from", "waves",
		"engine/settle.go", "if rec.State.Live() && rec.State != states.Pending {", "if false {",
	},
	{
		"a dispatch does not raise the ordering revision", "replicas",
		"engine/batch.go", "!from.inFlight && to.inFlight ||", "false ||",
	},
	{
		"a later wave does not wait", "waves",
		"gates/waves.go", "if ask.Wave <= current {", "if true {",
	},
	{
		"a rollback is concluded under the policy halt", "edge",
		"synth/cases.go", "case rec.Applied() == states.Halt:", "case false:",
	},
	{
		"a host that runs the target passes its gates", "edge",
		"synth/cases.go", "if !l.Verdict.Passed() {", "if false {",
	},
	{
		"an agent forgets over a restart that it was at work", "waves",
		"agent/start.go", "m.works = append(m.works, newWork(e, queue{}))", "_ = e",
	},
}

func TestAWalkFindsDefectsOfTheLibrary(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants[:min(*walkMutants, len(mutants))] {
		t.Run(m.says, func(t *testing.T) {
			out, err := m.walk(t, root)
			if err == nil || !strings.Contains(out, "replay: go test ./proptest/sim -run TestReplayWalk") {
				t.Errorf("the walk does not find it: %v\n%s", err, out)
			}
			t.Log(out)
		})
	}
}

// Only some of the defects are tried in a usual run; all of them are still ones
// of the code as it is.
func TestTheDefectsOfTheLibraryApply(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		m.source(t, root)
	}
}

// source returns the file that the defect belongs into, and its content.
func (m *mutant) source(t *testing.T, root string) (file string, source []byte) {
	t.Helper()
	file = filepath.Join(root, m.file)
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Errorf("%s has %q %d times, want once", m.file, m.old, n)
	}
	return file, source
}

// walk builds the walk with the defect in it, and runs it.
func (m *mutant) walk(t *testing.T, root string) (string, error) {
	t.Helper()
	file, source := m.source(t, root)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	wrong := write("wrong.go", []byte(strings.Replace(string(source), m.old, m.new, 1)))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: wrong}})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "walk.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", write("overlay.json", overlay), "-o", binary, "./proptest/sim")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-test.run", "^TestEveryWayThroughASmallWorldKeepsThePromise$",
		"-walk.world", m.world, "-walk.faults", "2", "-walk.ends", "8", "-walk.states", strconv.Itoa(*walkMutantStates)).CombinedOutput()
	return string(out), err
}
