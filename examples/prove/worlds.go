package main

import "context"

// worlds looks at every interleaving of small worlds, breadth first, as deep as
// its time allows.
type worlds struct {
	// explore looks at the world until the job's time is up. The error of one
	// that breaks a promise is a [*violation].
	explore func(ctx context.Context, j *job) (explored, error)
}

// explored is how much of the world was seen.
type explored struct {
	states uint64 // different ones
	depth  uint64 // steps from the beginning, all of them looked at
}

func (worlds) name() string { return "small-worlds" }

func (worlds) about() string {
	return "every interleaving of two hosts on two waves, two channels with an edge and a budget of one, with every fault that fits, breadth first without visiting a state twice"
}

func (worlds) share() int { return 10 }

func (worlds) summary(l *ledger) []figure {
	return []figure{
		{what: "different states at most in one run", n: l.Counts["states"]},
		{what: "steps deep, without a gap", n: l.Counts["depth"]},
	}
}

func (p worlds) run(ctx context.Context, j *job) error {
	if p.explore == nil {
		return errUnbound
	}
	seen, err := p.explore(ctx, j)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	j.ledger.raise("states", seen.states)
	j.ledger.raise("depth", seen.depth)
	return j.save()
}
