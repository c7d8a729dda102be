package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/stretchr/testify/require"
)

// start is when the kit's rollouts are opened.
const start states.Time = 1_790_000_000_000

const (
	target  states.Closure = "/nix/store/new-system"
	running states.Closure = "/nix/store/old-system"
)

var rollout = states.Rollout{Channel: "stable", Ref: "a1b2c3d4"}

func keyOf(h states.Host) states.Key { return states.Key{Rollout: rollout, Host: h} }

// opening opens the kit's rollout for hosts, which are sorted.
func opening(hosts ...states.Host) adapters.Opening {
	o := adapters.Opening{Rollout: rollout, At: start, SignedAt: start - 5000}
	for i, h := range hosts {
		o.Members = append(o.Members, adapters.Member{Host: h, Opened: reducer.Opened{
			Wave:   states.Wave(i % 3),
			Target: target,
			Policy: states.Policy{Soak: time.Minute, OnFailure: states.RollbackAndHalt},
		}})
	}
	return o
}

// bench is a store under test, with what every case needs of it.
type bench struct {
	testing.TB
	ctx     context.Context
	fixture Fixture
	store   adapters.Store
}

// prepare opens the place and a rollout of the hosts in it.
func prepare(t testing.TB, f Fixture, hosts ...states.Host) *bench {
	b := &bench{TB: t, ctx: context.Background(), fixture: f, store: f.Open(t)}
	t.Cleanup(func() {
		if b.store != nil {
			f.Close(t, b.store)
		}
	})
	if len(hosts) > 0 {
		require.NoError(t, b.store.Enact(b.ctx, []adapters.Act{opening(hosts...)}))
	}
	return b
}

// reopen closes the store and opens its place again.
func (b *bench) reopen() {
	b.fixture.Close(b, b.store)
	b.store = nil // not closed a second time, should opening fail
	b.store = b.fixture.Open(b)
}

func (b *bench) record(h states.Host) states.Record {
	rec, err := b.store.Record(b.ctx, keyOf(h))
	require.NoError(b, err)
	return rec
}

func (b *bench) log(h states.Host) []reducer.LogEntry {
	log, err := b.store.Log(b.ctx, keyOf(h))
	require.NoError(b, err)
	return log
}

func (b *bench) fleet() adapters.Fleet {
	f, err := b.store.Fleet(b.ctx)
	require.NoError(b, err)
	return f
}

// commit stores changes, none of which may conflict.
func (b *bench) commit(changes ...adapters.Change) {
	for _, r := range b.try(changes...) {
		require.NoError(b, r.Err)
	}
}

// try stores changes and returns what became of each.
func (b *bench) try(changes ...adapters.Change) []adapters.Result {
	results, err := b.store.Commit(b.ctx, changes)
	require.NoError(b, err)
	require.Len(b, results, len(changes), "a result for each change, at its place")
	return results
}

// next is the change that takes a host's record its next step on the road.
func (b *bench) next(h states.Host) adapters.Change { return advance(b, b.record(h), 1) }

// holds checks that a host's record is as wanted, and that its log says the
// same.
func (b *bench) holds(want states.Record) {
	got := b.record(want.Host)
	require.True(b, got.Equal(&want), "the record of %s:\n got %+v\nwant %+v", want.Host, got, want)
	b.whole(want.Host)
}

// whole checks that a host's log has an entry for each revision, from a snapshot's
// on where it begins with one, in order, and rebuilds the record.
func (b *bench) whole(h states.Host) {
	rec, log := b.record(h), b.log(h)
	require.NotEmpty(b, log)
	require.Len(b, log, int(rec.Revision-log[0].Revision)+1, "entries in the log of %s, at revision %d", h, rec.Revision)
	folded, err := reducer.Rederive(log)
	require.NoError(b, err)
	require.True(b, folded.Equal(&rec), "the log of %s does not rebuild its record:\n got %+v\nwant %+v", h, folded, rec)
}

// conflicts checks that a result is a conflict over the record's revision.
func (b *bench) conflicts(r adapters.Result, c adapters.Change, found states.Revision) {
	var conflict *adapters.ConflictError
	require.ErrorAs(b, r.Err, &conflict)
	require.Equal(b, &adapters.ConflictError{Key: c.Record.Key, Expected: c.Expect, Found: found}, conflict)
}

// advance is the change that takes a record some steps on.
func advance(t testing.TB, rec states.Record, steps int) adapters.Change {
	c, err := walk(rec, steps)
	require.NoError(t, err)
	return c
}

// walk steps a record along a whole life: the dispatch, the ack, the switch,
// probes, a failure, the rollback, and then reports that are refused, for ever.
func walk(rec states.Record, steps int) (adapters.Change, error) {
	return walkWith(rec, steps, func(ev reducer.Event, _ int) reducer.Event { return ev })
}

// walkWith is walk with events that are changed by edit, which is told the step
// that each is for, from 0.
func walkWith(rec states.Record, steps int, edit func(reducer.Event, int) reducer.Event) (adapters.Change, error) {
	c := adapters.Change{Expect: rec.Revision, Record: rec}
	for step := range steps {
		ev := edit(nextEvent(&c.Record), step)
		out, err := reducer.Step(c.Record, ev)
		var illegal *reducer.IllegalError
		if err != nil && !errors.As(err, &illegal) {
			return c, fmt.Errorf("storetest: %s after revision %d: %w", ev.Kind(), c.Record.Revision, err)
		}
		c.Record = out.Record
		c.Effects = append(c.Effects, out.Effects)
	}
	return c, nil
}

// nextEvent is what happens to a record at its revision.
func nextEvent(rec *states.Record) reducer.Event {
	at := start + states.Time(rec.Revision+1)*1000
	if rec.State == states.Pending && !rec.Dispatched.IsSet() {
		origin := reducer.Origin{By: reducer.ByControlPlane}
		return reducer.Event{Key: rec.Key, Origin: origin, At: at, Body: reducer.Dispatched{}}
	}
	ev := reducer.Event{
		Key: rec.Key, Seq: rec.LastSeq + 1, At: at,
		Order: states.Order{Boot: 1, Beat: uint64(rec.Revision)},
	}
	switch {
	case rec.State == states.Pending:
		ev.Body = reducer.DispatchAck{AtDispatch: running}
	case rec.State == states.Activating:
		ev.Body = reducer.ActivationCompleted{Observed: rec.Target}
	case rec.State == states.Soaking && len(rec.Probes) == 0:
		ev.Body = reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{
			{Name: "http", Kind: "health", Mode: states.Enforce}, {Name: "disk", Kind: "health", Mode: states.Observe},
		}}
	case rec.State == states.Soaking && !rec.Probes.Failing():
		ev.Body = reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Fail, Reason: "502"}
	case rec.State == states.Soaking:
		ev.Body = reducer.Failed{Duration: time.Minute, Failing: []string{"http"}, PolicyApplied: states.RollbackAndHalt}
	case rec.State == states.Failed:
		ev.Body = reducer.RollbackComplete{RevertedTo: running}
	default:
		ev.Body = reducer.ActivationStarted{Method: "switch"}
	}
	return ev
}

// stepsToReverted is how many steps of nextEvent lead from the opening to the
// quarantine.
const stepsToReverted = 7
