package bench_test

import (
	"slices"
	"testing"
	"time"
)

// contender is one of those that are measured beside each other.
type contender struct {
	name  string
	run   func() // one round of the same work for all
	ready func() // what a round needs beforehand, which is not measured; nil: nothing
}

// beside runs contenders in turns, so that what else the machine does hits all
// of them alike. It reports the median time that each takes for one of the ops
// that a round consists of, and the median, over the rounds, of how many times
// as long as the first one the others take: above 1 the first one is faster. It
// returns the median times, in nanoseconds.
func beside(b *testing.B, ops int, contenders ...contender) (medians []float64) {
	b.Helper()
	took := make([][]time.Duration, len(contenders))
	for b.Loop() {
		for i := range contenders {
			if contenders[i].ready != nil {
				contenders[i].ready()
			}
			began := time.Now()
			contenders[i].run()
			took[i] = append(took[i], time.Since(began))
		}
	}
	b.ReportMetric(0, "ns/op") // of a round of all of them: it says nothing
	for i, c := range contenders {
		ns, ratios := make([]float64, len(took[i])), make([]float64, len(took[i]))
		for round, d := range took[i] {
			ns[round] = float64(d.Nanoseconds()) / float64(ops)
			ratios[round] = float64(d) / float64(took[0][round])
		}
		medians = append(medians, median(ns))
		b.ReportMetric(medians[i], "ns/"+c.name)
		if i > 0 {
			b.ReportMetric(median(ratios), c.name+"/"+contenders[0].name)
		}
	}
	return medians
}

// median returns the middle value; it sorts the list.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
