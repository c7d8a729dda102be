package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Entry is one durable fact. The list is sealed: [Standing], [Taken],
// [Answered] and [Report]. An entry replaces the one that had its slot; beyond
// that, the order in which entries were kept does not matter.
type Entry interface {
	Slot() Slot
	entry()
}

// Slot names an entry's place in the journal. It is comparable.
type Slot struct {
	Kind    EntryKind
	Rollout states.Rollout // zero for a Standing
	Seq     states.Seq     // of a Report; zero otherwise
}

// EntryKind says what sort of entry a slot holds. The zero value is invalid.
type EntryKind uint8

// The kinds of entries.
const (
	KindStanding EntryKind = iota + 1
	KindTaken
	KindAnswered
	KindReport
)

// Standing is what the agent knows of its host.
type Standing struct {
	BootID    string         // the boot that it was in
	Order     states.Order   // that boot's number, and the newest beat in it
	Unproven  bool           // the number was begun without a journal, and no reply has confirmed it
	Current   states.Closure // the last known closure
	Since     states.Time    // since when it runs; the agent's clock, 0 where unknown
	LastReply states.Time    // of the last heartbeat; the control plane's clock
}

// Taken is a rollout that the agent took, from a dispatch or from a snapshot,
// and on what terms.
type Taken struct {
	Rollout    states.Rollout
	Nth        uint64       // rises with each taking, from 1: the greatest is the newest
	State      states.State // what it was taken in; Pending from a dispatch
	Target     states.Closure
	AtDispatch states.Closure // may be unknown
	Soak       time.Duration  // 0 where it was not said
	SoakDueAt  states.Time    // as the control plane said it; 0 where it did not
	OnFailure  states.OnFailure
	Base       states.Seq // the last number before the taking: its own reports go on behind it
}

// Answered is how far the control plane has answered a rollout's reports.
type Answered struct {
	Rollout states.Rollout
	Through states.Seq // reports up to here were consumed
	Refused states.Seq // the newest Converged that was refused; 0 while none was
}

// Report is a report that is kept until a newer rollout but one is
// acknowledged.
type Report struct{ Event reducer.Event }

// Slot implements [Entry].
func (Standing) Slot() Slot { return Slot{Kind: KindStanding} }

// Slot implements [Entry].
func (e Taken) Slot() Slot { return Slot{Kind: KindTaken, Rollout: e.Rollout} }

// Slot implements [Entry].
func (e Answered) Slot() Slot { return Slot{Kind: KindAnswered, Rollout: e.Rollout} }

// Slot implements [Entry].
func (e Report) Slot() Slot {
	return Slot{Kind: KindReport, Rollout: e.Event.Key.Rollout, Seq: e.Event.Seq}
}

func (Standing) entry() {}
func (Taken) entry()    {}
func (Answered) entry() {}
func (Report) entry()   {}

// Journal is a journal in memory, sorted by slot: for simulators and tests,
// and for a caller that rewrites a file of its own. Its methods copy.
type Journal []Entry

// Keep returns the journal with e in its slot.
func (j Journal) Keep(e Entry) Journal {
	i, found := j.find(e.Slot())
	out := slices.Clone(j)
	if found {
		out[i] = e
		return out
	}
	return slices.Insert(out, i, e)
}

// Forget returns the journal without the slot's entry.
func (j Journal) Forget(s Slot) Journal {
	i, found := j.find(s)
	if !found {
		return j
	}
	return slices.Delete(slices.Clone(j), i, i+1)
}

func (j Journal) find(s Slot) (int, bool) {
	return slices.BinarySearchFunc(j, s, func(e Entry, s Slot) int { return e.Slot().compare(s) })
}

// compare orders slots by kind, rollout and number.
func (s Slot) compare(o Slot) int {
	return cmp.Or(
		cmp.Compare(s.Kind, o.Kind),
		cmp.Compare(s.Rollout.Channel, o.Rollout.Channel),
		cmp.Compare(s.Rollout.Ref, o.Rollout.Ref),
		cmp.Compare(s.Seq, o.Seq),
	)
}
