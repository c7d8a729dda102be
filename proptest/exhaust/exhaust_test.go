package exhaust_test

import (
	"errors"
	"flag"
	"sync"
	"testing"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/proptest/exhaust"
)

// What runs unless said otherwise takes a few seconds. Everything at a depth is
// "-exhaust.of=1 -exhaust.thin=1".
var (
	depth = flag.Int("exhaust.depth", 3, "how many things happen in a history")
	share = flag.Int("exhaust.share", 0, "which share of the records everything is put to")
	of    = flag.Int("exhaust.of", 400, "how many shares there are")
	thin  = flag.Int("exhaust.thin", 17, "of how many reports and heartbeats for a record one is asked")
)

func options() exhaust.Options {
	return exhaust.Options{Depth: *depth, Share: exhaust.Share{I: *share, Of: *of}, Thin: *thin}
}

// asked is the one run that all tests look at.
var asked = sync.OnceValue(func() (out struct {
	report exhaust.Report
	caught []exhaust.Caught
	err    error
},
) {
	out.caught, out.report, out.err = exhaust.Plant(proptest.Real(), planted(), options())
	return out
})

func TestTheSystemAgreesWithTheOracle(t *testing.T) {
	run := asked()
	t.Logf("share %d of %d, one question in %d: %s", *share, *of, *thin, run.report.String())
	if run.err != nil {
		t.Fatalf("%v\nagain: go test ./proptest/exhaust -count=1 -run %s -exhaust.depth=%d -exhaust.share=%d -exhaust.of=%d -exhaust.thin=%d",
			run.err, t.Name(), *depth, *share, *of, *thin)
	}
}

func TestOptionsThatAskNothingAreRefused(t *testing.T) {
	for _, opts := range []exhaust.Options{
		{},
		{Depth: -1},
		{Depth: 1, Thin: -1},
		{Depth: 1, Share: exhaust.Share{I: 2, Of: 2}},
		{Depth: 1, Share: exhaust.Share{I: -1, Of: 2}},
		{Depth: 1, Share: exhaust.Share{I: 1}},
	} {
		var difference *exhaust.Difference
		if _, err := exhaust.Run(proptest.Real(), opts); err == nil || errors.As(err, &difference) {
			t.Errorf("%+v gives %v", opts, err)
		}
		if _, _, err := exhaust.Plant(proptest.Real(), nil, opts); err == nil || errors.As(err, &difference) {
			t.Errorf("%+v plants with %v", opts, err)
		}
	}
	if _, _, err := exhaust.Plant(proptest.Real(), []exhaust.Planted{{Rule: "none of them"}}, exhaust.Options{Depth: 1}); err == nil {
		t.Error("a fault of a rule that there is not is planted")
	}
}

// BenchmarkQuestions puts some questions; the rate is what a bigger share or a
// greater depth is reckoned by.
func BenchmarkQuestions(b *testing.B) {
	var all uint64
	for b.Loop() {
		report, err := exhaust.Run(proptest.Real(), exhaust.Options{Depth: 1, Share: exhaust.Share{Of: 40}, Thin: 5})
		if err != nil {
			b.Fatal(err)
		}
		all += report.Total()
	}
	b.ReportMetric(float64(all)/b.Elapsed().Seconds(), "questions/s")
}
