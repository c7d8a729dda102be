package sim_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/rollmend/rollmend/proptest/sim"
)

var (
	seed  = flag.Uint64("sim.seed", 1, "the seed to begin with")
	runs  = flag.Int("sim.runs", 200, "how many seeds to run")
	only  = flag.String("sim.only", "", "the faults that happen, with commas between; or none")
	tries = flag.Int("sim.shrink", 200, "how many runs to spend on making a violation smaller")
)

func TestTheFleetKeepsThePromise(t *testing.T) {
	var all sim.Summary
	began := time.Now()
	for s := *seed; s < *seed+uint64(*runs); s++ {
		report, err := sim.Run(sim.Options{Seed: s})
		all.Add(report)
		if err != nil {
			t.Fatal(sim.Shrink(err.(*sim.Violation), *tries))
		}
	}
	took := time.Since(began)
	t.Logf("seeds %d to %d: %d events (%.0f a second), %d faults, %d commits, %s of fleet time, worst settle %s",
		*seed, *seed+uint64(*runs)-1, all.Events, float64(all.Events)/took.Seconds(), all.Faults, all.Commits, all.Simulated, all.WorstSettle)
	t.Logf("faults %v", all.ByFault)
	t.Logf("synthesised %v", all.Synthesised)
	t.Logf("exceptions %v", all.Exceptions)
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
