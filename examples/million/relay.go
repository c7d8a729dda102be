package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollmend/rollmend/engine"
)

// perRelay is how many heartbeats a relay hands in at once.
const perRelay = 1000

// relays hand in heartbeats at the same time, where they do so as fast as they
// are taken: enough that the control plane need not wait for them.
const relays = 12

// answers are how long the answers to heartbeats took.
type answers struct {
	mu   sync.Mutex
	took []time.Duration
	of   []int // heartbeats of each

	turnedAway int // heartbeats that were told to come again
}

func (a *answers) add(took time.Duration, beats, turnedAway int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took, a.of = append(a.took, took), append(a.of, beats)
	a.turnedAway += turnedAway
}

// percentile returns how long the slowest of so many in a hundred heartbeats
// waited at most.
func (a *answers) percentile(p float64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	order := make([]int, len(a.took))
	total := 0
	for i := range order {
		order[i] = i
		total += a.of[i]
	}
	slices.SortFunc(order, func(i, j int) int { return int(a.took[i] - a.took[j]) })
	rest := int(float64(total) * p / 100)
	for _, i := range order {
		if rest -= a.of[i]; rest <= 0 {
			return a.took[i]
		}
	}
	return 0
}

// hand hands in one relay's heartbeats, and waits for their answers. Those that
// are turned away it hands in again, when it was told to.
func (p *plane) hand(ctx context.Context, hosts []int32, due time.Time, took *answers) error {
	for len(hosts) > 0 {
		batch := relayed(p.fleet, hosts, p.beat)
		var later []int32
		var after time.Duration
		for i, r := range p.engine.Heartbeats(ctx, batch) {
			var busy *engine.BusyError
			switch {
			case errors.As(r.Err, &busy):
				later, after = append(later, hosts[i]), max(after, busy.After)
			case r.Err != nil:
				return fmt.Errorf("the heartbeat of %s: %w", batch[i].Host, r.Err)
			}
		}
		took.add(time.Since(due), len(hosts)-len(later), len(later))
		if err := sleepUntil(ctx, time.Now().Add(after)); err != nil {
			return err
		}
		hosts = later
	}
	return nil
}

// spread hands in every host's heartbeat, spread over a cycle, and returns when
// all are answered. told is given the number of hosts that have beaten.
func (p *plane) spread(ctx context.Context, order []int32, cycle time.Duration, beaten *atomic.Int64, took *answers) (lastIn time.Time, err error) {
	began := time.Now()
	var all sync.WaitGroup
	var failed failure
	for from := 0; from < len(order) && !failed.is(); from += perRelay {
		hosts := order[from:min(from+perRelay, len(order))]
		// A relay hands in what came since it last did: the last heartbeat of
		// the batch says when.
		due := began.Add(cycle * time.Duration(from+len(hosts)) / time.Duration(len(order)))
		if err := sleepUntil(ctx, due); err != nil {
			failed.note(err)
			break
		}
		beaten.Add(int64(len(hosts)))
		lastIn = due
		all.Go(func() { failed.note(p.hand(ctx, hosts, due, took)) })
	}
	all.Wait()
	return lastIn, failed.err()
}

// pour hands in every host's heartbeat as fast as they are taken.
func (p *plane) pour(ctx context.Context, order []int32, beaten *atomic.Int64, took *answers) error {
	var all sync.WaitGroup
	var failed failure
	var next atomic.Int64
	for range relays {
		all.Go(func() {
			for !failed.is() {
				from := int(next.Add(perRelay)) - perRelay
				if from >= len(order) {
					return
				}
				hosts := order[from:min(from+perRelay, len(order))]
				beaten.Add(int64(len(hosts)))
				failed.note(p.hand(ctx, hosts, time.Now(), took))
			}
		})
	}
	all.Wait()
	return failed.err()
}

func sleepUntil(ctx context.Context, due time.Time) error {
	select {
	case <-time.After(time.Until(due)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// failure is the first error of several goroutines.
type failure struct{ first atomic.Pointer[error] }

func (f *failure) note(err error) {
	if err != nil {
		f.first.CompareAndSwap(nil, &err)
	}
}

func (f *failure) is() bool { return f.first.Load() != nil }

func (f *failure) err() error {
	if err := f.first.Load(); err != nil {
		return *err
	}
	return nil
}

// drained waits until every host has converged.
func (p *plane) drained(ctx context.Context, within time.Duration) error {
	ends := time.Now().Add(within)
	for {
		converged, wrong := p.seen.progress()
		switch {
		case wrong != nil:
			return wrong
		case converged == p.fleet.hosts:
			return nil
		case time.Now().After(ends):
			return fmt.Errorf("%d of %d hosts have converged %s after the last heartbeat", converged, p.fleet.hosts, within)
		}
		if err := sleepUntil(ctx, time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
	}
}

var errWritten = errors.New("an unchanged heartbeat was written")
