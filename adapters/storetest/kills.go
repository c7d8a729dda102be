package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// KillReport counts what became of killed processes.
type KillReport struct {
	Kills        int // processes that were killed
	Early        int // of these, those that had not begun to write: they opened the place
	Acknowledged int // transitions and enactments that a store acknowledged; a fresh process found each
	Beyond       int // calls that were stored, and whose answer the kill forestalled: whole, each
}

func (r *KillReport) add(s KillReport) {
	r.Kills += s.Kills
	r.Early += s.Early
	r.Acknowledged += s.Acknowledged
	r.Beyond += s.Beyond
}

// NewPlace makes a new and empty place for the processes of [Serve]. done does
// away with it.
type NewPlace func() (place string, done func() error, err error)

// killsPerPlace is how many processes work on one place, one after the other:
// enough for checkpoints and long logs, few enough that looking at all of it
// does not take longer than the work.
const killsPerPlace = 20

// Kills starts n processes, one after the other, that do [Work], and kills each
// at a random moment. Every one looks first whether all is there that its
// predecessors were told, whole, record for record and entry for entry, and
// nothing else; only then it goes on. A last one looks at what the last kill
// left. The moments follow from the seed as far as a machine lets them.
//
// The error is a [*LossError] where something is missing. The program must
// call [Serve] first. It needs no test to run in.
func Kills(ctx context.Context, place NewPlace, seed uint64, n int) (KillReport, error) {
	var all KillReport
	for all.Kills < n {
		some, err := killsAt(ctx, place, seed+uint64(all.Kills), min(killsPerPlace, n-all.Kills))
		all.add(some)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// killsAt kills processes on one new place. Each has the seed after that of the
// one before.
func killsAt(ctx context.Context, place NewPlace, seed uint64, n int) (r KillReport, err error) {
	at, done, err := place()
	if err != nil {
		return r, fmt.Errorf("storetest: making a place for processes: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	var t told
	acknowledged := 0
	for i := range n {
		some, err := r.kill(ctx, at, seed+uint64(i), &t)
		if err != nil {
			return r, replayed(ctx, err, seed, i+1)
		}
		acknowledged += some
	}
	if err := look(ctx, at, &t); err != nil {
		return r, replayed(ctx, err, seed, n)
	}
	r.Acknowledged += acknowledged
	return r, nil
}

// replayed says how an error is seen again.
func replayed(ctx context.Context, err error, seed uint64, n int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var lost *LossError
	if errors.As(err, &lost) {
		lost.Replay = fmt.Sprintf("storetest.Kills(ctx, place, %d, %d) plans the same kills; the exact moments are up to the machine, so repeat it", seed, n)
	}
	return err
}

const (
	// earlyOneIn is how often a process is killed while it opens the place.
	earlyOneIn = 8

	// openingTakes is about how long that is, in all.
	openingTakes = 60 * time.Millisecond

	// linesAtMost bounds after how many acknowledgements a process is killed.
	linesAtMost = 6 * batch

	// callTakes is about how long a call of the work takes: a kill comes at any
	// moment of it.
	callTakes = 4 * time.Millisecond
)

// kill runs one process and kills it. It returns how many transitions and
// enactments the process was told.
func (r *KillReport) kill(ctx context.Context, place string, seed uint64, t *told) (acknowledged int, err error) {
	random := rand.New(rand.NewPCG(seed, 1))
	early := random.IntN(earlyOneIn) == 0
	lines, wait := random.IntN(linesAtMost), time.Duration(random.Int64N(int64(callTakes)))
	if early {
		wait = time.Duration(random.Int64N(int64(openingTakes)))
	}
	c, err := order{Place: place, Look: true, Rounds: -1}.begin(ctx)
	if err != nil {
		return 0, err
	}
	var timer *time.Timer
	strike := func() { timer = time.AfterFunc(wait, func() { _ = c.cmd.Process.Kill() }) }
	if early {
		strike()
	}
	err = c.tell(t)
	began, before := false, 0
	err = errors.Join(err, c.hear(func(line string) error {
		if line == lineReady {
			began, before = true, t.steps()
		} else if err := t.note(line); err != nil {
			return err
		} else if began {
			lines--
		} else {
			r.Beyond++
		}
		if began && timer == nil && lines <= 0 {
			strike()
		}
		return nil
	}))
	if timer != nil {
		timer.Stop()
	}
	if !errors.Is(err, errKilled) {
		return 0, err
	}
	r.Kills++
	if !began {
		r.Early++
		return 0, nil
	}
	return t.steps() - before, nil
}

// look has a fresh process look at a place.
func look(ctx context.Context, place string, t *told) error {
	return after(ctx, order{Place: place, Look: true}, t)
}

// after runs a process that is told what its predecessors were, and notes what
// it says.
func after(ctx context.Context, o order, t *told) error {
	c, err := o.begin(ctx)
	if err != nil {
		return err
	}
	err = c.tell(t)
	return errors.Join(err, c.hear(func(line string) error {
		if line == lineReady {
			return nil
		}
		return t.note(line)
	}))
}
