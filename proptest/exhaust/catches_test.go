package exhaust_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/proptest/exhaust"
)

// Each defect must show in the very share that the test of the real system
// finds nothing in.
func TestEveryDefectIsCaught(t *testing.T) {
	for _, d := range slices.Concat(stepDefects, synthDefects) {
		t.Run(d.name, func(t *testing.T) {
			sys := proptest.Real()
			d.make(&sys)
			_, err := exhaust.Run(sys, exhaust.Options{Depth: *depth, Share: exhaust.Share{I: *share, Of: *of}})
			var difference *exhaust.Difference
			if !errors.As(err, &difference) {
				t.Fatalf("the oracle does not see it: %v", err)
			}
			if len(difference.History) == 0 || difference.Put == "" || len(difference.System) == 0 {
				t.Errorf("the difference does not say where it shows: %v", err)
			}
			t.Log(err)
		})
	}
}
