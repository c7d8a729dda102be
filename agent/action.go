package agent

import (
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Action is something that the caller has to do. The list is sealed: the types
// of this file are all that there are. Actions are done in the order in which
// they come; one that waits for the outside ([Beat], [Send], [RunProbes],
// [Activate], [RollBack]) need not end before the next is begun, and its end
// is an [Input].
type Action interface{ action() }

// Keep stores an entry in the journal, in place of the one with the same slot.
// It must be on the disk, file and folder, before the next action is begun.
type Keep struct{ Entry Entry }

// Forget removes an entry from the journal.
type Forget struct{ Slot Slot }

// Beat sends a heartbeat. Its reply is a [BeatAnswered]; where none comes, the
// next heartbeat follows anyway, and a reply that comes after that is dropped.
type Beat struct{ Heartbeat Heartbeat }

// Send sends a report, which was kept before. Its reply is a [ReportAnswered];
// where none comes, it is sent again.
type Send struct {
	Report reducer.Event

	// LostFrom is the first number of the gap in what the agent keeps in front of
	// the report, the report's own where there is none: those from here up to the
	// report can not be sent any more, and a control plane that misses others in
	// front of it asks for them. The first generation does not say: 0.
	LostFrom states.Seq
}

// RunProbes looks at the closure that runs: a [ProbesDeclared], then a
// [ProbeReported] for each probe that is not disabled.
type RunProbes struct{ Closure states.Closure }

// Activate switches the host to the target. It ends in a [SwitchFinished] or a
// [SwitchDeferred], unless the switch ends the agent. After a restart it may
// come again for a switch that was cut off.
type Activate struct{ Target states.Closure }

// RollBack switches the host back. It ends in a [RollbackFinished], unless the
// switch ends the agent.
type RollBack struct{ To states.Closure }

func (Keep) action()      {}
func (Forget) action()    {}
func (Beat) action()      {}
func (Send) action()      {}
func (RunProbes) action() {}
func (Activate) action()  {}
func (RollBack) action()  {}
