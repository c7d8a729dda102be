package main

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/states"
)

// witness sees what is committed, in its order, and judges by that alone
// whether a gate was passed: it knows the fleet's channels and waves, and asks
// neither the gates nor the engine.
type witness struct {
	adapters.Store
	fleet  fleet
	encode func([]byte, *adapters.Change) ([]byte, error) // a change, as the store does

	mu        sync.Mutex
	state     []states.State // of each host, as committed; Pending where nothing is stored
	undone    [len(channels)][waves]int
	rest      [len(channels)]int // hosts of a channel that have not converged
	converged int
	last      time.Time // when the last host converged
	wrong     error     // the first thing that should not have happened
	commits   int
	changes   int
	sampled   int // rows that were measured
	bytes     int // of them

	writes atomic.Int64 // calls that store something
}

// sampleEvery is how many changes pass for one whose row is measured.
const sampleEvery = 997

func newWitness(f fleet, store adapters.Store, encode func([]byte, *adapters.Change) ([]byte, error)) *witness {
	w := &witness{Store: store, fleet: f, encode: encode, state: make([]states.State, f.hosts)}
	for i := range w.state {
		w.state[i] = states.Pending
		w.undone[f.channel(i)][f.wave(i)]++
		w.rest[f.channel(i)]++
	}
	return w
}

// Enact implements [adapters.Store].
func (w *witness) Enact(ctx context.Context, acts []adapters.Act) error {
	w.writes.Add(1)
	return w.Store.Enact(ctx, acts)
}

// Commit implements [adapters.Store].
func (w *witness) Commit(ctx context.Context, changes []adapters.Change) ([]adapters.Result, error) {
	w.writes.Add(1)
	results, err := w.Store.Commit(ctx, changes)
	if err != nil {
		return results, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commits++
	// A gate looks at what was committed before, so all are judged first.
	for i := range changes {
		if results[i].Err == nil {
			w.judge(&changes[i])
		}
	}
	for i := range changes {
		if results[i].Err == nil {
			w.count(&changes[i])
		}
	}
	return results, nil
}

// Outlines implements [adapters.Outliner].
func (w *witness) Outlines(ctx context.Context) iter.Seq2[adapters.Outline, error] {
	return adapters.Outlines(ctx, w.Store)
}

func (w *witness) blame(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf(format, args...)
	}
}

// judge holds a host that converges to the order: all channels in front of its
// own have, and all waves.
func (w *witness) judge(c *adapters.Change) {
	i, err := w.fleet.number(c.Record.Host)
	if err != nil {
		w.blame("a change of %s: %w", c.Record.Key, err)
		return
	}
	channel, wave := w.fleet.channel(i), w.fleet.wave(i)
	switch {
	case c.Record.Rollout != states.Rollout{Channel: channels[channel].name, Ref: ref}:
		w.blame("a change of %s, which is not the host's rollout", c.Record.Key)
	case c.Record.State != states.Converged:
		w.blame("%s became %s: every host runs its target, and has served its soak", c.Record.Key, c.Record.State)
	case w.state[i] == states.Converged:
		w.blame("%s converged twice", c.Record.Key)
	case !c.Record.Current.Is(w.fleet.target(channel)):
		w.blame("%s converged on %s", c.Record.Key, c.Record.Current)
	}
	for front := channels[channel].behind; front >= 0; front = channels[front].behind {
		if n := w.rest[front]; n > 0 {
			w.blame("%s converged while %d hosts of %s had not", c.Record.Key, n, channels[front].name)
		}
	}
	for front := range wave {
		if n := w.undone[channel][front]; n > 0 {
			w.blame("%s of wave %d converged while %d hosts of wave %d had not", c.Record.Key, wave, n, front)
		}
	}
}

func (w *witness) count(c *adapters.Change) {
	if w.changes++; w.changes%sampleEvery == 1 {
		row, err := w.encode(nil, c)
		if err != nil {
			w.blame("%s: %w", c.Record.Key, err)
		}
		w.sampled++
		w.bytes += len(row)
	}
	i, err := w.fleet.number(c.Record.Host)
	if err != nil || c.Record.State != states.Converged || w.state[i] == states.Converged {
		return // blamed already
	}
	w.state[i] = states.Converged
	w.undone[w.fleet.channel(i)][w.fleet.wave(i)]--
	w.rest[w.fleet.channel(i)]--
	if w.converged++; w.converged == w.fleet.hosts {
		w.last = time.Now()
	}
}

// progress returns how many hosts have converged, and what went wrong.
func (w *witness) progress() (converged int, wrong error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.converged, w.wrong
}

// row returns how long the row of a change is.
func (w *witness) row() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes / max(1, w.sampled)
}

// verify reads the store: every host has one record, and it is Converged.
func (w *witness) verify(ctx context.Context) error {
	if _, wrong := w.progress(); wrong != nil {
		return wrong
	}
	seen := make([]bool, w.fleet.hosts)
	n := 0
	for rec, err := range w.Records(ctx) {
		if err != nil {
			return err
		}
		i, err := w.fleet.number(rec.Host)
		switch {
		case err != nil:
			return err
		case seen[i]:
			return fmt.Errorf("%s is stored twice", rec.Host)
		case rec.State != states.Converged || !rec.Current.Is(w.fleet.target(w.fleet.channel(i))):
			return fmt.Errorf("%s is stored as %s on %s", rec.Key, rec.State, rec.Current)
		}
		seen[i] = true
		n++
	}
	if n != w.fleet.hosts {
		return fmt.Errorf("%d of %d hosts have a record", n, w.fleet.hosts)
	}
	return nil
}

// beenThere says that a host had converged before the witness came.
func (w *witness) beenThere(i int) {
	w.state[i] = states.Converged
	w.undone[w.fleet.channel(i)][w.fleet.wave(i)]--
	w.rest[w.fleet.channel(i)]--
	w.converged++
}
