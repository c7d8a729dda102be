package adapters

import (
	"context"

	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// Follower is a [Store] that several control planes share, each through a store
// of its own, and that tells each what the others stored. It is an optional
// power: without it a control plane learns of the others by its conflicts, and
// is only later.
type Follower interface {
	// Follow begins to follow: what others store from now on is news. Call it
	// before the fleet and the records are read, so that nothing is missed in
	// between.
	Follow(ctx context.Context) (Following, error)
}

// Following is one reader's place in what others store. Wait may be called
// beside the other methods; those are one caller's.
type Following interface {
	// Wait returns nil once there may be news, and an error when ctx ends, or
	// [ErrClosed]. To be woken for nothing is harmless; a call that is lost
	// delays news, no more.
	Wait(ctx context.Context) error

	// News tells what others stored since the News before, as it is at one
	// moment. That moment is after everything that the store has answered: a
	// record never goes back behind what its reader knows. After an error what
	// was to be told is told by the next call.
	News(ctx context.Context) (News, error)

	// Close ends the following and gives back what it holds.
	Close() error
}

// News is what others stored, all read at one moment.
type News struct {
	// Reload says that there is more than can be told one by one: somebody
	// enacted something, or the reader fell too far behind. The fleet and the
	// records are to be read again; nothing else is set.
	Reload bool

	Ordering    Ordering
	Quarantines []reducer.Quarantine // all that are in force, sorted by channel, then closure

	// Changed are the records whose newest change is another's, each once, as
	// they are at that moment.
	Changed []states.Record
}
