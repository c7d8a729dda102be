package states

import (
	"fmt"
	"strings"
)

// Host names a machine of the fleet.
type Host string

// Channel names a group of hosts that move together, such as "stable".
type Channel string

// Ref names what a channel is rolled out to, such as a commit.
type Ref string

// Closure names what a host runs. It is opaque; rollmend only compares it.
// The zero value means "unknown", and unknown never matches anything.
type Closure string

// Is reports whether both closures are known and the same.
// Never compare closures with ==: two unknowns would be equal.
func (c Closure) Is(d Closure) bool { return c != "" && c == d }

// Known reports whether the closure names anything.
func (c Closure) Known() bool { return c != "" }

// String returns the closure's name, or "unknown".
func (c Closure) String() string {
	if c == "" {
		return "unknown"
	}
	return string(c)
}

// Rollout identifies a rollout. Two channels may share a ref, so neither half
// alone is an id. The zero value names no rollout.
type Rollout struct {
	Channel Channel
	Ref     Ref
}

// ParseRollout reads the form "channel@ref" that [Rollout.String] writes. The
// error is a [*NameError].
func ParseRollout(s string) (Rollout, error) {
	channel, ref, _ := strings.Cut(s, "@")
	if channel == "" || ref == "" || strings.Contains(ref, "@") {
		return Rollout{}, &NameError{What: "rollout", Name: s, Want: `"channel@ref", with one @ and both halves given`}
	}
	return Rollout{Channel: Channel(channel), Ref: Ref(ref)}, nil
}

// IsZero reports whether r names no rollout.
func (r Rollout) IsZero() bool { return r == Rollout{} }

// String returns "channel@ref", or the empty string for no rollout.
func (r Rollout) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.Channel) + "@" + string(r.Ref)
}

// Key identifies a record.
type Key struct {
	Rollout Rollout
	Host    Host
}

// String returns "channel@ref/host".
func (k Key) String() string { return k.Rollout.String() + "/" + string(k.Host) }

// Seq is an agent's number for an event, rising per (rollout, host). Numbers
// start at 1; zero is no number.
type Seq uint64

// Revision counts the entries of a record's log after its opening, so it also
// is the position of the entry that made the record what it is. Zero: nothing
// but the opening.
type Revision uint64

// Order is a moment that no clock can upset: the number of the host's boot and
// of the beat within it, both kept by the agent. Boots start at 1; a zero Boot
// means that the agent does not give an order.
type Order struct {
	Boot uint64
	Beat uint64
}

// Given reports whether the agent gave an order.
func (o Order) Given() bool { return o.Boot != 0 }

// After reports whether o is later than p. Both must be given.
func (o Order) After(p Order) bool {
	return o.Boot > p.Boot || o.Boot == p.Boot && o.Beat > p.Beat
}

// String returns "boot.beat", or "none".
func (o Order) String() string {
	if !o.Given() {
		return "none"
	}
	return fmt.Sprintf("%d.%d", o.Boot, o.Beat)
}

// Wave is the position of a host's wave in its channel, from 0. Hosts of a
// channel without waves are all in wave 0.
type Wave int32

// Unstaged is the wave of a host that is in none of its channel's waves: a
// misconfiguration, held until the manifest says otherwise.
const Unstaged Wave = -1

// String returns the wave's number, or "unstaged".
func (w Wave) String() string {
	if w == Unstaged {
		return "unstaged"
	}
	return fmt.Sprintf("%d", int32(w))
}

// NameError says that a text names nothing of the kind asked for.
type NameError struct {
	What string // what was to be named, such as "state"
	Name string // the text
	Want string // what would have been right
}

func (e *NameError) Error() string {
	return fmt.Sprintf("states: %q is no %s: want %s", e.Name, e.What, e.Want)
}
