package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"
)

// run judges the mutants and sums them up.
func run(ctx context.Context, set settings) (sum *summary, err error) {
	// An overlay with relative names replaces nothing, and says nothing.
	if set.root, err = filepath.Abs(set.root); err != nil {
		return nil, err
	}
	sources, err := load(set.root, set.packages)
	if err != nil {
		return nil, err
	}
	var all, picked []*mutant
	for _, s := range sources {
		all = append(all, mutants(s)...)
	}
	list, err := readEquivalents(set.equivalent)
	if err != nil {
		return nil, err
	}
	reasons, err := match(set.equivalent, list, all)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if set.only == nil || set.only.MatchString(m.name()) {
			picked = append(picked, m)
		}
	}
	fmt.Fprintf(set.progress, "%d mutants of %v, in the order of seed %d (-seed %d for the same)\n", len(picked), set.packages, set.seed, set.seed)
	order := rand.New(rand.NewPCG(set.seed, 0))
	order.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })

	p := &panel{settings: set, picked: picked, reasons: reasons, trials: map[*mutant]trial{}}
	if p.verdicts, err = openVerdicts(set, sources); err != nil {
		return nil, err
	}
	err = p.judgeAll(ctx)
	return summarise(set.seed, picked, p.trials, reasons), errors.Join(err, p.verdicts.close())
}

// panel puts mutants before the judges.
type panel struct {
	settings
	picked   []*mutant
	reasons  map[*mutant]string // why they are equivalent, where they are listed
	verdicts *verdicts
	until    time.Time // when to begin no more; zero: no bound yet

	mu     sync.Mutex
	trials map[*mutant]trial // of those that the budget allowed
}

// judgeAll tries the mutants, in batches. The error is the first; what was
// judged before it is kept.
func (p *panel) judgeAll(ctx context.Context) error {
	var together, alone []*mutant
	for _, m := range p.picked {
		if t, ok := p.verdicts.find(m); ok {
			p.tell(m, t)
			continue
		}
		switch builds, beside := m.builds(); {
		case !builds:
			p.tell(m, trial{Verdict: noBuild})
		case beside:
			together = append(together, m)
		default:
			alone = append(alone, m)
		}
	}
	for _, b := range batches(together, alone) {
		if err := errors.Join(p.judge(ctx, b), b.remove()); err != nil {
			return err
		}
	}
	return nil
}

// judge tries the mutants of a batch.
func (p *panel) judge(ctx context.Context, b *batch) error {
	if p.over() {
		return nil
	}
	first := p.judges[0]
	for _, folder := range first.folders(b.src.dir) {
		if _, err := b.binary(ctx, first, folder); err != nil {
			return err
		}
	}
	if p.budget > 0 && p.until.IsZero() {
		// From here on: a budget that is spent on the building gets nobody further.
		p.until = time.Now().Add(p.budget)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan *mutant)
	var workers sync.WaitGroup
	for range max(1, p.jobs) {
		workers.Go(func() {
			for m := range queue {
				t, err := b.try(ctx, p.judges, m)
				if err == nil {
					err = p.verdicts.keep(m, t)
				}
				if err != nil {
					stop(fmt.Errorf("%s: %w", m, err))
					continue
				}
				p.tell(m, t)
			}
		})
	}
	for _, m := range b.mutants {
		if ctx.Err() != nil || p.over() {
			break
		}
		queue <- m
	}
	close(queue)
	workers.Wait()
	return context.Cause(ctx)
}

func (p *panel) over() bool { return !p.until.IsZero() && time.Now().After(p.until) }

// tell notes a trial, and says it to whoever watches.
func (p *panel) tell(m *mutant, t trial) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trials[m] = t
	by := t.describe(p.reasons[m])
	if t.Tests != "" {
		by += ": " + t.Tests
	}
	fmt.Fprintf(p.progress, "[%d/%d] %s: %s\n", len(p.trials), len(p.picked), m, by)
}

// describe says a trial in a few words.
func (t trial) describe(equivalent string) string {
	switch {
	case t.Verdict == survived && equivalent != "":
		return "equivalent"
	case t.By == "":
		return t.Verdict
	case t.Verdict == timedOut:
		return t.Verdict + " in " + t.By
	}
	return t.Verdict + " by " + t.By
}
