package synth_test

import (
	"testing"

	"github.com/rollmend/rollmend/scenario"
)

func TestScenarios(t *testing.T) { scenario.Run(t, "testdata") }
