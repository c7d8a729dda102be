package main

import (
	"context"
	"fmt"

	"github.com/rollmend/rollmend/adapters/storetest"
)

// kills ends processes that write to a store in mid-work, and has fresh ones
// account for every transition that was acknowledged.
type kills struct {
	// loop kills a process once for each seed in a row, and returns what became
	// of them; control does the same with a process that acknowledges before
	// it commits, and returns whether its loss was seen. The error of a loop that
	// found something missing is a [*violation].
	loop    func(ctx context.Context, seed, n uint64) (storetest.KillReport, error)
	control func(ctx context.Context, seed uint64) (seen bool, err error)
}

// killsPerRound is how many processes are killed before the ledger is kept.
const killsPerRound = 80

const (
	processesKilled   = "processes killed"
	foundAgain        = "transitions and enactments that were acknowledged, and found again"
	beyondTheirAnswer = "calls that were stored whole, whose answer the kill forestalled"
)

func (kills) name() string { return "kills" }

func (kills) about() string {
	return "processes that write to SQLite killed at random points; fresh ones find every acknowledged transition, and every record whole; a process that acknowledges too early is seen to lose"
}

func (kills) share() int { return 10 }

func (kills) summary(l *ledger) []figure {
	return []figure{
		{what: processesKilled, n: l.Counts[processesKilled]},
		{what: foundAgain, n: l.Counts[foundAgain]},
		{what: beyondTheirAnswer, n: l.Counts[beyondTheirAnswer]},
		{what: "null controls in which the loss was seen", n: l.Counts["controls"]},
	}
}

func (p kills) run(ctx context.Context, j *job) error {
	if p.loop == nil || p.control == nil {
		return errUnbound
	}
	seen, err := p.control(ctx, j.next())
	if err != nil {
		return err
	}
	if !seen {
		return &violation{
			what:   fmt.Sprintf("a process that acknowledges before it commits was killed from seed %d on, and no loss was seen: the loop is blind", j.next()),
			replay: "go run ./examples/prove -only kills",
		}
	}
	j.ledger.add("controls", 1)
	for {
		from := j.next()
		report, err := p.loop(ctx, from, killsPerRound)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		j.ledger.add(processesKilled, uint64(report.Kills))
		j.ledger.add(foundAgain, uint64(report.Acknowledged))
		j.ledger.add(beyondTheirAnswer, uint64(report.Beyond))
		if err := j.used(from + killsPerRound - 1); err != nil {
			return err
		}
		if j.left() <= 0 {
			return nil
		}
	}
}
