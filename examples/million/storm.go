package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
)

// stormMost is the longest cycle of this part: what it shows does not depend on
// the cycle, and it goes on for three.
const stormMost = 20 * time.Second

// stormed starts the control plane anew, with its store and with an empty one,
// and lets all hosts beat in the first second.
func stormed(ctx context.Context, b *bench) error {
	if err := b.need(ctx); err != nil {
		return err
	}
	dir := b.now.dir
	b.now.close()
	b.now = nil
	cycle := min(b.cycle, stormMost)
	settleMemory()
	p, err := b.again(dir, b.fleet, cycle)
	if err != nil {
		return err
	}
	p.beat = 10 // beyond what the parts before it counted to
	if err := b.storm(ctx, p, cycle, "storm on a store that is whole"); err != nil {
		return err
	}
	b.now = p
	b.end()
	if p, err = b.begun(ctx, cycle); err != nil {
		return err
	}
	defer p.discard()
	return b.storm(ctx, p, cycle, "storm on a store that was wiped")
}

// begun is a control plane on an empty store.
func (b *bench) begun(ctx context.Context, cycle time.Duration) (*plane, error) {
	kept := b.cycle
	b.cycle = cycle
	defer func() { b.cycle = kept }()
	return b.wiped(ctx, b.fleet)
}

func (b *bench) storm(ctx context.Context, p *plane, cycle time.Duration, name string) error {
	if _, err := p.engine.Load(ctx, gates.NewFleet(p.fleet.plan())); err != nil {
		return err
	}
	s := newStorm(p, cycle)
	if err := s.run(ctx, 3*cycle); err != nil {
		return err
	}
	if err := p.drained(ctx, drainMost); err != nil {
		return err
	}
	if err := p.seen.verify(ctx); err != nil {
		return err
	}
	served, lost := s.served()
	if lost > 0 {
		return fmt.Errorf("%d hosts were never served", lost)
	}
	most, mean := s.evenness(2*cycle, 3*cycle)
	b.table.add(name+": every host served", "within a cycle, here "+cycle.String(), "after %.1f s; %d times told to come again later", served.Seconds(), s.refused)
	b.table.add(name+": beats in the third cycle", "no second above twice the mean", "at most %d in a second, mean %.0f (%.2f)", most, mean, float64(most)/mean)
	b.table.add(name+": peak of resident memory, "+fmt.Sprint(p.fleet.hosts)+" agents included", "1024 MiB", "%d MiB", peak()>>20)
	return nil
}

// stormCycles bounds how long a storm is played.
const stormCycles = 15

// tick is how exactly the hosts of a storm keep time.
const tick = 10 * time.Millisecond

// storm plays the hosts: each beats when it was told to, and keeps its beat
// where it was turned away.
type storm struct {
	plane *plane
	cycle time.Duration
	began time.Time

	mu      sync.Mutex
	due     [][]int32 // hosts, by the tick they beat at
	beats   []uint8   // of each host, those that were answered
	last    time.Duration
	left    int   // hosts that were not served yet
	seconds []int // beats that came in, by second
	refused int
	wrong   failure
}

func newStorm(p *plane, cycle time.Duration) *storm {
	s := &storm{plane: p, cycle: cycle, beats: make([]uint8, p.fleet.hosts), left: p.fleet.hosts}
	s.due = make([][]int32, stormCycles*cycle/tick)
	first := int(time.Second / tick)
	for n, host := range p.fleet.shuffled() {
		at := n * first / p.fleet.hosts
		s.due[at] = append(s.due[at], host)
	}
	s.seconds = make([]int, stormCycles*cycle/time.Second+1)
	return s
}

// run plays until the time is over, and on until every host has converged: what
// one said three cycles ago proves nothing.
func (s *storm) run(ctx context.Context, until time.Duration) error {
	var all sync.WaitGroup
	s.began = time.Now()
	for at := 0; at < len(s.due) && !s.wrong.is(); at++ {
		if at >= int(until/tick) {
			if converged, _ := s.plane.seen.progress(); converged == s.plane.fleet.hosts {
				break
			}
		}
		if err := sleepUntil(ctx, s.began.Add(time.Duration(at)*tick)); err != nil {
			s.wrong.note(err)
			break
		}
		s.mu.Lock()
		hosts := s.due[at]
		s.due[at] = nil
		s.seconds[time.Duration(at)*tick/time.Second] += len(hosts)
		s.mu.Unlock()
		for batch := range slices.Chunk(hosts, perRelay) {
			all.Go(func() { s.wrong.note(s.hand(ctx, batch)) })
		}
	}
	all.Wait()
	return s.wrong.err()
}

// hand hands in some hosts' heartbeats, and has them beat again when they were
// told to.
func (s *storm) hand(ctx context.Context, hosts []int32) error {
	// Each counts its own beats; those of one round come from one number, since
	// only that they rise matters.
	beat := s.plane.beat + 1 + uint64(time.Since(s.began)/tick)
	batch := relayed(s.plane.fleet, hosts, beat)
	results := s.plane.engine.Heartbeats(ctx, batch)
	now := time.Since(s.began)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range results {
		next := r.Reply.NextBeat
		var busy *engine.BusyError
		switch {
		case errors.As(r.Err, &busy):
			next = busy.After
			s.refused++
		case r.Err != nil:
			return fmt.Errorf("the heartbeat of %s: %w", batch[i].Host, r.Err)
		case s.beats[hosts[i]] == 0:
			s.beats[hosts[i]] = 1
			s.last = max(s.last, now)
			s.left--
		}
		if next <= 0 || next > s.cycle {
			return fmt.Errorf("%s is to beat again in %s", batch[i].Host, next)
		}
		if at := int((now + next + tick - 1) / tick); at < len(s.due) {
			s.due[at] = append(s.due[at], hosts[i])
		}
	}
	return nil
}

// served returns when the last host was served for the first time, and how many
// never were.
func (s *storm) served() (last time.Duration, lost int) { return s.last, s.left }

// evenness returns the most beats that came in within a second of a period, and
// their mean.
func (s *storm) evenness(from, to time.Duration) (most int, mean float64) {
	seconds := s.seconds[from/time.Second : to/time.Second]
	sum := 0
	for _, n := range seconds {
		most, sum = max(most, n), sum+n
	}
	return most, float64(sum) / float64(len(seconds))
}
