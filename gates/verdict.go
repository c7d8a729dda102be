package gates

import (
	"fmt"
	"strings"

	"github.com/rollmend/rollmend/states"
)

// Purpose says what an ask wants to do. The zero value is invalid, and holds.
type Purpose uint8

// The purposes.
const (
	Dispatch  Purpose = iota + 1 // hand the rollout to the host: every gate applies
	Synthesis                    // believe that the host has converged: the gates of order apply
)

// String returns the purpose's stable name.
func (p Purpose) String() string {
	switch p {
	case Dispatch:
		return "dispatch"
	case Synthesis:
		return "synthesis"
	}
	return "invalid"
}

// Ask is a host that wants to go.
type Ask struct {
	Purpose Purpose
	Key     states.Key
	Wave    states.Wave
	Target  states.Closure

	// Place is where the plan lists the host, plus 1, where the caller knows it:
	// a hint that spares a search. A wrong one is as good as none.
	Place int32
}

// AskOf returns the ask of a record.
func AskOf(p Purpose, rec *states.Record) Ask {
	return Ask{Purpose: p, Key: rec.Key, Wave: rec.Wave, Target: rec.Target}
}

// Verdict is the answer to an ask. The zero Verdict holds.
type Verdict struct {
	Ask    Ask
	Blocks []Block // every reason to hold, in the order of the gates
	asked  bool
}

// Passed reports whether the host may go.
func (v Verdict) Passed() bool { return v.asked && len(v.Blocks) == 0 }

// String returns one line for an operator.
func (v Verdict) String() string {
	switch {
	case !v.asked:
		return "held: no gate was asked"
	case len(v.Blocks) == 0:
		return "may go"
	}
	lines := make([]string, len(v.Blocks))
	for i, b := range v.Blocks {
		lines[i] = b.String()
	}
	return "held: " + strings.Join(lines, "; ")
}

// Block is one reason to hold.
type Block struct {
	Gate    string // the gate's name
	Scope   string // what it looked at, such as "wave 1 of stable@a1b2"
	Why     string // what holds
	Release string // what would release it
	Waits   Wait   // the same, for programs
}

// String returns one line for an operator.
func (b Block) String() string {
	return fmt.Sprintf("%s (%s): %s; released by %s", b.Gate, b.Scope, b.Why, b.Release)
}

// On says what a block waits for. The zero value is nothing that a program
// could watch: the host is looked at again with its next heartbeat.
type On uint8

// What a block can wait for.
const (
	OnRecord    On = iota + 1 // one host of a rollout is done
	OnWave                    // the rollout's current wave reaches Wave
	OnProbes                  // no enforced probe fails on Wave any more
	OnChannel                 // the channel's rollout is terminal
	OnBudget                  // a host of the budget is no longer in flight
	OnClearance               // an operator clears a quarantine
	OnResume                  // an operator resumes the rollout
	OnManifest                // another manifest is loaded
)

// Wait is what a block waits for. It can be compared, so that whoever is held
// can be found again without polling; fields that do not apply are zero.
type Wait struct {
	On      On
	Rollout states.Rollout
	Wave    states.Wave
	Host    states.Host
	Channel states.Channel
	Closure states.Closure
	Budget  string
}
