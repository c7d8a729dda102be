package upkeep

import (
	"fmt"

	"github.com/rollmend/rollmend/states"
)

// Problem names what is wrong.
type Problem string

// The problems.
const (
	LogBroken   Problem = "log-broken"   // the log has a gap, or does not fold
	Differs     Problem = "differs"      // the log folds to another record than the one stored
	OtherOrigin Problem = "other-origin" // record or log do not begin with what the rollout was opened with
	Unreadable  Problem = "unreadable"   // the store says that it is damaged there
	Missing     Problem = "missing"      // a host of an opening has no record
	Unlisted    Problem = "unlisted"     // the record is there, and the store does not list it
	Twice       Problem = "twice"        // the store lists the record twice
	Orphan      Problem = "orphan"       // a record of no opening
	Stray       Problem = "stray"        // a part of the store that belongs to no record
)

// Finding is one thing that is wrong with what a store holds. What helps is a
// backup from before, or to start without the store: hosts come back with their
// next heartbeat.
type Finding struct {
	Problem Problem
	Key     states.Key // of the record; zero where it is about none
	Detail  string
}

// String tells the finding in one line.
func (f Finding) String() string {
	if f.Key == (states.Key{}) {
		return fmt.Sprintf("%s: %s", f.Problem, f.Detail)
	}
	return fmt.Sprintf("%s: %s: %s", f.Problem, f.Key, f.Detail)
}
