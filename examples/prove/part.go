package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// part is one kind of evidence. No part knows of another.
type part interface {
	name() string // stable: of the flag -only, and of the part's file
	about() string
	share() int // of the budget, against the other parts' shares

	// run gathers evidence until the job's time is up, at least a little, or
	// there is no more to gather. What counts is in the job's ledger. The error
	// is a [*violation] where a promise is broken, and the context's where that
	// ended.
	run(ctx context.Context, j *job) error

	// summary lists what a ledger has to show, the most important first.
	summary(l *ledger) []figure
}

// figure is a count with its unit, such as "injected faults".
type figure struct {
	what string
	n    uint64
	of   uint64 // of how many; 0: it has no end
}

func (f figure) String() string {
	if f.of > 0 {
		return fmt.Sprintf("%s of %s %s", grouped(f.n), grouped(f.of), f.what)
	}
	return grouped(f.n) + " " + f.what
}

// grouped writes a number with its thousands apart.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// violation is a promise that was broken.
type violation struct {
	what   string // in full
	replay string // the command that shows it again, from the root of the repository
}

func (v *violation) Error() string { return v.what }

// job is what a part works with in one run.
type job struct {
	root   string // of the repository
	shared string // a folder for what outlives a commit
	seed   uint64 // the number of the range of seeds, from 1
	until  time.Time
	ledger *ledger
	save   func() error
	say    func(format string, args ...any)
	doing  func(what string) // what is under way now, for those who wait
}

// errUnbound is the error of a part that is registered without what it runs.
// A part that is left out in silence would look like one that found nothing.
var errUnbound = errors.New("nothing is bound to this part, so it gathers no evidence: bind it in parts()")

// left returns how much of the part's share is left; negative where it is used
// up.
func (j *job) left() time.Duration { return time.Until(j.until) }

// seedsPerRange keeps the ranges of two values of -seed apart: no budget gets
// through as many.
const seedsPerRange = 1_000_000_000

// next returns the first seed of the range that was not used yet.
func (j *job) next() uint64 {
	first := (j.seed-1)*seedsPerRange + 1
	if s := j.ledger.span(first); s != nil {
		return s.Last + 1
	}
	return first
}

// used says that the seeds from [job.next] on, up to last, were used, and keeps
// the ledger.
func (j *job) used(last uint64) error {
	first := (j.seed-1)*seedsPerRange + 1
	if s := j.ledger.span(first); s != nil {
		s.Last = last
	} else {
		j.ledger.Seeds = append(j.ledger.Seeds, span{First: first, Last: last})
	}
	return j.save()
}
