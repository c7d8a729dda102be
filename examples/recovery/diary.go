package main

import (
	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// diary is what one host wrote down, as far as it was read.
type diary struct {
	path    string
	reading host.Reading
	notes   []host.Note
}

// read reads on.
func (d *diary) read() error {
	d.reading.Path = d.path
	notes, err := d.reading.Next()
	d.notes = append(d.notes, notes...)
	return err
}

// since returns the notes of a kind from a moment on.
func (d *diary) since(at states.Time, what host.What) []host.Note {
	var out []host.Note
	for _, n := range d.notes {
		if n.At >= at && n.What == what {
			out = append(out, n)
		}
	}
	return out
}

// beats counts the heartbeats that a control plane answered which was started
// at a moment.
func (d *diary) beats(started states.Time) (n int) {
	for _, note := range d.notes {
		if note.What == host.BeatWasAnswered && note.Received >= started {
			n++
		}
	}
	return n
}

// acknowledged counts the reports of a rollout that were answered.
func (d *diary) acknowledged(rollout states.Rollout) (n int) {
	for _, note := range d.notes {
		if note.What == host.ReportAnswered && note.Rollout == rollout.String() {
			n++
		}
	}
	return n
}

// when returns when a report of a kind was first kept for a rollout; zero where
// it never was.
func (d *diary) when(rollout states.Rollout, kind states.Kind) states.Time {
	for _, n := range d.notes {
		if n.What == host.ReportKept && n.Rollout == rollout.String() && n.Kind == kind.String() {
			return n.At
		}
	}
	return 0
}

// dispatched returns when a rollout was first handed out to the host.
func (d *diary) dispatched(rollout states.Rollout) states.Time {
	for _, n := range d.notes {
		if n.What == host.WasDispatched && n.Rollout == rollout.String() {
			return n.At
		}
	}
	return 0
}

// leadsTo is the state that a host is in once it has said something; what is
// not listed leaves the state as it was.
var leadsTo = map[string]states.State{
	states.KindDispatchAck.String():         states.Activating,
	states.KindActivationCompleted.String(): states.Soaking,
	states.KindActivationDeferred.String():  states.Deferred,
	states.KindActivationFailed.String():    states.Failed,
	states.KindFailed.String():              states.Failed,
	states.KindRollbackComplete.String():    states.Reverted,
	states.KindConverged.String():           states.Converged,
}

// state returns how far a host got in a rollout by its own word; zero where it
// has never said anything about it. An acknowledgement that is said again,
// because the dispatch came again, changes nothing.
func (d *diary) state(rollout states.Rollout) (s states.State) {
	for _, n := range d.notes {
		if n.What != host.ReportKept || n.Rollout != rollout.String() {
			continue
		}
		if to := leadsTo[n.Kind]; to != 0 && !(to == states.Activating && s != 0) {
			s = to
		}
	}
	return s
}

// reportID names a report of the host.
type reportID struct {
	Rollout string
	Seq     states.Seq
}

// lastKept returns the newest report.
func (d *diary) lastKept() reportID { return d.newest(host.ReportKept) }

// lastAnswered returns the newest report that was answered.
func (d *diary) lastAnswered() reportID { return d.newest(host.ReportAnswered) }

func (d *diary) newest(what host.What) (id reportID) {
	for _, n := range d.notes {
		if n.What != what {
			continue
		}
		if n.Rollout != id.Rollout || n.Seq > id.Seq {
			id = reportID{n.Rollout, n.Seq}
		}
	}
	return id
}
