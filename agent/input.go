package agent

import (
	"time"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Input is something that happened. The list is sealed: the types of this file
// are all that there are. Now is by the agent's own clock; Current is what the
// host was seen to run, unknown where that could not be read.
type Input interface {
	when() states.Time
	enter(*turn)
}

// Started says that the agent's process began. It is the first input of every
// machine; one that comes later starts the machine anew.
type Started struct {
	Now     states.Time
	Current states.Closure

	// BootID names the boot that the host is in, as the operating system does.
	// Another name than the one in the journal is a reboot. Where it is unknown
	// no reboot is seen.
	BootID string

	Journal []Entry // everything that was kept and not forgotten, in any order
}

// Dispatched says that the control plane handed a dispatch out.
type Dispatched struct {
	Now      states.Time
	Current  states.Closure
	Dispatch Dispatch
}

// SwitchFinished says that an [Activate] ended, whatever its outcome: what the
// host runs now is the evidence, the exit code is only recorded.
type SwitchFinished struct {
	Now      states.Time
	Current  states.Closure
	ExitCode int
	Stderr   string // its end is reported, up to [MaxStderr] bytes
}

// SwitchDeferred says that an [Activate] staged the target for the next boot.
type SwitchDeferred struct {
	Now       states.Time
	Current   states.Closure
	Component string // what cannot be swapped live, such as "kernel"
}

// RollbackFinished says that a [RollBack] ended, whatever its outcome.
type RollbackFinished struct {
	Now      states.Time
	Current  states.Closure
	ExitCode int
}

// ProbesDeclared says which probes a closure has; it may have none. It answers
// [RunProbes], before the results: a host whose probes are not known does not
// converge.
type ProbesDeclared struct {
	Now     states.Time
	Closure states.Closure // that they belong to; of another than runs, nothing is heard
	Probes  []reducer.Declaration
}

// ProbeReported is one result of one probe, from a run of [RunProbes].
type ProbeReported struct {
	Now     states.Time
	Closure states.Closure // that was looked at; of another than runs, nothing is heard
	Name    string
	Mode    states.Mode
	Status  states.Status
	Reason  string // why it failed
	Sub     []reducer.SubResult
}

// Ticked says that time has passed.
type Ticked struct {
	Now     states.Time
	Current states.Closure
}

// BeatAnswered is the control plane's reply to a heartbeat.
type BeatAnswered struct {
	Now        states.Time
	ReceivedAt states.Time // the control plane's clock
	NextBeat   time.Duration
	Snapshots  []Snapshot
	Replay     []Replay // the header's and the body's requests alike

	// Newest is the order of the newest heartbeat that the control plane knows of,
	// where this one looked older; zero where it did not.
	Newest states.Order
}

// ReportAnswered is the control plane's reply to a report.
type ReportAnswered struct {
	Now     states.Time
	Rollout states.Rollout
	Seq     states.Seq
	Answer  Answer

	Disposition reducer.Disposition // with Told
	From        states.Seq          // with PutBack: the first number that is missing
	After       time.Duration       // with NotNow: the least time to wait; 0 where it was not said
}

// Answer says how a report was answered. The zero value is none: the report
// is sent again.
type Answer uint8

// The answers.
const (
	// Told is a 200 with its disposition. Any other final word (400, 403, 413)
	// is handed in as Told with Refused: it never blocks what is behind it.
	Told Answer = iota + 1
	// NoRecord is a 404: consumed.
	NoRecord
	// PutBack is a 503 that names the first missing number: not consumed.
	PutBack
	// NotNow is any other 503, or no reply at all: not consumed.
	NotNow
)

func (in Started) when() states.Time          { return in.Now }
func (in Dispatched) when() states.Time       { return in.Now }
func (in SwitchFinished) when() states.Time   { return in.Now }
func (in SwitchDeferred) when() states.Time   { return in.Now }
func (in RollbackFinished) when() states.Time { return in.Now }
func (in ProbesDeclared) when() states.Time   { return in.Now }
func (in ProbeReported) when() states.Time    { return in.Now }
func (in Ticked) when() states.Time           { return in.Now }
func (in BeatAnswered) when() states.Time     { return in.Now }
func (in ReportAnswered) when() states.Time   { return in.Now }

func (in Ticked) enter(t *turn) { t.observe(in.Current) }
