package main

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/proptest"
)

// laws searches for cases in which a law of the pure half, or of whole fleets on
// the core of the engine, is broken.
type laws struct{}

// seedsPerRound is how many seeds the laws are tried with before the ledger is
// kept: about two seconds of work.
const seedsPerRound = 200

func (laws) name() string { return "laws" }

func (laws) about() string {
	return "random cases of every law of the pure half and of fleets on the core of the engine; each law is also seen to catch planted defects (`go test ./proptest`)"
}

func (laws) share() int { return 20 }

func (laws) summary(l *ledger) []figure {
	return []figure{
		{what: propertyCases, n: l.Counts[propertyCases]},
		{what: "laws", n: uint64(len(allLaws()))},
	}
}

// propertyCases is one law tried with one seed.
const propertyCases = "property cases"

func allLaws() (all []proptest.Property) {
	for p := range proptest.Laws() {
		all = append(all, p)
	}
	return append(all, proptest.NoGateViolated(), proptest.AnyOrder(), proptest.SameAsMemory())
}

func (laws) run(ctx context.Context, j *job) error {
	all := allLaws()
	return rounds(ctx, j, seedsPerRound, func(_ context.Context, seed uint64) (map[string]uint64, error) {
		return tryLaws(all, int(seed))
	})
}

// tryLaws tries every law with one seed.
func tryLaws(all []proptest.Property, seed int) (map[string]uint64, error) {
	for _, law := range all {
		if found, ok := law.Search(proptest.Real(), seed, 1); ok {
			return nil, &violation{
				what:   fmt.Sprintf("%s\nseed %d: %v", law.Name, seed, found.Err),
				replay: fmt.Sprintf("go test ./proptest -count=1 -run TestTheRealSystemSurvivesTheSearch -proptest.seed=%d", seed),
			}
		}
	}
	return map[string]uint64{propertyCases: uint64(len(all))}, nil
}
