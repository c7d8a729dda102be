package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// drainMost bounds how long hosts may take to converge after the last
// heartbeat, before the run is given up: far beyond what is wished for.
const drainMost = 5 * time.Minute

// recovery is what bringing a fleet back took.
type recovery struct {
	whole   time.Duration // from the first heartbeat until the last host converged
	drain   time.Duration // of it, after the last host's heartbeat came in
	cpu     time.Duration
	peak    int64 // resident, bytes
	took    *answers
	row     int // bytes of a host's row
	commits int
}

// recovered brings a fleet back: in one cycle, or as fast as its heartbeats are
// taken where the cycle is 0.
func (p *plane) recovered(ctx context.Context, order []int32, cycle time.Duration, watch *plot) (recovery, error) {
	p.beat++
	r := recovery{took: &answers{}}
	var beaten atomic.Int64
	stop := watch.follow(p, &beaten)
	defer stop()
	began, before := time.Now(), cpu()
	var lastIn time.Time
	var err error
	if cycle == 0 {
		err = p.pour(ctx, order, &beaten, r.took)
		lastIn = time.Now()
	} else {
		lastIn, err = p.spread(ctx, order, cycle, &beaten, r.took)
	}
	if err == nil {
		err = p.drainedWhileBeating(ctx, order, cycle)
	}
	if err != nil {
		return r, err
	}
	r.cpu = cpu() - before
	if r.whole = p.seen.last.Sub(began); r.whole > drainMost {
		return r, fmt.Errorf("it took %s", r.whole)
	}
	r.drain = max(0, p.seen.last.Sub(lastIn))
	r.peak, r.row, r.commits = peak(), p.seen.row(), p.seen.commits
	return r, nil
}

// drainedWhileBeating waits until every host has converged, and lets them beat
// on meanwhile, as hosts do: what one said three cycles ago proves nothing.
func (p *plane) drainedWhileBeating(ctx context.Context, order []int32, cycle time.Duration) error {
	if cycle == 0 {
		return p.drained(ctx, drainMost)
	}
	beating, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		err := sleepUntil(beating, time.Now().Add(cycle/2))
		for err == nil {
			p.beat++
			_, err = p.spread(beating, order, cycle, new(atomic.Int64), &answers{})
		}
		ended <- err
	}()
	err := p.drained(ctx, drainMost)
	stop()
	if other := <-ended; err == nil && !errors.Is(other, context.Canceled) {
		err = other
	}
	return err
}

