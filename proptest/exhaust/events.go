package exhaust

import (
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// The one record that everything is about, and the closures of its world.
const (
	target states.Closure = "new"
	old    states.Closure = "old"
	other  states.Closure = "other"
)

var (
	rollout = states.Rollout{Channel: "stable", Ref: "a1b2"}
	foreign = states.Rollout{Channel: "stable", Ref: "f00d"}
	key     = states.Key{Rollout: rollout, Host: "web-1"}
)

// soak is long enough that the walk's times fall before, at and behind its end.
const soak = 20 * time.Second

// opening is when the rollout of every record is opened.
const opening states.Time = 1_000_000

// after is a time so many seconds after the opening.
func after(seconds int) states.Time { return opening + states.Time(seconds)*1000 }

// bodies is every kind of event with each variant that a rule tells apart.
func bodies() []reducer.Body {
	out := []reducer.Body{
		reducer.Opened{Target: target},
		reducer.Opened{},
		reducer.Dispatched{},
		reducer.ActivationStarted{Method: "switch"},
		reducer.ActivationDeferred{Component: "kernel"},
		reducer.ActivationFailed{ExitCode: 1},
		reducer.ProbeTopologyDeclared{},
		reducer.ProbeObservedFirst{Probe: "http", Mode: states.Enforce},
		reducer.ProbeResult{Probe: "disk", Mode: states.Enforce, Status: states.Pass},
		reducer.ProbeFailureFirst{Probe: "http", Mode: states.Enforce},
	}
	for _, c := range []states.Closure{target, old, other, ""} {
		out = append(out, reducer.DispatchAck{AtDispatch: c}, reducer.ActivationCompleted{Observed: c},
			reducer.RollbackComplete{RevertedTo: c}, reducer.Converged{Current: c})
	}
	for mode := range states.Enforce + 1 {
		if mode == 0 {
			continue
		}
		out = append(out, reducer.ProbeTopologyDeclared{Probes: []reducer.Declaration{{Name: "http", Mode: mode}}},
			reducer.ProbeResult{Probe: "http", Mode: mode, Status: states.Pass},
			reducer.ProbeResult{Probe: "http", Mode: mode, Status: states.Fail, Reason: "refused"})
	}
	for _, p := range []states.OnFailure{0, states.Halt, states.RollbackAndHalt} {
		out = append(out, reducer.Failed{PolicyApplied: p})
	}
	return out
}

// edges is the times that a rule about this record can turn on, and one on
// either side of each.
func edges(r *record) []states.Time {
	out := []states.Time{after(-10), after(100)}
	if last, ok := r.now.stamps[states.LastTransitionAt]; ok {
		out = append(out, last.at-1, last.at)
	}
	if activated, ok := r.now.stamps[states.ActivatedAt]; ok {
		due := activated.at + states.Time(r.policy.Soak.Milliseconds())
		out = append(out, activated.at-1, activated.at, due-1, due)
	}
	if r.guesses != nil {
		for _, g := range r.guesses.list {
			out = append(out, g.From.At, g.From.At+1)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// orders is no order, and those before, at and behind what the record rests on.
func orders(r *record) []states.Order {
	out := []states.Order{{}, {Boot: 1, Beat: 1}, {Boot: 3, Beat: 1}}
	if o := r.now.lastOrder; o != nil {
		out = append(out, *o, states.Order{Boot: o.Boot, Beat: o.Beat + 1})
	}
	if o := r.now.deferredOrder; o != nil {
		out = append(out, states.Order{Boot: o.Boot, Beat: o.Beat + 5}, states.Order{Boot: o.Boot + 1, Beat: 1})
	}
	slices.SortFunc(out, func(a, b states.Order) int {
		switch {
		case a == b:
			return 0
		case later(&b, &a):
			return -1
		}
		return 1
	})
	return slices.Compact(out)
}

// origin says who sends events of a body's kind.
func origin(b reducer.Body) reducer.Origin {
	switch b.(type) {
	case reducer.Opened, reducer.Dispatched:
		return reducer.Origin{By: reducer.ByControlPlane}
	}
	return reducer.Origin{}
}

// everyEvent yields what can be put to a record: every body at every edge, with
// the number that is next and one that leaves a gap, in each order, cut or not;
// each once with the number that was last; and every guess.
func everyEvent(r *record, all []reducer.Body, yield func(reducer.Event) bool) {
	times, places := edges(r), orders(r)
	for _, body := range all {
		from := origin(body)
		numbers := []states.Seq{r.lastSeq + 1, r.lastSeq + 3}
		if from.By != reducer.ByAgent {
			numbers = []states.Seq{0}
		}
		for _, at := range times {
			for _, order := range places {
				for _, seq := range numbers {
					ev := reducer.Event{Key: key, Seq: seq, Origin: from, At: at, Order: order, Body: body}
					cut := ev
					cut.Clamped = true
					if !yield(ev) || seq != 0 && !yield(cut) {
						return
					}
				}
			}
		}
		if r.lastSeq != 0 && from.By == reducer.ByAgent && !yield(reducer.Event{Key: key, Seq: r.lastSeq, At: after(100), Body: body}) {
			return
		}
	}
	everyGuess(r, times, yield)
}

// everyGuess yields each event that can be synthesised, as a heartbeat's and as
// a report's.
func everyGuess(r *record, times []states.Time, yield func(reducer.Event) bool) {
	for _, kind := range []states.Kind{
		states.KindDispatchAck, states.KindActivationCompleted, states.KindActivationFailed,
		states.KindFailed, states.KindRollbackComplete, states.KindConverged,
	} {
		for _, why := range []states.Case{states.RecordsLost, states.ReportAhead} {
			for _, at := range times {
				from := states.Observation{At: at, Order: states.Order{Boot: 3, Beat: 1}, Current: old}
				if why == states.ReportAhead {
					from.Seq = r.lastSeq + 1
				}
				ev := synthesised(r, kind, why, from, at)
				ev.Key = key
				if !yield(ev) {
					return
				}
			}
		}
	}
}

// malformed is what does not get as far as the table: no body, no number,
// another record, and every kind from those who do not send it; two faults at
// once too.
func malformed(r *record) []reducer.Event {
	next, elsewhere := r.lastSeq+1, states.Key{Rollout: foreign, Host: key.Host}
	started := reducer.ActivationStarted{}
	out := []reducer.Event{
		{Key: key, Seq: next, At: after(100)},
		{Key: elsewhere, At: after(100)},
		{Key: key, At: after(100), Body: started},
		{Key: elsewhere, Seq: next, At: after(100), Body: started},
		{Key: elsewhere, At: after(100), Body: started},
		{Key: elsewhere, Seq: r.lastSeq, At: after(100), Body: started},
	}
	for _, body := range bodies() {
		for _, by := range []reducer.By{reducer.ByAgent, reducer.ByControlPlane, reducer.BySynthesis} {
			if !sends(by, body.Kind()) {
				out = append(out, reducer.Event{Key: key, Seq: next, Origin: reducer.Origin{By: by}, At: after(100), Body: body})
			}
		}
	}
	return out
}
