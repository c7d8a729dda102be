package sim

import (
	"crypto/sha256"

	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest/internal/graph"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

// smallGraph says how small worlds are copied and told apart. What is shared is
// never written to in place: values that the pure half gives out, and what a
// run has for all its worlds. What is left out follows from the rest, or tells
// only how the world came to be what it is.
func smallGraph() *graph.Plan {
	p := graph.New()
	graph.Share[kind](p)
	graph.Share[seams](p)
	graph.Share[graph.Plan](p)
	graph.Share[dice](p)
	graph.Share[Report](p)
	graph.Share[manifest](p)
	graph.Share[gates.Fleet](p)
	graph.Share[said](p)
	graph.Share[message](p)
	graph.Share[agent.Send](p)
	graph.Share[agent.Machine](p)
	graph.Share[agent.Journal](p)
	graph.Share[adapters.Member](p)
	graph.Share[adapters.Fleet](p)
	graph.Share[states.Record](p)
	graph.Share[states.Rollout](p)
	graph.Share[reducer.Event](p)
	graph.Share[[]byte](p)

	graph.Leave[small](p, "kind", "seams", "graph")
	graph.Leave[world](p, "opts", "dice", "agenda", "trace", "report", "shape", "disk", "rates", "checks", "violated", "faults", "ticks")
	graph.Leave[manifest](p, "fleet")
	graph.Leave[store](p, "disk", "touched", "buf")
	graph.Leave[memory.Store](p, "mu")
	graph.Leave[host](p, "world", "dice", "polls", "config", "life", "wake", "cutUntil")
	graph.Leave[plane](p, "world", "dice", "life", "cursor", "inbox", "busy", "cutUntil")
	graph.Leave[truth](p, "changed", "since")
	graph.Leave[deeds](p, "reports")
	graph.Leave[engine.Core](p, "opts", "fleet", "hosts", "released", "batches")
	graph.Leave[engine.Batch](p, "number")
	graph.Leave[gates.View](p, "fleet", "changes")
	p.LeaveIn("engine.slot", "batch")
	p.LeaveIn("gates.rollout", "words")
	graph.Leave[adapters.Opening](p, "Members")
	return p
}

// copy returns a world that goes its own way.
func (s *small) copy() *small { return graph.Copy(s.graph, s) }

// print is what a world is known again by.
type print [16]byte

// print returns the world's, and the buffer that it used.
func (s *small) print(buf []byte) (print, []byte) {
	buf = graph.Append(s.graph, buf[:0], s)
	sum := sha256.Sum256(buf)
	return print(sum[:16]), buf
}
