package main

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/proptest"
	"github.com/rollmend/rollmend/proptest/exhaust"
)

// combinations compares the reducer and synth with a second, slow
// implementation of their rules, in every combination of a record.
type combinations struct {
	shares uint64 // into which the combinations are cut; each is small

	// try compares one share of them, counted from 0, and returns how many it
	// had. The error of one that differs is a [*violation].
	try func(ctx context.Context, share uint64) (n uint64, err error)
}

// realCombinations are those of histories of at most three events. Each share is
// some seconds of work.
var realCombinations = combinations{shares: 400, try: func(_ context.Context, share uint64) (uint64, error) {
	r, err := exhaust.Run(proptest.Real(), exhaust.Options{Depth: 3, Share: exhaust.Share{I: int(share), Of: 400}})
	if err != nil {
		return 0, &violation{what: err.Error(), replay: fmt.Sprintf(
			"go test ./proptest/exhaust -count=1 -v -exhaust.depth=3 -exhaust.thin=1 -exhaust.share=%d", share)}
	}
	return uint64(r.Total()), nil
}}

const combinationsCompared = "combinations"

func (combinations) name() string { return "combinations" }

func (combinations) about() string {
	return "every combination of state, event, evidence and policy of a record against a second, slow implementation of the same rules that shares no code with the first"
}

func (combinations) share() int { return 6 }

func (p combinations) summary(l *ledger) []figure {
	return []figure{
		{what: combinationsCompared, n: l.Counts["combinations"]},
		{what: "shares of all combinations", n: l.Counts["shares"], of: p.shares},
	}
}

// run goes on with the share behind the last one. Seeds have no part in it.
func (p combinations) run(ctx context.Context, j *job) error {
	if p.try == nil {
		return errUnbound
	}
	for share := j.ledger.Counts["shares"]; share < p.shares; share++ {
		n, err := p.try(ctx, share)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		j.ledger.add("combinations", n)
		j.ledger.add("shares", 1)
		if err := j.save(); err != nil {
			return err
		}
		if j.left() <= 0 {
			return nil
		}
	}
	return nil
}
