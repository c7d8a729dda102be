package synth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

func TestWhatAReportNeedsBeforeIt(t *testing.T) {
	heard := in(states.Pending)
	heard.LastSeq = 5
	full := in(states.Pending)
	full.Doubt = &states.Doubt{Guesses: make([]states.Guess, states.MaxGuesses)}
	for _, c := range []struct {
		what   string
		rec    states.Record
		seq    states.Seq
		body   reducer.Body
		want   synth.Reason
		detail string
	}{
		{"legal only further on", heard, 6, reducer.ActivationCompleted{Observed: "new"}, synth.Missed, "while the record was Pending"},
		{"the last number again", heard, 5, reducer.ActivationCompleted{Observed: "new"}, synth.InStep, "needs nothing"},
		{"a number from before", heard, 4, reducer.ActivationCompleted{Observed: "new"}, synth.InStep, "needs nothing"},
		{"legal as it is", heard, 6, reducer.DispatchAck{}, synth.InStep, "needs nothing"},
		{"refused all the same", heard, 6, reducer.ActivationCompleted{Observed: "third"}, synth.InStep, "would be refused"},
		{"a record with as many guesses as it can bear", full, 1, reducer.ActivationCompleted{Observed: "new"}, synth.InStep, "cannot be reached"},
	} {
		f := synth.Ahead(c.rec, reducer.Event{Key: key, Seq: c.seq, At: opened, Body: c.body})
		wants(t, c.what, f, c.want, c.detail)
		if (len(f.Events) > 0) != (c.want == synth.Missed) {
			t.Errorf("%s: %d events", c.what, len(f.Events))
		}
	}
}

func TestAPrefixRestsOnWhatTheReportShows(t *testing.T) {
	served := in(states.Activating)
	served.Policy.Soak = 0
	for _, c := range []struct {
		rec  states.Record
		body reducer.Body
		want states.Closure
	}{
		{in(states.Pending), reducer.ActivationCompleted{Observed: "new"}, "new"},
		{in(states.Activating), reducer.RollbackComplete{RevertedTo: "old"}, "old"},
		{served, reducer.Converged{Current: "new"}, "new"},
		{in(states.Activating), reducer.ProbeResult{Probe: "http", Mode: states.Enforce, Status: states.Pass}, ""},
	} {
		f := synth.Ahead(c.rec, reducer.Event{Key: key, Seq: 3, At: opened, Order: states.Order{Boot: 2, Beat: 6}, Body: c.body})
		if len(f.Events) != 1 {
			t.Errorf("%s: %s", c.body.Kind(), f)
			continue
		}
		want := reducer.Origin{By: reducer.BySynthesis, Case: states.ReportAhead, From: states.Observation{
			At: opened, Order: states.Order{Boot: 2, Beat: 6}, Current: c.want, Seq: 3,
		}}
		if diff := cmp.Diff(want, f.Events[0].Origin); diff != "" {
			t.Errorf("%s: the prefix rests on\n%s", c.body.Kind(), diff)
		}
		if f.Case != states.ReportAhead || f.Events[0].At != opened {
			t.Errorf("%s: %s, at %s", c.body.Kind(), f, f.Events[0].At)
		}
	}
}
