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
func run(ctx context.Context, set settings) (*summary, error) {
	var err error
	// An overlay with relative names replaces nothing, and says nothing.
	if set.root, err = filepath.Abs(set.root); err != nil {
		return nil, err
	}
	sources, err := load(set.root, set.packages)
	if err != nil {
		return nil, err
	}
	var all, chosen []*mutant
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
			chosen = append(chosen, m)
		}
	}
	fmt.Fprintf(set.progress, "%d mutants of %v, in the order of seed %d (-seed %d for the same)\n", len(chosen), set.packages, set.seed, set.seed)
	order := rand.New(rand.NewPCG(set.seed, 0))
	order.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })

	p, err := newPanel(set, sources)
	if err != nil {
		return nil, err
	}
	trials, err := p.judgeAll(ctx, chosen, reasons)
	return summarise(set.seed, chosen, trials, reasons), errors.Join(err, p.verdicts.close())
}

// panel puts mutants before the judges.
type panel struct {
	settings
	verdicts *verdicts
	keys     *keys
	until    time.Time // when to begin no more; zero: no bound

	baseline sync.Once
	unsound  error // why the judges cannot judge
}

func newPanel(set settings, sources []*source) (*panel, error) {
	p := &panel{settings: set}
	if set.budget > 0 {
		p.until = time.Now().Add(set.budget)
	}
	var err error
	if p.keys, err = newKeys(set, sources); err != nil {
		return nil, err
	}
	p.verdicts, err = openVerdicts(set.state)
	return p, err
}

// judgeAll returns the trials of those mutants that the budget allowed. The
// error is the first of a worker's; what was judged before it is kept.
func (p *panel) judgeAll(ctx context.Context, chosen []*mutant, reasons map[*mutant]string) (map[*mutant]trial, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queue := make(chan *mutant)
	trials := map[*mutant]trial{}
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range max(1, p.jobs) {
		workers.Go(func() {
			for m := range queue {
				began := time.Now()
				t, err := p.judge(ctx, m)
				if err != nil {
					stop(fmt.Errorf("%s: %w", m, err))
					continue
				}
				mu.Lock()
				trials[m] = t
				fmt.Fprintf(p.progress, "[%d/%d] %-40s %s (%.1fs)\n", len(trials), len(chosen), t.describe(reasons[m]), m, time.Since(began).Seconds())
				mu.Unlock()
			}
		})
	}
	for _, m := range chosen {
		if ctx.Err() != nil || !p.until.IsZero() && time.Now().After(p.until) {
			break
		}
		queue <- m
	}
	close(queue)
	workers.Wait()
	return trials, context.Cause(ctx)
}

// judge returns a mutant's trial, an old one where there is one.
func (p *panel) judge(ctx context.Context, m *mutant) (trial, error) {
	if t, ok := p.verdicts.find(p.keys.all(m)); ok {
		return t, nil
	}
	p.baseline.Do(func() { p.unsound = p.sound(ctx) })
	if p.unsound != nil {
		return trial{}, p.unsound
	}
	t, err := try(ctx, p.root, p.settings.judges, m)
	if err != nil {
		return trial{}, err
	}
	return t, p.verdicts.keep(p.keys.of(m, t), m, t)
}

// sound makes sure that the judges find nothing where nothing was changed.
func (p *panel) sound(ctx context.Context) error {
	for _, j := range p.settings.judges {
		for _, dir := range p.packages {
			if len(j.folders(dir)) == 0 {
				continue
			}
			came, out, err := j.test(ctx, p.root, dir, nil)
			if err != nil {
				return err
			}
			if came != passed {
				return fmt.Errorf("%s of %s fail without a mutant:\n%s", j.name, dir, out)
			}
		}
	}
	return nil
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
