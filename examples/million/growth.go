package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollmend/rollmend/gates"
	"github.com/rollmend/rollmend/reducer"
	"github.com/rollmend/rollmend/states"
	"github.com/rollmend/rollmend/synth"
)

// growing recovers fleets of other sizes.
func growing(ctx context.Context, b *bench) error {
	b.end()
	first, firstWork := 0.0, 0.0
	for n := 1000; n <= b.hosts; n *= 10 {
		f := fleet{hosts: n, seed: b.seed}
		// A small fleet is over before the machine has looked: the median of many.
		runs := min(15, max(3, 100_000/n))
		var whole, burnt []time.Duration
		var bytes int64
		for range runs {
			r, lives, err := b.weighed(ctx, f)
			if err != nil {
				return err
			}
			whole, burnt, bytes = append(whole, r.whole), append(burnt, r.cpu), lives
		}
		each, work := perHost(n, whole), perHost(n, burnt)
		if first == 0 {
			first, firstWork = each, work
		}
		b.table.add(fmt.Sprintf("%d hosts", n), "time flat within 1.3, memory not rising",
			"%.1f µs a host (%.2f of the smallest), %.1f µs of processor time (%.2f), %d B a host live",
			each, each/first, work, work/firstWork, bytes/int64(n))
	}
	return nil
}

// weighed recovers a fleet, and weighs what lives after it.
func (b *bench) weighed(ctx context.Context, f fleet) (recovery, int64, error) {
	settleMemory()
	before := heapNow()
	p, err := b.wiped(ctx, f)
	defer p.discard()
	if err != nil {
		return recovery{}, 0, err
	}
	r, err := p.recovered(ctx, f.shuffled(), 0, &plot{})
	if err != nil {
		return r, 0, err
	}
	return r, heapNow() - before - p.seen.size(), p.seen.verify(ctx)
}

// size is what the witness itself keeps, in bytes.
func (w *witness) size() int64 { return int64(cap(w.state)) }

// pureHalf takes every host through synth, gates and reducer alone, in the order
// in which they may go, and returns how much processor time that took, on one
// thread and with the garbage that it makes.
func (b *bench) pureHalf() time.Duration {
	plan := b.fleet.plan()
	f := gates.NewFleet(plan)
	view := gates.NewView(f, []reducer.Quarantine{})
	at := states.TimeOf(time.Now())
	records := make([]states.Record, 0, perRelay)
	for _, h := range plan.Hosts {
		id := states.Rollout{Channel: h.Channel, Ref: ref}
		view.Open(id)
		view.Track(gates.Standing{}, gates.Standing{
			Key: states.Key{Rollout: id, Host: h.Host}, Wave: h.Wave, State: states.Pending,
		}, nil)
	}
	bounds := synth.Bounds{Silence: 3 * b.cycle, Skew: 5 * time.Minute}
	var took time.Duration
	var room pureRoom
	for _, wave := range b.inOrder() {
		for hosts := range slices.Chunk(wave, perRelay) {
			records = records[:0]
			for _, i := range hosts {
				records = append(records, opened(plan.Hosts[i], at))
			}
			beats := relayed(b.fleet, hosts, 1)
			began := cpu()
			room.effects = room.effects[:0]
			for i := range records {
				seen := synth.Seen{Heartbeat: beats[i], Received: at}
				place := hosts[i] + 1
				room.converge(view, &records[i], place, synth.Look{Record: records[i], Seen: seen, Now: at, Bounds: bounds})
			}
			for i := range records {
				rec := &records[i]
				pending := gates.Standing{Key: rec.Key, Wave: rec.Wave, State: states.Pending}
				room.released = view.Track(pending, gates.StandingOf(rec), room.released[:0])
			}
			took += cpu() - began
		}
	}
	return took
}

// inOrder lists the hosts wave by wave, channels in front first.
func (b *bench) inOrder() [][]int32 {
	out := make([][]int32, len(channels)*waves)
	for _, i := range b.fleet.shuffled() {
		at := b.fleet.channel(int(i))*waves + b.fleet.wave(int(i))
		out[at] = append(out[at], i)
	}
	return out
}

func opened(h gates.PlannedHost, at states.Time) states.Record {
	out, err := reducer.Step(states.Record{}, reducer.Event{
		Key:    states.Key{Rollout: states.Rollout{Channel: h.Channel, Ref: ref}, Host: h.Host},
		Origin: reducer.Origin{By: reducer.ByControlPlane}, At: at,
		Body: reducer.Opened{Wave: h.Wave, Target: h.Target, Policy: h.Policy},
	})
	if err != nil {
		panic(err) // the plan is our own
	}
	return out.Record
}

// pureRoom is memory that is used again, as the engine does.
type pureRoom struct {
	events   [3]reducer.Event
	effects  []reducer.Effects
	released []gates.Wait
}

// converge does for one host what a recovery needs of the pure half, in the calls
// that the engine makes: a round is decided, and then the view is told of it.
func (r *pureRoom) converge(view *gates.View, rec *states.Record, place int32, look synth.Look) {
	look.Room = r.events[:]
	if look.Gated() {
		ask := gates.AskOf(gates.Synthesis, rec)
		ask.Place = place
		look.Verdict = gates.Rules{}.EvaluateOne(view, ask)
	}
	finding := synth.Chain(look)
	var err error
	r.effects, err = reducer.Steps(rec, r.effects, finding.Events)
	if err != nil {
		panic(err) // a chain applies to the record that it was made for
	}
	if rec.State != states.Converged {
		panic(rec.Key.String() + " is " + rec.State.String())
	}
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// ratios gives the median of each round's ratio, and the least and greatest.
func ratios(a, b []time.Duration) string {
	each := make([]float64, len(a))
	for i := range a {
		each[i] = a[i].Seconds() / b[i].Seconds()
	}
	slices.Sort(each)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", each[len(each)/2], each[0], each[len(each)-1])
}

func perHost(n int, took []time.Duration) float64 {
	return float64(median(took).Nanoseconds()) / 1000 / float64(n)
}

func rate(n int, took []time.Duration) float64 { return float64(n) / median(took).Seconds() }
