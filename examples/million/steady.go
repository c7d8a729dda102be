package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// unchanged lets every host beat once more.
func unchanged(ctx context.Context, b *bench) error {
	if err := b.need(ctx); err != nil {
		return err
	}
	p := b.now
	p.beat++
	p.seen.writes.Store(0)
	order := b.fleet.shuffled()
	// What making the heartbeats costs is the relays', and taken off.
	making := cpu()
	for from := 0; from < len(order); from += perRelay {
		relayed(p.fleet, order[from:min(from+perRelay, len(order))], p.beat)
	}
	making = cpu() - making
	before, began := cpu(), time.Now()
	var beaten atomic.Int64
	if err := p.pour(ctx, order, &beaten, &answers{}); err != nil {
		return err
	}
	all := cpu() - before
	n := p.seen.writes.Load()
	b.table.add("a cycle of unchanged heartbeats", "0 writes, 2 s of processor time", "%d writes, %.2f s (%.2f s with making the heartbeats, %.2f s on the clock)",
		n, (all - making).Seconds(), all.Seconds(), time.Since(began).Seconds())
	if n != 0 {
		return fmt.Errorf("%w %d times", errWritten, n)
	}
	return nil
}

// need makes sure that there is a control plane whose fleet is recovered.
func (b *bench) need(ctx context.Context) error {
	if b.now != nil {
		return nil
	}
	var err error
	if b.now, err = b.wiped(ctx, b.fleet); err != nil {
		return err
	}
	_, err = b.now.recovered(ctx, b.fleet.shuffled(), 0, &plot{})
	return err
}
