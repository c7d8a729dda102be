package reducer_test

import (
	"encoding/binary"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// raw turns bytes into values, any bytes into any value that a field can hold.
// Behind its end it gives zeros.
type raw struct{ rest []byte }

func (r *raw) byte() byte {
	if len(r.rest) == 0 {
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

// below draws a number from 0 on.
func (r *raw) below(n int) int { return int(r.byte()) % n }

func (r *raw) truth() bool { return r.byte()&1 == 1 }

// number draws small numbers, which meet each other often, and any other.
func (r *raw) number() uint64 {
	b := r.byte()
	if b < 250 {
		return uint64(b)
	}
	var wide [8]byte
	for i := range wide {
		wide[i] = r.byte()
	}
	return binary.LittleEndian.Uint64(wide[:])
}

func (r *raw) time() states.Time { return states.Time(r.number()) }

// names are few, so that closures, hosts and probes meet each other often.
var names = []string{"", "new", "old", "other", "http", "disk"}

// text draws one of the names, or any bytes.
func (r *raw) text() string {
	b := int(r.byte())
	if b < 240 {
		return names[b%len(names)]
	}
	n := min(int(r.byte()), len(r.rest))
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *raw) closure() states.Closure { return states.Closure(r.text()) }

// enum draws a value of an enumeration, one that it does not have among them.
func enum[E ~uint8](r *raw, last E) E { return E(r.below(int(last) + 2)) }

func (r *raw) order() states.Order { return states.Order{Boot: r.number(), Beat: r.number()} }

func (r *raw) mode() states.Mode     { return enum(r, states.Enforce) }
func (r *raw) status() states.Status { return enum(r, states.Fail) }
func (r *raw) kind() states.Kind     { return enum(r, states.KindConverged) }

func (r *raw) policy() states.Policy {
	return states.Policy{
		Soak: time.Duration(r.number()) * time.Millisecond, OnFailure: enum(r, states.RollbackAndHalt), DeferredIsDone: r.truth(),
	}
}

func (r *raw) observation() states.Observation {
	return states.Observation{At: r.time(), Order: r.order(), Current: r.closure(), Seq: states.Seq(r.number())}
}

// listMost bounds the lists that are drawn.
const listMost = 8

func list[V any](r *raw, one func() V) (all []V) {
	for range r.below(listMost) {
		all = append(all, one())
	}
	return all
}

func (r *raw) probe() states.Probe {
	return states.Probe{
		Name: r.text(), Mode: r.mode(), Declared: r.truth(), Status: r.status(),
		At: r.time(), Reason: r.text(), SinceGap: r.truth(),
	}
}

func (r *raw) belief() states.Belief {
	b := states.Belief{
		State: enum(r, states.Reverted), AtDispatch: r.closure(), Current: r.closure(), RevertedTo: r.closure(),
		PolicyApplied: enum(r, states.RollbackAndHalt), LastOrder: r.order(), DeferredOrder: r.order(),
	}
	for s := range states.AllStamps() {
		b.Set(s, r.time(), r.truth())
	}
	for _, p := range list(r, r.probe) {
		b.Probes = b.Probes.With(p)
	}
	return b
}

var fuzzed = states.Key{Rollout: states.Rollout{Channel: "stable", Ref: "a1b2"}, Host: "web-1"}

// record draws any record, one that no events lead to among them.
func (r *raw) record() states.Record {
	rec := states.Record{
		Key: fuzzed, Wave: states.Wave(r.number()), Target: r.closure(), Policy: r.policy(),
		Opened: r.time(), Dispatched: r.time(), LastSeq: states.Seq(r.number()), Gap: r.truth(),
		Revision: states.Revision(r.number()), Belief: r.belief(),
	}
	if !r.truth() {
		return rec
	}
	rec.Doubt = &states.Doubt{Before: r.belief()}
	for range 1 + r.below(states.MaxGuesses) {
		rec.Doubt.Guesses = append(rec.Doubt.Guesses, states.Guess{
			Kind: r.kind(), Case: enum(r, states.ReportAhead), At: r.time(), From: r.observation(),
		})
	}
	return rec
}

func (r *raw) event() reducer.Event {
	ev := reducer.Event{
		Key: fuzzed, Seq: states.Seq(r.number()), At: r.time(), Order: r.order(), Clamped: r.truth(), Body: r.body(),
		Origin: reducer.Origin{By: enum(r, reducer.BySynthesis)},
	}
	if ev.Synthesised() {
		ev.Origin.Case, ev.Origin.From = enum(r, states.ReportAhead), r.observation()
	}
	if r.byte() > 250 {
		ev.Key.Host = states.Host(r.text())
	}
	return ev
}

// body draws a body of any kind, and now and then none.
func (r *raw) body() reducer.Body {
	switch r.kind() {
	case states.KindOpened:
		return reducer.Opened{Wave: states.Wave(r.number()), Target: r.closure(), Policy: r.policy()}
	case states.KindDispatched:
		return reducer.Dispatched{}
	case states.KindDispatchAck:
		return reducer.DispatchAck{AtDispatch: r.closure()}
	case states.KindActivationStarted:
		return reducer.ActivationStarted{Method: r.text()}
	case states.KindActivationCompleted:
		return reducer.ActivationCompleted{Observed: r.closure(), ExitCode: int(r.number())}
	case states.KindActivationDeferred:
		return reducer.ActivationDeferred{Component: r.text()}
	case states.KindActivationFailed:
		return reducer.ActivationFailed{ExitCode: int(r.number()), StderrTail: r.text()}
	case states.KindProbeTopologyDeclared:
		return reducer.ProbeTopologyDeclared{Probes: list(r, func() reducer.Declaration {
			return reducer.Declaration{Name: r.text(), Kind: r.text(), Mode: r.mode()}
		})}
	case states.KindProbeObservedFirst:
		return reducer.ProbeObservedFirst{Probe: r.text(), Mode: r.mode()}
	case states.KindProbeResult:
		return reducer.ProbeResult{Probe: r.text(), Mode: r.mode(), Status: r.status(), Reason: r.text(), Sub: list(r, r.subResult)}
	case states.KindProbeFailureFirst:
		return reducer.ProbeFailureFirst{Probe: r.text(), Mode: r.mode()}
	case states.KindFailed:
		return reducer.Failed{
			Duration: time.Duration(r.number()) * time.Millisecond, Failing: list(r, r.text), PolicyApplied: enum(r, states.RollbackAndHalt),
		}
	case states.KindRollbackComplete:
		return reducer.RollbackComplete{RevertedTo: r.closure(), ExitCode: int(r.number())}
	case states.KindConverged:
		return reducer.Converged{Current: r.closure()}
	}
	return nil
}

func (r *raw) subResult() reducer.SubResult {
	return reducer.SubResult{
		ControlID: r.text(), Status: r.status(), Framework: r.text(), Article: r.text(),
		EffectiveMode: r.mode(), OverrideReason: r.text(),
	}
}
