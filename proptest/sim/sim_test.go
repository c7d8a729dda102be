package sim_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

var (
	seed  = flag.Uint64("sim.seed", 1, "the seed to begin with")
	runs  = flag.Int("sim.runs", 1000, "how many seeds to run")
	only  = flag.String("sim.only", "", "the faults that happen, with commas between; or none")
	tries = flag.Int("sim.shrink", 300, "how many runs to spend on making a violation smaller")
)

func TestTheFleetKeepsThePromise(t *testing.T) {
	var all sim.Summary
	began := time.Now()
	for s := *seed; s < *seed+uint64(*runs); s++ {
		report, err := sim.Run(sim.Options{Seed: s})
		all.Add(report)
		if err != nil {
			t.Fatalf("at commit %s: %s", commit(), sim.Shrink(err.(*sim.Violation), *tries))
		}
	}
	took := time.Since(began)
	t.Logf("seeds %d to %d: %d events (%.0f a second), %d faults, %d commits, %s of fleet time, worst settle %s",
		*seed, *seed+uint64(*runs)-1, all.Events, float64(all.Events)/took.Seconds(), all.Faults, all.Commits, all.Simulated, all.WorstSettle)
	t.Logf("faults %v", all.ByFault)
	t.Logf("synthesised %v", all.Synthesised)
	t.Logf("exceptions %v", all.Exceptions)
}

// Fleets in which something was wrong once, in the library or in what judges it.
func TestFleetsThatWereWrongOnceAreRight(t *testing.T) {
	for what, seed := range map[string]uint64{
		"a Converged that is minutes under way comes after its host was installed anew, and the agent there goes on with its number":      29467000000980,
		"a heartbeat waits for its host's report to be stored, and a poll that came in later is decided first":                            76000008037,
		"a clock is set back by less than a cycle while the agent waits for its next heartbeat, just before the last fault":               77000084388,
		"an activation is cut by a control plane whose clock is a quarter of an hour behind, and its host installed anew within the soak": 78000019907,
		"a host is installed anew within its soak, its records are lost, and its probes fail when it is taken for what it runs":           79000001283,
		"a host's clock is set back by hours, its records are lost, and it says since when it runs by the clock of before":                6000005366,
		"a host's clock is set back by hours while its agent soaks on what has no soak, or before it is given its record":                 8000004467,
		"a heartbeat of an agent of the first generation is cut to the very millisecond of an earlier one":                                31229,
	} {
		if _, err := sim.Run(sim.Options{Seed: seed}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestReplay(t *testing.T) {
	o := sim.Options{Seed: *seed, Timeline: true}
	if *only != "" {
		o.Only = []sim.Fault{}
		for _, f := range strings.Split(*only, ",") {
			o.Only = append(o.Only, sim.Fault(f))
		}
	}
	report, err := sim.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", report)
}

// commit names the code that a violation was found in, for who replays it.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// tracesOf is what another process is asked for.
const tracesOf = "ROLLMEND_SIM_TRACES"

func TestMain(m *testing.M) {
	if os.Getenv(tracesOf) != "" {
		fmt.Print(traces())
		return
	}
	os.Exit(m.Run())
}

// traces runs a few seeds, and gives a hash over all that happened in each. One
// of them is run twice, in the midst of others.
func traces() string {
	var b strings.Builder
	for _, s := range []uint64{1, 2, 3, 4, 5, 6, 7, 8, 3} {
		report, err := sim.Run(sim.Options{Seed: s})
		fmt.Fprintf(&b, "%d %x %d %v\n", s, report.Hash, report.Events, err)
	}
	return b.String()
}

// Maps are walked in another order in every process, and memory lies elsewhere:
// neither must show.
func TestASeedGivesTheSameRunInAnotherProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tracesOf+"=1", "GOMAXPROCS=1", "GOGC=10")
	there, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if here := traces(); here != string(there) {
		t.Errorf("here:\n%sin another process:\n%s", here, there)
	}
	lines := strings.Split(string(there), "\n")
	if lines[2] != lines[8] {
		t.Errorf("seed 3 gave %q, and after others %q", lines[2], lines[8])
	}
	if lines[0] == lines[1] {
		t.Errorf("two seeds gave the same run: %q", lines[0])
	}
}
