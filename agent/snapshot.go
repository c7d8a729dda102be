package agent

import (
	"time"

	"github.com/rollmend/rollmend/states"
)

// Snapshot is a live record as the control plane has it, given to an agent
// that holds no rollout.
type Snapshot struct {
	Rollout    states.Rollout
	State      states.State // Activating to Failed
	Target     states.Closure
	AtDispatch states.Closure // may be unknown
	SoakDueAt  states.Time    // 0 where it was not said
	LastSeq    states.Seq     // the newest number that the record has
	Soak       time.Duration  // 0 where it was not said
	OnFailure  states.OnFailure
	LastBoot   uint64 // the newest boot that the record has; 0 where it has none
}

// rehydrate takes the first snapshot that may be taken. The machine then goes
// on from it as if it had come there by itself.
func (t *turn) rehydrate(snapshots []Snapshot) {
	if t.m.held() != nil {
		return // not asked for: its own boots order what it holds
	}
	for _, s := range snapshots {
		t.raiseBoot(s.LastBoot)
	}
	t.m.standing.Unproven = false
	t.stand()
	for _, s := range snapshots {
		if t.takeable(s) {
			t.take(t.terms(s))
			t.m.nextProbes = t.now
			return
		}
	}
}

// MaxKept is how many reports of one rollout may be kept for it to be taken
// again. Each refused convergence adds a few; a control plane that refuses for
// ever, as once a minute for days, must not fill the disk.
const MaxKept = 4096

// takeable reports whether a snapshot is of a rollout that the agent does not
// know, or that it knows it has not finished. One that it finished, or left
// for a newer one, stays behind it. The first generation keeps nothing that was
// acknowledged, so it does not know what it finished, and finishes it again:
// its control plane could not ask it for the reports.
func (t *turn) takeable(s Snapshot) bool {
	if !s.State.Live() || s.State == states.Pending || s.Rollout.IsZero() || !s.Target.Known() {
		return false
	}
	w := t.m.find(s.Rollout)
	switch {
	case w == nil:
		return true
	case t.m.cfg.Generation == First && w.state.Terminal() && len(w.reports) == 0:
		return w == t.m.newest()
	case w.orphan:
		return !w.state.Terminal()
	}
	if !w.released() || w != t.m.newest() || len(w.reports) >= MaxKept {
		return false
	}
	// It has activated. Where the record has gone back to before that, the kept
	// reports bring it on; a host that was taken off the target since stays there.
	return s.State == states.Soaking || s.State == states.Failed || s.Target.Is(t.m.current)
}

// terms reads a snapshot. A soak without an end begins now.
func (t *turn) terms(s Snapshot) Taken {
	due := s.SoakDueAt
	if s.State == states.Soaking && !due.IsSet() {
		due = t.now.Add(s.Soak)
	}
	return Taken{
		Rollout:    s.Rollout,
		State:      s.State,
		Target:     s.Target,
		AtDispatch: s.AtDispatch,
		Soak:       s.Soak,
		SoakDueAt:  due,
		OnFailure:  s.OnFailure,
		Base:       s.LastSeq,
	}
}

// recount goes on behind a heartbeat that the control plane knows of and that
// this agent never sent: one from before the host was installed anew. Until then
// every heartbeat of the host looks older than that one, so the next one comes
// soon; not at once, since two hosts of one name would outdo each other.
func (t *turn) recount(newest states.Order) {
	st := &t.m.standing
	if newest.Given() && t.m.cfg.Generation != First && (newest.After(st.Order) || newest.Boot == st.Order.Boot && st.Unproven) {
		st.Order, st.Unproven = states.Order{Boot: newest.Boot + 1}, false
		t.m.nextBeat = min(t.m.nextBeat, t.now.Add(t.m.cfg.RetryEvery))
		t.stand()
	}
}

// raiseBoot goes on behind the boots that the control plane knows of, where
// this one's number is behind them, or was begun without a journal and so may
// be an older boot's.
func (t *turn) raiseBoot(last uint64) {
	st := &t.m.standing
	if t.m.cfg.Generation == First || last < st.Order.Boot || last == st.Order.Boot && !st.Unproven {
		return
	}
	st.Order = states.Order{Boot: last + 1}
	st.Unproven = false
}
