package agent

import (
	"slices"

	"github.com/rollmend/rollmend/states"
)

// Heartbeat is what the agent says of its host, about once a minute. Of the
// first generation it has Rollout, Current and At alone.
type Heartbeat struct {
	Rollout       states.Rollout // held; zero for none
	Current       states.Closure // may be unknown
	At            states.Time    // the agent's clock
	Order         states.Order
	LastReply     states.Time // received_at of the last reply; the control plane's clock, 0 for none
	CurrentSince  states.Time // the agent's clock; 0 where it is not known
	FailingProbes []string    // enforced ones, sorted
	Queued        int         // reports that wait for an answer
}

// Replay asks for the kept reports of a rollout again.
type Replay struct {
	Rollout states.Rollout
	From    states.Seq // the first number that the record lacks
}

// maxPacing bounds how much rarer than its own pace an agent lets the control
// plane make its heartbeats, so that one wrong number does not silence it for
// good. Ten is far more than spreading a fleet over time needs.
const maxPacing = 10

func (in BeatAnswered) enter(t *turn) {
	if in.ReceivedAt.IsSet() {
		t.m.replied = in.ReceivedAt
	}
	if in.NextBeat > 0 {
		t.m.nextBeat = t.now.Add(min(in.NextBeat, maxPacing*t.m.cfg.BeatEvery))
	}
	if t.m.cfg.Generation != First {
		for _, r := range in.Replay {
			if w := t.m.find(r.Rollout); w != nil {
				t.rewind(w, r.From)
			}
		}
	}
	t.recount(in.Newest)
	t.rehydrate(in.Snapshots)
}

// beat sends a heartbeat where one is due. Its number is kept before it is
// used, and with it the reply that it vouches for: what that reply asked for
// was kept before.
func (t *turn) beat() {
	if t.now < t.m.nextBeat {
		return
	}
	t.m.nextBeat = t.now.Add(t.m.cfg.BeatEvery)
	hb := Heartbeat{Rollout: t.m.Held(), Current: t.m.current, At: t.now}
	if t.m.cfg.Generation != First {
		t.m.standing.Order.Beat++
		t.m.standing.LastReply = t.m.replied
		// A time that is still to come is one of before the clock was set back.
		t.m.standing.Since = min(t.m.standing.Since, t.now)
		t.stand()
		hb.Order, hb.LastReply = t.m.standing.Order, t.m.standing.LastReply
		if hb.Current.Known() {
			hb.CurrentSince = t.m.standing.Since
		}
		hb.FailingProbes = failing(t.m.probes)
		hb.Queued = t.m.Queued()
	}
	t.outward = append(t.outward, Beat{Heartbeat: hb})
}

// failing names the enforced probes whose last result is a failure.
func failing(probes states.Probes) []string {
	var names []string
	for _, p := range probes {
		if p.Mode == states.Enforce && p.Status == states.Fail {
			names = append(names, p.Name)
		}
	}
	return slices.Clip(names)
}
