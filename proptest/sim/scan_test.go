package sim_test

import (
	"testing"

	"github.com/rollmend/rollmend/proptest/sim"
)

func TestScan(t *testing.T) {
	for s := *seed; s < *seed+uint64(*runs); s++ {
		_, err := sim.Run(sim.Options{Seed: s})
		if err != nil {
			v := err.(*sim.Violation)
			t.Logf("%d: %s: %s", s, v.Sentence, v.Detail)
		}
	}
}
