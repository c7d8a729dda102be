package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// HeartbeatReply answers a heartbeat, once what it led to is committed.
type HeartbeatReply struct {
	ReceivedAt states.Time   // the control plane's clock
	NextBeat   time.Duration // when the control plane wants the next one

	// Snapshots are the host's acknowledged live records, after synthesis; given
	// when the agent holds no rollout.
	Snapshots []Snapshot

	// ReplayFrom is the first number that the record of the rollout which the
	// heartbeat names lacks; 0 where there is no such record.
	ReplayFrom states.Seq

	// Replay names the records for which the agent's kept reports are wanted.
	Replay []Replay

	// Newest is the order of the newest heartbeat that is known of the host, where
	// this one looked older; zero where it did not. An agent that never sent that
	// one has lost count, and goes on behind it.
	Newest states.Order

	// Findings tells what was concluded, a finding per live record; for logs and
	// tests, not for the agent. It is empty for a host that is in step.
	Findings []synth.Finding
}

// HeartbeatResult is the reply to one heartbeat of a batch, or why there is
// none.
type HeartbeatResult struct {
	Reply HeartbeatReply
	Err   error
}

// Replay asks for the kept reports of one rollout, from a number on.
type Replay struct {
	Rollout states.Rollout
	From    states.Seq
}

// Snapshot is a record as an agent needs it that has lost its own state.
type Snapshot struct {
	Record    states.Record
	SoakDueAt states.Time // the agent's clock
	LastBoot  uint64      // the highest boot number that is known of the host; 0: none
}

// ReportReply answers a report, once it is committed.
type ReportReply struct {
	Disposition reducer.Disposition
	Reason      string // why it was refused, or what is to be said of it
}

// Dispatch is what an agent is asked to do.
type Dispatch struct {
	Key        states.Key
	Target     states.Closure
	Policy     states.Policy
	EnqueuedAt states.Time // when it was first handed out: the control plane's clock
	SentAt     states.Time // the control plane's clock
}

// Explanation is what an operator is shown of one host.
type Explanation struct {
	Host    states.Host
	Seen    synth.Seen // Received is zero where the host never beat
	Records []Explained
	// Silent names hosts that this one waits for and that have not beaten within
	// the bound: those that hold a place in its budgets, which a silent host
	// keeps, and those of waves in front of it that are not done.
	Silent []states.Host
}

// Explained is one record with what is concluded of it.
type Explained struct {
	Record     states.Record
	Superseded bool
	Finding    synth.Finding
	Verdict    gates.Verdict // of a dispatch, where the record is Pending; zero otherwise
	Withheld   string        // why no dispatch goes out though the gates are open; empty: none is withheld
	Log        []reducer.LogEntry
}

// RolloutState is derived from a rollout's records and its successor; it is
// never stored. The zero value is invalid.
type RolloutState uint8

// The states of a rollout.
const (
	Open       RolloutState = iota + 1 // nothing acknowledged
	Active                             // some hosts work
	Converging                         // every host is on the target or Deferred
	Terminal                           // every host converged
	Halted                             // a host failed, none is in flight
	Superseded                         // a newer rollout was opened on the channel
)

var rolloutStateNames = [...]string{"invalid", "Open", "Active", "Converging", "Terminal", "Halted", "Superseded"}

// String returns the state's name.
func (s RolloutState) String() string {
	if int(s) < len(rolloutStateNames) {
		return rolloutStateNames[s]
	}
	return rolloutStateNames[0]
}

// Overview is what an operator is shown of the fleet.
type Overview struct {
	Now         states.Time
	Ref         states.Ref // of the loaded manifest; empty: none is loaded, or it names none
	Rollouts    []RolloutView
	Quarantines []reducer.Quarantine
	Hosts       int // that the manifest lists
	Silent      int // of them, without a beat within the bound
}

// RolloutView is one rollout in an overview.
type RolloutView struct {
	Rollout     states.Rollout
	State       RolloutState
	Hosts       int
	ByState     map[states.State]int
	CurrentWave states.Wave // past the last one where all are done
	Halting     []states.Host
	Blocked     []gates.Block // the gates of order that hold the whole channel
}

// Loaded tells what loading a manifest did.
type Loaded struct {
	Opened  []states.Rollout // opened by it, in the order of their channels
	Already []states.Rollout // open before
}

// ErrNotReady says that the engine cannot judge yet: no manifest is loaded, or
// it is still reading its store. Nothing was consumed; try again after a while.
var ErrNotReady = errors.New("engine: not ready: nothing was consumed, try again")

// ErrClosed says that the engine was closed.
var ErrClosed = errors.New("engine: closed")

// ErrUnknownHost says that the manifest does not list a host.
var ErrUnknownHost = errors.New("engine: the manifest does not list the host")

// ErrContended says that a change kept losing against other writers. Nothing
// of it was stored; try again.
var ErrContended = errors.New("engine: other writers kept changing the record: try again")

// BusyError says that too many inputs wait. Nothing was consumed: the caller
// keeps what it has, and comes again later.
type BusyError struct {
	After time.Duration // not before; hosts are given different times, so that they do not come back together
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("engine: too many wait: nothing was consumed, come again in %s", e.After)
}

// GapError puts a report back: numbers are missing in front of it. It was not
// consumed. An agent that has them sends them first. One that has not says so
// by [Report.LostFrom], or, where it cannot, sends the report again; then the
// gap is accepted.
type GapError struct {
	Key  states.Key
	From states.Seq // the first missing number
	Seq  states.Seq // the report's
}

func (e *GapError) Error() string {
	return fmt.Sprintf("engine: %s: report %d came before %d: send from there, or this one again", e.Key, e.Seq, e.From)
}

// StaleManifestError refuses a manifest that is older than the newest one seen.
type StaleManifestError struct {
	SignedAt states.Time
	Newest   states.Time
}

func (e *StaleManifestError) Error() string {
	return fmt.Sprintf("engine: the manifest was signed at %s, and one of %s was loaded before: publish a newer one", e.SignedAt, e.Newest)
}

// TargetsChangedError refuses a manifest that gives a known ref other targets.
type TargetsChangedError struct {
	Rollout states.Rollout
	Host    states.Host
	Was, Is states.Closure
}

func (e *TargetsChangedError) Error() string {
	return fmt.Sprintf("engine: %s was opened with %s for %s, the manifest now says %s: a change of targets needs a new ref", e.Rollout, e.Was, e.Host, e.Is)
}

// SupersededRefError refuses to go back to a rollout that a newer one took the
// place of.
type SupersededRefError struct {
	Rollout states.Rollout
	By      states.Rollout
}

func (e *SupersededRefError) Error() string {
	return fmt.Sprintf("engine: %s was superseded by %s: going back takes a new ref", e.Rollout, e.By)
}

// ErrReasonNeeded says that an operator's act needs a reason, which is logged.
var ErrReasonNeeded = errors.New("engine: an operator's act needs a reason")

// ErrNotQuarantined says that there is no such quarantine to clear.
var ErrNotQuarantined = errors.New("engine: it is not quarantined")
