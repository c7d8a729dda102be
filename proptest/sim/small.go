package sim

import (
	"fmt"
	"time"

	"github.com/rollmend/rollmend/adapters/memory"
	"github.com/rollmend/rollmend/agent"
	"github.com/rollmend/rollmend/engine"
	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/proptest/internal/graph"
	"github.com/rollmend/rollmend/states"
)

// small is a world of two hosts in which nothing happens by itself: a walk
// chooses what happens next. Machines and checks are those of the random fleet.
// Nothing in it holds a function, so that all of it can be copied.
type small struct {
	*world
	kind      *kind
	left      int   // faults that may still happen
	minutes   int   // cycles that may still pass
	tasks     tasks // by host
	flight    []message
	rounds    [][]round // by control plane: those that are decided and not committed
	unseen    []changes // by control plane: what others stored
	backup    *memory.Store
	backwards bool // the last host goes first, where nothing is chosen
	seams     *seams
	graph     *graph.Plan
}

type tasks []task

// task is what a host is about to do, because its agent asked for it or because
// somebody sees to it.
type task struct {
	beats     bool
	beat      said
	sends     []agent.Send // one at most of each rollout
	probing   states.Closure
	switching states.Closure
	rolling   states.Closure
	doomed    int  // the agent is killed before so many-th of its next actions; 0: it is not
	cut       bool // nothing gets from it to a control plane
	jumped    bool // its clock was set, and its agent has not noticed
}

// round is one that a control plane has decided, and is held up with before its
// commit.
type round struct {
	batch *engine.Batch
	input engine.Input
	asked message
}

// changes is what a control plane has to look at to follow the others.
type changes struct {
	keys []states.Key
	acts bool
}

// kind is a sort of small world.
type kind struct {
	name     string
	about    string
	channels [2]states.Channel
	waves    [2]states.Wave
	edge     bool
	budget   int // 0: none
	planes   int
	policy   [2]states.OnFailure
	old      bool // the second host's agent is of the first generation
}

// kinds are the small worlds, every one of two hosts.
var kinds = []kind{
	{
		name: "waves", about: "two hosts on two waves",
		channels: [2]states.Channel{"stable", "stable"}, waves: [2]states.Wave{0, 1}, planes: 1,
		policy: [2]states.OnFailure{states.RollbackAndHalt, states.RollbackAndHalt},
	},
	{
		name: "edge", about: "two channels with an edge, a host in each; the first halts where it fails",
		channels: [2]states.Channel{"canary", "stable"}, edge: true, planes: 1,
		policy: [2]states.OnFailure{states.Halt, states.RollbackAndHalt},
	},
	{
		name: "budget", about: "two hosts of one wave under a budget of one",
		channels: [2]states.Channel{"stable", "stable"}, budget: 1, planes: 1,
		policy: [2]states.OnFailure{states.RollbackAndHalt, states.RollbackAndHalt},
	},
	{
		name: "replicas", about: "two control planes on one store, two hosts under a budget of one",
		channels: [2]states.Channel{"stable", "stable"}, budget: 1, planes: 2,
		policy: [2]states.OnFailure{states.RollbackAndHalt, states.RollbackAndHalt},
	},
	{
		name: "old-agent", about: "two hosts on two waves, the second with an agent of the first generation",
		channels: [2]states.Channel{"stable", "stable"}, waves: [2]states.Wave{0, 1}, planes: 1, old: true,
		policy: [2]states.OnFailure{states.RollbackAndHalt, states.RollbackAndHalt},
	},
}

// SmallWorlds names the small worlds that there are, and says what is in each.
func SmallWorlds() (names, about []string) {
	for _, k := range kinds {
		names, about = append(names, k.name), append(about, k.about)
	}
	return names, about
}

// smallSoak is the soak of every small world: time passes by whole cycles, and
// a soak of none could not be cut short.
const smallSoak = cycle

// newSmall returns a small world in which nothing runs yet.
func newSmall(k *kind, f *seams, g *graph.Plan) *small {
	s := &small{
		world: newWorld(Options{Seed: 1}), kind: k, seams: f, graph: g,
		tasks: make(tasks, 2), rounds: make([][]round, k.planes), unseen: make([]changes, k.planes),
	}
	s.store = &store{Store: memory.New(), disk: s.disk}
	s.publish()
	s.checks.acts(s.world)
	for i := range k.planes {
		s.planes = append(s.planes, &plane{world: s.world, name: fmt.Sprintf("plane-%d", i+1), loaded: -1})
	}
	for i, name := range []states.Host{"web-1", "web-2"} {
		h := &host{world: s.world, name: name, channel: k.channels[i], boot: 1, lives: 1, runs: target(k.channels[i], 0)}
		h.truth.has, h.truth.since = []states.Closure{h.runs}, []int64{0}
		h.config = agent.Config{
			Host: name, Generation: agent.Present, BeatEvery: cycle, RetryEvery: cycle,
			ProbeEvery: cycle, FailAfter: cycle, OnFailure: k.policy[i],
		}
		if k.old && i == 1 {
			h.config.Generation = agent.First
		}
		s.hosts = append(s.hosts, h)
	}
	return s
}

// publish brings the next manifest out. The second one brings the first host the
// closure of the first under another ref, and the second host a new one.
func (s *small) publish() {
	k, nth := s.kind, len(s.manifests)+1
	p := gates.Plan{Ref: states.Ref(fmt.Sprintf("m%d", nth)), SignedAt: s.clock(0)}
	var names []states.Host
	for i, name := range []states.Host{"web-1", "web-2"} {
		names = append(names, name)
		p.Hosts = append(p.Hosts, gates.PlannedHost{
			Host: name, Channel: k.channels[i], Wave: k.waves[i], Target: target(k.channels[i], max(1, nth-1+i)),
			Policy: states.Policy{Soak: smallSoak, OnFailure: k.policy[i], DeferredIsDone: true},
		})
	}
	if k.edge {
		p.ChannelEdges = []gates.ChannelEdge{{Gates: k.channels[0], Gated: k.channels[1]}}
	}
	if k.budget > 0 {
		p.Budgets = []gates.Budget{{Name: "all", Hosts: names, MaxInFlight: k.budget}}
	}
	s.manifests = append(s.manifests, manifest{fleet: gates.NewFleet(s.seams.planned(p)), plan: p})
	s.note("world", "publishes %s", p.Ref)
}

// pass lets time go by.
func (s *small) pass(d time.Duration) { s.now += d.Milliseconds() }
