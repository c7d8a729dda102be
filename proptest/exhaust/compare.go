package exhaust

import (
	"errors"
	"reflect"
	"slices"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// agrees reports whether the system's answer to a step is the oracle's; rec is
// the record that the oracle wants.
func (want *outcome) agrees(rec *states.Record, got *reducer.Outcome, err error, ev *reducer.Event) bool {
	return got.Disposition == want.disposition && refusalOf(err) == want.refusal &&
		sameRecord(&got.Record, rec) && want.entryAgrees(&got.Effects.Entry, err, ev) &&
		got.Effects.Quarantine == want.quarantine && got.Effects.Transition == want.transition
}

func (want *outcome) entryAgrees(got *reducer.LogEntry, err error, ev *reducer.Event) bool {
	if !want.logged {
		return reflect.DeepEqual(*got, reducer.LogEntry{})
	}
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	return got.Revision == want.record.revision && got.Disposition == want.disposition && got.Reason == reason &&
		reflect.DeepEqual(got.Event, *ev)
}

// refusalOf reads a typed error.
func refusalOf(err error) refusal {
	var illegalErr *reducer.IllegalError
	var invariant *reducer.InvariantError
	var wrong *reducer.WrongRecordError
	switch {
	case err == nil:
		return refusal{}
	case errors.As(err, &illegalErr):
		return refusal{illegal: true}
	case errors.As(err, &invariant):
		return refusal{invariant: invariant.Invariant}
	case errors.As(err, &wrong):
		return refusal{other: "wrong record"}
	case errors.Is(err, reducer.ErrNoBody):
		return refusal{other: "no body"}
	case errors.Is(err, reducer.ErrNoNumber):
		return refusal{other: "no number"}
	}
	return refusal{other: err.Error()}
}

// sameRecord compares every field as it is stored.
func sameRecord(a, b *states.Record) bool {
	if a.Key != b.Key || a.Wave != b.Wave || string(a.Target) != string(b.Target) || a.Policy != b.Policy ||
		a.Opened != b.Opened || a.Dispatched != b.Dispatched || a.LastSeq != b.LastSeq || a.Gap != b.Gap ||
		a.Revision != b.Revision || !sameBelief(&a.Belief, &b.Belief) || (a.Doubt == nil) != (b.Doubt == nil) {
		return false
	}
	return a.Doubt == nil || sameBelief(&a.Doubt.Before, &b.Doubt.Before) && slices.Equal(a.Doubt.Guesses, b.Doubt.Guesses)
}

func sameBelief(a, b *states.Belief) bool {
	return a.State == b.State && a.Times == b.Times && a.Given == b.Given &&
		string(a.AtDispatch) == string(b.AtDispatch) && string(a.Current) == string(b.Current) &&
		string(a.RevertedTo) == string(b.RevertedTo) && a.PolicyApplied == b.PolicyApplied &&
		slices.Equal(a.Probes, b.Probes) && a.LastOrder == b.LastOrder && a.DeferredOrder == b.DeferredOrder
}

// agrees reports whether the system's finding is the oracle's.
func (want *conclusion) agrees(got *synth.Finding, rec *states.Record, l *synth.Look) bool {
	if got.Key != rec.Key || got.Reason != want.reason || got.Case != want.why || got.Detail == "" && l.Now != 0 {
		return false
	}
	if want.reason == synth.Held {
		if !reflect.DeepEqual(got.Blocks, l.Verdict.Blocks) {
			return false
		}
	} else if len(got.Blocks) > 0 {
		return false
	}
	if len(got.Events) != len(want.events) {
		return false
	}
	for i := range want.events {
		if !reflect.DeepEqual(got.Events[i], want.events[i]) {
			return false
		}
	}
	return true
}
