package engine

import (
	"errors"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// CoreOptions are the settings of a [Core]. All but Shared and Rules must be given.
type CoreOptions struct {
	Started states.Time   // when this control plane started: its own clock
	Cycle   time.Duration // between two heartbeats of a host
	Silence time.Duration // without a beat for longer, a host is silent
	Skew    time.Duration // how far an agent's clock may be ahead before it is cut
	Shared  bool          // see Options.Shared
	Rules   gates.Rules   // gates of the caller's own, behind ours
}

// Core decides. It is deterministic and single-threaded: the same calls give
// the same results, and it has no clock, goroutine or I/O.
//
// Its caller works in rounds. [Core.Missing] names the records that a round
// needs and that are not in memory; the caller reads and hands them in with
// [Core.Provide]. [Core.Decide] takes inputs and returns a [Batch] with the
// changes to commit. [Core.Settle] takes what became of them; only then do the
// changes count, and only then are the batch's replies to be given. While
// [Core.Busy], a further round without inputs has work: gates have opened.
//
// A round may be decided while the changes of earlier ones, fewer than 256, are
// on their way to the store, where [Batch.Alone] allows it. What has a change on
// its way is not decided on; batches are to be settled in the order of their
// decision.
type Core struct {
	opts     CoreOptions
	fleet    *gates.Fleet
	ordering adapters.Ordering

	restoring bool  // between Restore and Restored
	adopted   int32 // the slot whose record was adopted last

	rollouts map[states.Rollout]*rollout
	current  map[states.Channel]*rollout // the newest of each channel
	opened   []*rollout                  // in the order of their opening

	hosts hostIndex // places in slots
	slots []slot
	view  *gates.View // follows what is committed; nil before a manifest is loaded

	quarantines []reducer.Quarantine // in force, sorted by channel, then closure

	strays  map[states.Key]*states.Record // provided, of records that have no entry
	visited []states.Key                  // provided for this round
	absent  map[states.Key]bool           // read for this round, and not there

	released []gates.Wait    // kept for its memory
	batches  uint32          // counted: the number of the last that was decided
	rooms    []room          // memory for later batches
	events   []reducer.Event // memory for a chain of which nobody is told
	touched  int             // see touch

	gaps    map[states.Key]putBack
	refused map[states.Key]string // dispatches that were handed out and are held now: why
	waits   map[waitKey]*waiters  // who waits for what
	queue   []int32               // hosts to look at again: something they wait for came
	retry   []int32               // the same, once the store takes commits again
	foreign bool                  // see Foreign
}

// rollout is an opened rollout.
type rollout struct {
	adapters.Opening
	superseded *rollout // the channel's next one; nil while this is the newest
	resumed    []states.Host
	model      states.Record // of its first member; see rollout.record
	held       []held        // by wave
}

// waitKey finds who waits for what, and to do what.
type waitKey struct {
	wait    gates.Wait
	purpose gates.Purpose
}

// NewCore returns a core that knows nothing: hand it what the store holds with
// [Core.Restore], then a manifest.
func NewCore(opts CoreOptions) (*Core, error) {
	switch {
	case !opts.Started.IsSet():
		return nil, errors.New("engine: CoreOptions.Started is needed: the time of the start, by the control plane's clock")
	case opts.Cycle <= 0 || opts.Silence <= 0 || opts.Skew <= 0:
		return nil, errors.New("engine: CoreOptions.Cycle, Silence and Skew must be positive durations")
	}
	c := &Core{opts: opts, events: make([]reducer.Event, effectsEach)}
	c.forget()
	return c, nil
}

// forget drops everything that came from the store.
func (c *Core) forget() {
	c.rollouts = map[states.Rollout]*rollout{}
	c.current = map[states.Channel]*rollout{}
	c.opened = nil
	c.hosts = newHostIndex()
	c.slots = nil
	c.view = nil
	c.quarantines = []reducer.Quarantine{}
	c.strays = map[states.Key]*states.Record{}
	c.visited = nil
	c.absent = map[states.Key]bool{}
	c.gaps = map[states.Key]putBack{}
	c.refused = map[states.Key]string{}
	c.foreign = false
	c.forgetWaits()
}

// forgetWaits drops who waits for what, and returns who did.
func (c *Core) forgetWaits() (waited []int32) {
	c.waits = map[waitKey]*waiters{}
	c.queue = nil
	for i := range c.slots {
		s := &c.slots[i]
		if s.waiting != 0 || s.queued {
			waited = append(waited, int32(i))
		}
		s.waiting, s.queued = 0, false
	}
	return waited
}

// Ready reports whether a manifest is loaded and the store is read. Before that
// nothing is judged.
func (c *Core) Ready() bool { return c.fleet != nil && !c.restoring }

// Busy reports whether a round without inputs has work.
func (c *Core) Busy() bool { return len(c.queue) > 0 }

// bounds returns the limits that findings are judged by.
func (c *Core) bounds() synth.Bounds {
	return synth.Bounds{Silence: c.opts.Silence, Skew: c.opts.Skew}
}

// Input is what happened to a control plane: a [Beat], a pointer to one, which
// spares a copy, a [Report] or a [Poll].
type Input interface{ input() }

// Beat is a heartbeat that came in.
type Beat struct {
	Heartbeat synth.Heartbeat
	Received  states.Time // the control plane's clock

	slot int32 // of the host, plus 1, where it was found before; a hint
}

// Report is an agent's report that came in.
type Report struct {
	Event reducer.Event

	// LostFrom is the first of the numbers right in front of the report's own that
	// the agent can not send any more, its own where it lacks none; 0 where it
	// does not say. It tells reports that are lost from reports that are late.
	LostFrom states.Seq
}

// beatOf returns an input that is a heartbeat, nil for any other.
func beatOf(in Input) *Beat {
	switch in := in.(type) {
	case *Beat:
		return in
	case Beat:
		return &in
	}
	return nil
}

// Poll is a host that asks for a dispatch.
type Poll struct {
	Host states.Host
}

func (Beat) input()   {}
func (Report) input() {}
func (Poll) input()   {}

// clamp cuts a time that is too far in the future.
func (c *Core) clamp(at *states.Time, now states.Time) (clamped bool) {
	if latest := now.Add(c.opts.Skew); *at > latest {
		*at = latest
		return true
	}
	return false
}
