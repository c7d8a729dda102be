package synth

import (
	"time"

	"github.com/rollmend/rollmend/states"
)

// Heartbeat is what a host says of itself, about once in a cycle. Times are
// the agent's, after clamping, unless said otherwise; what may be absent is
// zero.
type Heartbeat struct {
	Host         states.Host
	Holds        states.Rollout // zero: the agent holds none, or cannot say
	Current      states.Closure // unknown: a liveness signal and nothing else
	At           states.Time
	Order        states.Order
	LastReply    states.Time // the newest received-at that the agent has: the control plane's clock
	CurrentSince states.Time // since when it runs Current
	Failing      []string    // names of enforced probes that fail now
	Queued       int         // reports that wait to be sent
}

// After reports whether h was taken later than g: by the agents' own order
// where both give it, else by their clock. Two that were taken at once are not
// after one another.
func (h *Heartbeat) After(g *Heartbeat) bool {
	if h.Order.Given() && g.Order.Given() {
		return h.Order.After(g.Order)
	}
	return h.At > g.At
}

// observation returns what a chain derived from the heartbeat rests on.
func (h *Heartbeat) observation() states.Observation {
	return states.Observation{At: h.At, Order: h.Order, Current: h.Current}
}

// Seen is what a control plane knows of a host beside its records. The zero
// Seen is a host that never beat.
type Seen struct {
	Heartbeat Heartbeat   // the newest one that names a closure, or the newest at all where none did
	Received  states.Time // when the host last beat: the control plane's clock; zero: never

	// OffTarget is the time of the newest heartbeat that came in after the
	// record's opening and showed another closure than its target; zero: none is
	// remembered.
	OffTarget states.Time

	// Newer is set where the heartbeat at hand is older than the newest of its
	// host: it proves nothing.
	Newer bool
}

// Bounds are the limits that findings are judged by. Neither may be zero.
type Bounds struct {
	Silence time.Duration // without a beat for longer, a host is silent: three cycles
	Skew    time.Duration // how far an agent's clock may be off before it is cut
}
