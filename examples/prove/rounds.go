package main

import (
	"context"
	"runtime"
	"sync"
)

// rounds tries seeds, some a round on all cores, until the job's time is up. A
// round counts as a whole: one that was stopped is tried again by the next run.
// try returns what it counted; an error ends everything.
func rounds(ctx context.Context, j *job, perRound uint64, try func(ctx context.Context, seed uint64) (map[string]uint64, error)) error {
	for {
		from := j.next()
		counts, err := round(ctx, from, perRound, try)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		for what, n := range counts {
			j.ledger.add(what, n)
		}
		if err := j.used(from + perRound - 1); err != nil {
			return err
		}
		if j.left() <= 0 {
			return nil
		}
	}
}

// round tries so many seeds from the first one on. The error is that of the
// smallest seed that has one, among those that were tried.
func round(ctx context.Context, from, n uint64, try func(context.Context, uint64) (map[string]uint64, error)) (map[string]uint64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		mu      sync.Mutex
		next    = from
		counts  = map[string]uint64{}
		failed  error
		failing uint64
		workers sync.WaitGroup
	)
	for range runtime.NumCPU() {
		workers.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for next < from+n && ctx.Err() == nil {
				seed := next
				next++
				mu.Unlock()
				counted, err := try(ctx, seed)
				mu.Lock()
				for what, n := range counted {
					counts[what] += n
				}
				if err != nil && (failed == nil || seed < failing) {
					failed, failing = err, seed
					stop()
				}
			}
		})
	}
	workers.Wait()
	return counts, failed
}
