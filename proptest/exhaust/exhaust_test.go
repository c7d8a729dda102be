package exhaust_test

import (
	"errors"
	"flag"
	"testing"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/proptest/exhaust"
)

// The share that runs unless said otherwise takes some ten seconds.
var (
	depth = flag.Int("exhaust.depth", 3, "how many things happen in a history")
	share = flag.Int("exhaust.share", 0, "which share of the records everything is put to")
	of    = flag.Int("exhaust.of", 400, "how many shares there are")
)

func TestTheSystemAgreesWithTheOracle(t *testing.T) {
	report, err := exhaust.Run(proptest.Real(), exhaust.Options{Depth: *depth, Share: exhaust.Share{I: *share, Of: *of}})
	t.Logf("share %d of %d: %s", *share, *of, report.String())
	if err != nil {
		t.Fatal(err)
	}
}

func TestOptionsThatAskNothingAreRefused(t *testing.T) {
	for _, opts := range []exhaust.Options{
		{},
		{Depth: -1},
		{Depth: 1, Share: exhaust.Share{I: 2, Of: 2}},
		{Depth: 1, Share: exhaust.Share{I: -1, Of: 2}},
		{Depth: 1, Share: exhaust.Share{I: 1}},
	} {
		var difference *exhaust.Difference
		if _, err := exhaust.Run(proptest.Real(), opts); err == nil || errors.As(err, &difference) {
			t.Errorf("%+v gives %v", opts, err)
		}
	}
}