// inOneCycle is the recovery as it happens: every host beats in its own time.
func inOneCycle(ctx context.Context, b *bench) error {
	b.end()
	var err error
	if b.now, err = b.wiped(ctx, b.fleet); err != nil {
		return err
	}
	ready := heapNow()
	watch := &plot{cycle: b.cycle}
	r, err := b.now.recovered(ctx, b.fleet.shuffled(), b.cycle, watch)
	if err != nil {
		return err
	}
	hosts := int64(b.hosts)
	b.table.add("last host converged after its last heartbeat came in", "10 s", "%.2f s", r.drain.Seconds())
	b.table.add("whole recovery in a cycle of "+b.cycle.String(), "", "%.1f s, %.1f s of processor time, %d commits", r.whole.Seconds(), r.cpu.Seconds(), r.commits)
	b.table.add("one acknowledgement, p99 (p50, p99.9)", "250 ms", "%.0f ms (%.0f, %.0f); %d times told to come again",
		ms(r.took.percentile(99)), ms(r.took.percentile(50)), ms(r.took.percentile(99.9)), r.took.turnedAway)
	b.table.add("peak of resident memory, this program's included", "1024 MiB", "%d MiB, %d B a host", r.peak>>20, r.peak/hosts)
	if err := b.now.seen.verify(ctx); err != nil {
		return err
	}
	fmt.Println("  every host is Converged in the store, and no commit passed a gate")
	lives := heapNow() - b.now.seen.size()
	b.table.add("lives with every host in step, plan and store's index included", "", "%d B a host (%d B before the recovery)", lives/hosts, ready/hosts)
	if b.svg == "" {
		return nil
	}
	if err := os.WriteFile(b.svg, []byte(watch.draw(b.hosts)), 0o644); err != nil {
		return err
	}
	fmt.Println("  plot in", b.svg)
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// asFastAsTaken compares the recovery with the bare driver, in turns, and random
// order with the order of keys.
func asFastAsTaken(ctx context.Context, b *bench) error {
	b.end()
	const rounds = 3
	var random, sorted, bares, randomCPU, sortedCPU, bareCPU []time.Duration
	for i := range rounds {
		r, err := b.poured(ctx, b.fleet, b.fleet.shuffled())
		if err != nil {
			return err
		}
		burnt := cpu()
		bare, err := b.bareRun(ctx, b.hosts, r.row)
		if err != nil {
			return err
		}
		burnt = cpu() - burnt
		s, err := b.poured(ctx, b.fleet, b.fleet.sorted())
		if err != nil {
			return err
		}
		fmt.Printf("  round %d: random order %.2f s (%.2f s of processor time, %d commits, peak %d MiB), bare %.2f s (%.2f s) of %d B rows, key order %.2f s (%.2f s)\n",
			i+1, r.whole.Seconds(), r.cpu.Seconds(), r.commits, r.peak>>20, bare.Seconds(), burnt.Seconds(), r.row, s.whole.Seconds(), s.cpu.Seconds())
		random, bares, sorted = append(random, r.whole), append(bares, bare), append(sorted, s.whole)
		randomCPU, bareCPU, sortedCPU = append(randomCPU, r.cpu), append(bareCPU, burnt), append(sortedCPU, s.cpu)
	}
	b.table.add("whole recovery as fast as taken / bare driver", "2", "%s (%.0f hosts/s, bare %.0f rows/s)",
		ratios(random, bares), rate(b.hosts, random), rate(b.hosts, bares))
	b.table.add("the same in processor time, of both processors", "", "%s (%.1f µs a host, bare %.1f µs a row)",
		ratios(randomCPU, bareCPU), perHost(b.hosts, randomCPU), perHost(b.hosts, bareCPU))
	b.table.add("random order / order of keys, and in processor time", "1.5", "%s, %s", ratios(random, sorted), ratios(randomCPU, sortedCPU))
	pure := b.pureHalf()
	b.table.add("reducer, gates and synth alone / whole recovery, and in processor time", "0.1", "%.3f, %.3f (%.0f ns a host)",
		pure.Seconds()/median(random).Seconds(), pure.Seconds()/median(randomCPU).Seconds(), float64(pure.Nanoseconds())/float64(b.hosts))
	return nil
}

// poured recovers a fleet as fast as its heartbeats are taken, on a store of its
// own, and checks it.
func (b *bench) poured(ctx context.Context, f fleet, order []int32) (recovery, error) {
	settleMemory()
	p, err := b.wiped(ctx, f)
	defer p.discard()
	if err != nil {
		return recovery{}, err
	}
	r, err := p.recovered(ctx, order, 0, &plot{})
	if err != nil {
		return r, err
	}
	return r, p.seen.verify(ctx)
}

// bareRun appends a row a host by the bare driver, as many a transaction as a
// relay has heartbeats.
func (b *bench) bareRun(ctx context.Context, rows, size int) (time.Duration, error) {
	dir, err := b.folder()
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	settleMemory()
	driver, err := b.kind.bare(ctx, b.at, dir)
	if err != nil {
		return 0, err
	}
	defer driver.Close()
	batch := make([][]byte, perRelay)
	for i := range batch {
		batch[i] = make([]byte, size)
		for j := range batch[i] {
			batch[i][j] = byte(i*31 + j*7)
		}
	}
	began := time.Now()
	for left := rows; left > 0; left -= perRelay {
		if err := driver.append(ctx, batch[:min(perRelay, left)]); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// discard closes a control plane and removes its store.
func (p *plane) discard() {
	p.close()
	if p != nil {
		_ = os.RemoveAll(p.dir)
	}
}
