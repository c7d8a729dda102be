package proptest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Fleet is a fleet as the records of its control plane have it.
type Fleet struct {
	Plan        gates.Plan
	Open        []states.Rollout     // of the plan, those that were opened
	Records     []states.Record      // of them and, seldom, of superseded rollouts
	Quarantines []reducer.Quarantine // in force
	Resumed     []states.Key         // past whose failure an operator let their rollout go on
	Failing     []states.Key         // a heartbeat names an enforced probe that fails
}

// Fleets draws fleets of up to three channels, canary, edge and stable, with a
// few hosts each, under waves, edges of hosts and of channels, and budgets. The
// hosts of a channel are named after it: edge-0, edge-1. Every record is in a
// state that its events led to.
func Fleets() *rapid.Generator[Fleet] {
	return rapid.Custom(func(t *rapid.T) Fleet { return anyFleet(&dice{rapid: t}) })
}

// Plans draws the plans of such fleets.
func Plans() *rapid.Generator[gates.Plan] {
	return rapid.Custom(func(t *rapid.T) gates.Plan { return anyPlan(&dice{rapid: t}) })
}

// View returns what gates look at: the fleet as it is, counted afresh.
func (f *Fleet) View() *gates.View { return f.viewBy(Real()) }

func (f *Fleet) viewBy(sys System) *gates.View {
	v := gates.NewView(gates.NewFleet(f.Plan), append([]reducer.Quarantine{}, f.Quarantines...))
	for _, id := range f.Open {
		v.Open(id)
	}
	for _, key := range f.Resumed {
		v.Resume(key.Rollout, []states.Host{key.Host})
	}
	for i := range f.Records {
		sys.Track(v, gates.Standing{}, f.standing(sys, &f.Records[i]), nil)
	}
	return v
}

// Asks returns an ask for each record of the plan's rollouts.
func (f *Fleet) Asks(p gates.Purpose) (asks []gates.Ask) {
	for i := range f.Records {
		if f.Records[i].Rollout.Ref == f.Plan.Ref {
			asks = append(asks, gates.AskOf(p, &f.Records[i]))
		}
	}
	return asks
}

// In returns the records of a rollout.
func (f *Fleet) In(id states.Rollout) (records []states.Record) {
	for i := range f.Records {
		if f.Records[i].Rollout == id {
			records = append(records, f.Records[i])
		}
	}
	return records
}

func (f *Fleet) standing(sys System, rec *states.Record) gates.Standing {
	s := sys.Standing(rec)
	s.Failing = s.Failing || slices.Contains(f.Failing, rec.Key)
	return s
}

const fleetRef = states.Ref("a1b2")

var channelNames = [...]states.Channel{"canary", "edge", "stable"}

func anyFleet(d *dice) Fleet {
	f := Fleet{Plan: anyPlan(d)}
	// Drawn for as many as there could be, so that a host can be taken out of a
	// case and the others stay as they are.
	var closed [len(channelNames)]bool
	for i := range closed {
		closed[i] = seldom(d, "not open", 10)
	}
	var now, before [mostHosts]lot
	for i := range now {
		now[i], before[i] = drawLot(d), drawLot(d)
	}
	for _, h := range f.Plan.Hosts {
		i, id := placeOf(h), states.Rollout{Channel: h.Channel, Ref: fleetRef}
		if !h.Target.Known() {
			continue
		}
		if !slices.Contains(f.Open, id) && !closed[slices.Index(channelNames[:], h.Channel)] {
			f.Open = append(f.Open, id)
		}
		if slices.Contains(f.Open, id) {
			f.put(h, id, now[i])
		}
		if before[i].superseded {
			before[i].state = states.Soaking
			f.put(h, states.Rollout{Channel: h.Channel, Ref: "0ld"}, before[i])
		}
	}
	return f
}

// lot is where a record is.
type lot struct {
	state                           states.State
	dispatched, failing, superseded bool
}

func drawLot(d *dice) lot {
	return lot{drawState(d), seldom(d, "dispatched", 3), seldom(d, "failing", 10), seldom(d, "superseded", 6)}
}

func (f *Fleet) put(h gates.PlannedHost, id states.Rollout, l lot) {
	rec := recordIn(h, id, l.state, l.dispatched)
	f.Records = append(f.Records, rec)
	if l.failing {
		f.Failing = append(f.Failing, rec.Key)
	}
}

func drawState(d *dice) states.State {
	return [...]states.State{
		states.Pending, states.Pending, states.Pending, states.Converged, states.Converged, states.Deferred,
		states.Activating, states.Soaking, states.Failed, states.Reverted,
	}[pick(d, "state", 10)]
}

// recordIn leads a record to a state by the reports that lead there.
func recordIn(h gates.PlannedHost, id states.Rollout, s states.State, dispatched bool) states.Record {
	var rec states.Record
	step := func(ev reducer.Event) {
		ev.Key, ev.At = states.Key{Rollout: id, Host: h.Host}, 1
		if ev.Kind().Agent() {
			ev.Seq = rec.LastSeq + 1
		} else {
			ev.Origin.By = reducer.ByControlPlane
		}
		out, err := reducer.Step(rec, ev)
		if err != nil {
			panic(fmt.Sprintf("proptest: the road to %s is not one: %v", s, err))
		}
		rec = out.Record
	}
	policy := h.Policy
	policy.Soak = 0
	step(reducer.Event{Body: reducer.Opened{Wave: h.Wave, Target: h.Target, Policy: policy}})
	if dispatched {
		step(reducer.Event{Body: reducer.Dispatched{}})
	}
	for _, body := range roads[s] {
		if body.Kind() == states.KindActivationCompleted {
			body = reducer.ActivationCompleted{Observed: h.Target}
		}
		if body.Kind() == states.KindConverged {
			body = reducer.Converged{Current: h.Target}
		}
		step(reducer.Event{Body: body})
	}
	return rec
}

// roads are the reports on the shortest road to each state.
var roads = map[states.State][]reducer.Body{
	states.Activating: {reducer.DispatchAck{AtDispatch: old}},
	states.Deferred:   {reducer.DispatchAck{AtDispatch: old}, reducer.ActivationDeferred{Component: "kernel"}},
	states.Soaking:    {reducer.DispatchAck{AtDispatch: old}, reducer.ActivationCompleted{}},
	states.Converged:  {reducer.DispatchAck{AtDispatch: old}, reducer.ActivationCompleted{}, reducer.Converged{}},
	states.Failed:     {reducer.DispatchAck{AtDispatch: old}, reducer.ActivationFailed{ExitCode: 1}},
	states.Reverted: {
		reducer.DispatchAck{AtDispatch: old}, reducer.ActivationFailed{ExitCode: 1}, reducer.RollbackComplete{RevertedTo: old},
	},
}

func bad(s states.State) bool { return s == states.Failed || s == states.Reverted }
