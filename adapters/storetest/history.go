package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/anishathalye/porcupine"
	"github.com/rollmend/rollmend/adapters"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
)

const (
	minClients, maxClients = 3, 5

	// callsPerClient is short enough that an order is found at once, and long
	// enough that a client meets all others.
	callsPerClient = 8
)

// played is one history while it is played.
type played struct {
	seed     uint64
	channel  states.Channel // its own: other histories of the place are not looked at
	openings [2]adapters.Opening
	time     atomic.Int64 // counts beginnings and ends of calls

	mu      sync.Mutex
	writers map[place]writer // what was tried
	imposed map[reducer.Quarantine]string
	calls   []porcupine.Operation
	ended   []porcupine.Operation // of no effect, see [endedCall]
	report  HistoryReport
}

// place is where an entry stands: in the log of a record, by the entry's name.
type place struct {
	record int
	name   string
}

// writer is what an operation tried to write in one entry of a log.
type writer struct {
	entry  reducer.LogEntry
	record states.Record // as it was to be after the whole change; set with its last entry
}

// history plays one history and checks it.
func history(ctx context.Context, stores []adapters.Store, seed uint64) (HistoryReport, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	p := &played{
		seed:    seed,
		channel: states.Channel(fmt.Sprintf("history-%d", seed)),
		writers: make(map[place]writer),
		imposed: make(map[reducer.Quarantine]string),
	}
	for i, members := range [][]states.Host{{"a", "b", "c"}, {"late"}} {
		p.openings[i] = opening(members...)
		p.openings[i].Rollout = states.Rollout{Channel: p.channel, Ref: states.Ref(fmt.Sprint(i + 1))}
	}
	began, err := p.begin(ctx, stores[0], random)
	if err != nil {
		return p.report, err
	}
	if err := p.play(ctx, stores, random, began); err != nil {
		return p.report, err
	}
	p.report.Histories++
	p.count()
	return p.report, check(p, began)
}

// begin opens the history's first rollout and takes its hosts some way, so that
// clients meet every stage of a life. It returns what the store holds then.
func (p *played) begin(ctx context.Context, s adapters.Store, random *rand.Rand) (world, error) {
	if err := s.Enact(ctx, []adapters.Act{p.openings[0]}); err != nil {
		return world{}, err
	}
	w := world{openings: 1}
	c := client{played: p, store: s, random: random}
	for i := range late {
		w.records[i].open = true
		steps := random.IntN(stepsToReverted)
		if steps == 0 {
			continue
		}
		rec, err := s.Record(ctx, p.key(i))
		if err != nil {
			return w, err
		}
		change, tried, err := c.change(i, rec, steps)
		if err != nil {
			return w, err
		}
		results, err := s.Commit(ctx, []adapters.Change{change})
		if err == nil {
			err = results[0].Err
		}
		if err != nil {
			return w, fmt.Errorf("storetest: the first commit to %s: %w", p.key(i), err)
		}
		w.store(tried, 0)
	}
	f, err := s.Fleet(ctx)
	w.ordering = f.Ordering
	return w, err
}

// play lets clients loose, and reads everything once they are done, in every
// store.
func (p *played) play(ctx context.Context, stores []adapters.Store, random *rand.Rand, began world) error {
	clients := minClients + random.IntN(maxClients-minClients+1)
	start := make(chan struct{})
	var all sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		c := client{
			played: p, number: i + 1, store: stores[i%len(stores)],
			random: rand.New(rand.NewPCG(p.seed, uint64(i+1))),
		}
		c.know(began)
		all.Go(func() {
			<-start
			errs[i] = c.work(ctx)
		})
	}
	close(start)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return p.impossible(ctx, err)
	}
	for i, s := range stores {
		c := client{played: p, number: clients + 1 + i, store: s, patient: true}
		if err := c.readAll(ctx); err != nil {
			return p.impossible(ctx, err)
		}
	}
	return nil
}

// impossible makes an error of what a client could not make sense of.
func (p *played) impossible(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.inOrder()
	return &HistoryError{Seed: p.seed, Reason: err.Error(), Operations: p.described()}
}

// described describes all calls, and those whose contexts ended behind them.
func (p *played) described() []string { return append(described(p.calls), described(p.ended)...) }

func (p *played) inOrder() {
	slices.SortFunc(p.calls, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
}

// count puts the calls in order and counts them.
func (p *played) count() {
	p.inOrder()
	p.report.Operations += len(p.calls)
	for _, a := range p.calls {
		if slices.ContainsFunc(p.calls, func(b porcupine.Operation) bool {
			return a.ClientId != b.ClientId && a.Call < b.Return && b.Call < a.Return
		}) {
			p.report.Overlapping++
		}
		if c, ok := a.Input.(commitDone); ok {
			for _, t := range c.changes {
				if t.verdict == staleRecord || t.verdict == staleOrdering {
					p.report.Conflicts++
				}
			}
		}
	}
}

// key is that of a record.
func (p *played) key(record int) states.Key {
	if record == late {
		return states.Key{Rollout: p.openings[1].Rollout, Host: "late"}
	}
	return states.Key{Rollout: p.openings[0].Rollout, Host: p.openings[0].Members[record].Host}
}

// opened is a record as its opening gives it, with the first entry of its log.
func (p *played) opened(record int) (states.Record, reducer.LogEntry) {
	o, m := p.openings[0], record
	if record == late {
		o, m = p.openings[1], 0
	}
	rec, entry, err := o.Record(o.Members[m])
	if err != nil {
		panic(err) // the kit's own opening, which begin has stored
	}
	return rec, entry
}

// The time of an event tells who wrote it: each revision has a span of its own,
// in which every step of every call has a millisecond.
const (
	spanPerRevision = 10_000 // ms
	spanPerClient   = 1000
	spanPerCall     = 10
)

// sign makes an event that of a step of a call.
func sign(ev reducer.Event, revision states.Revision, client, call, step int) reducer.Event {
	place := int64(revision)*spanPerRevision + int64(client*spanPerClient+call*spanPerCall+step)
	ev.At = start + states.Time(place)
	if ev.Seq != 0 {
		ev.Seq = states.Seq(place)
	}
	return ev
}

// nameOf is the name of what wrote an entry: its client, its call, its step.
func nameOf(e reducer.LogEntry) string {
	place := int64(e.Event.At-start) % spanPerRevision
	return fmt.Sprintf("%d.%d.%d", place/spanPerClient, place%spanPerClient/spanPerCall, place%spanPerCall)
}
