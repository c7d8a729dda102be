package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/rollmend/rollmend/examples/prove/track"
)

// trackRecord shows that each test of the track record passes, and fails with
// the defect that it holds off.
type trackRecord struct{ root string }

func (trackRecord) name() string { return "track-record" }

func (trackRecord) about() string {
	return "each test of the track record below passes as the code is, and fails with its defect in the code (`go test -overlay`)"
}

func (trackRecord) share() int { return 6 }

const defectsCaught = "defects caught by their tests"

// proven is what the ledger says of a check that held.
const proven = "red with the defect"

func (p trackRecord) summary(l *ledger) []figure {
	record, err := track.Load(p.root)
	if err != nil {
		return nil
	}
	held := figure{what: defectsCaught}
	for _, e := range record {
		for i := range e.Checks {
			held.of++
			if l.Facts[e.CheckID(i)] == proven {
				held.n++
			}
		}
	}
	return []figure{held}
}

func (p trackRecord) run(ctx context.Context, j *job) error {
	record, err := track.Load(j.root)
	if err != nil {
		return err
	}
	if faults := record.Faults(j.root); len(faults) > 0 {
		return &violation{
			what:   fmt.Sprintf("the track record names what is not there: %q", faults),
			replay: "go test ./examples/prove -run TestTheTrackRecord",
		}
	}
	type todo struct {
		id    string
		check track.Check
	}
	var open []todo
	for _, e := range record {
		for i, c := range e.Checks {
			if id := e.CheckID(i); j.ledger.Facts[id] != proven {
				open = append(open, todo{id, c})
			}
		}
	}
	// A small budget takes a sample, another one with each seed.
	rand.New(rand.NewPCG(j.seed, 0)).Shuffle(len(open), func(a, b int) { open[a], open[b] = open[b], open[a] })
	var broken []error
	prover := track.NewProver(j.root)
	for _, t := range open {
		err := prover.Prove(ctx, t.check)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, track.ErrNotProven):
			j.ledger.note(t.id, "not proven")
			broken = append(broken, fmt.Errorf("%s: %w", t.id, err))
			j.say("%s is not proven", t.id)
		case err != nil:
			return err
		default:
			j.ledger.note(t.id, proven)
		}
		if err := j.save(); err != nil {
			return err
		}
		if j.left() <= 0 {
			break
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return &violation{
		what:   errors.Join(broken...).Error(),
		replay: "go run ./examples/prove -only track-record -budget 1h",
	}
}
