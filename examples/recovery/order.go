package main

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// checkTurns checks, by what the control plane committed since a moment, that
// every host that was taken for converged, from nothing but a heartbeat, was so
// after all that come before it. It returns how many were.
func (s *story) checkTurns(sc *scene, from int) (taken int, err error) {
	committed, err := readWitness(s.witness())
	if err != nil {
		return 0, err
	}
	reached := map[states.Host]map[string]bool{} // the states that a host's record has been in
	for _, t := range committed[from:] {
		m, ok := s.byName[t.Host]
		if !ok || t.Rollout != s.rollout(m.Channel).String() {
			continue
		}
		if t.To == states.Converged.String() && t.Case == states.RecordsLost.String() && !t.unknown {
			taken++
			for _, other := range s.members {
				if why := s.mustWaitFor(m, other, reached[other.Host]); why != "" {
					sc.differ("%s: was taken for converged before its turn: %s", m.Host, why)
				}
			}
		}
		if reached[t.Host] == nil {
			reached[t.Host] = map[string]bool{}
		}
		reached[t.Host][t.To] = true
	}
	return taken, nil
}

// mustWaitFor says why a host has to wait for another, whose record has been in
// some states; it is empty where it has not.
func (s *story) mustWaitFor(m, other *member, reached map[string]bool) string {
	if m == other || !other.Target.Known() {
		return ""
	}
	converged, deferred := reached[states.Converged.String()], reached[states.Deferred.String()]
	switch {
	case s.behind(m.Channel, other.Channel) && !converged:
		return fmt.Sprintf("%s of channel %s had not converged", other.Host, other.Channel)
	case other.Channel == m.Channel && other.Wave < m.Wave && !converged && !(deferred && other.Policy.DeferredIsDone):
		return fmt.Sprintf("%s of wave %s was not done", other.Host, other.Wave)
	case s.gatedBy(m.Host, other.Host) && !converged && !deferred:
		return fmt.Sprintf("%s, which gates it, was not done", other.Host)
	}
	return ""
}

// span is a host's work on a rollout, by its own diary.
type span struct {
	member   *member
	from, to states.Time // dispatched, converged
}

// spans returns the work on the published ref of the hosts that it was
// dispatched to.
func (s *story) spans() []span {
	var out []span
	for _, m := range s.members {
		r := s.rollout(m.Channel)
		if from := m.diary.dispatched(r); from.IsSet() {
			out = append(out, span{m, from, m.diary.when(r, states.KindConverged)})
		}
	}
	return out
}

// checkOrder checks by the diaries that a finished rollout kept to its order:
// waves, channel edges and host edges. It returns how many pairs were looked
// at.
func (s *story) checkOrder(sc *scene) (pairs int) {
	all := s.spans()
	for _, a := range all {
		for _, b := range all {
			first := s.behind(b.member.Channel, a.member.Channel) ||
				a.member.Channel == b.member.Channel && a.member.Wave < b.member.Wave ||
				s.gatedBy(b.member.Host, a.member.Host)
			if !first {
				continue
			}
			pairs++
			if b.from < a.to {
				sc.differ("%s: dispatched at %s, and %s, which comes first, converged at %s", b.member.Host, b.from, a.member.Host, a.to)
			}
		}
	}
	return pairs
}

// checkBudgets checks by the diaries that no budget was overspent, and returns
// the most hosts that were at work at once under any, and that one's maximum.
func (s *story) checkBudgets(sc *scene) (most, limit int) {
	all := s.spans()
	for _, b := range s.plan.Budgets {
		for _, at := range all {
			n := 0
			for _, other := range all {
				if slices.Contains(b.Hosts, other.member.Host) && other.from <= at.from && at.from < other.to {
					n++
				}
			}
			if n > b.Limit() {
				sc.differ("budget %q: %d hosts at work at %s, at most %d may be", b.Name, n, at.from, b.Limit())
			}
			if slices.Contains(b.Hosts, at.member.Host) && n > most {
				most, limit = n, b.Limit()
			}
		}
	}
	return most, limit
}

// window is a time in which something must not happen to any host.
type window struct {
	scene    *scene
	from, to states.Time // to is zero until it is closed
	closure  states.Closure
}

// closeWindows ends the windows and tells what happened in them.
func (s *story) closeWindows() error {
	for _, m := range s.members {
		if err := m.diary.read(); err != nil {
			return err
		}
	}
	for _, w := range s.windows {
		for _, m := range s.members {
			for _, n := range m.diary.since(w.from, host.WasDispatched) {
				inside := !w.to.IsSet() || n.At < w.to
				if inside && (!w.closure.Known() || n.Closure.Is(w.closure)) {
					w.scene.differ("%s: %s of %s was dispatched to it at %s", m.Host, n.Closure, n.Rollout, n.At)
				}
			}
		}
	}
	return nil
}

// nothingDispatched demands that from a moment on, until the next such demand
// or publication, nothing is dispatched to anybody.
func (s *story) nothingDispatched(sc *scene, from states.Time) {
	s.endWindows(from)
	s.windows = append(s.windows, window{scene: sc, from: from})
}

// neverDispatched demands that a closure is dispatched to nobody from now on.
func (s *story) neverDispatched(sc *scene, from states.Time, closure states.Closure) {
	s.windows = append(s.windows, window{scene: sc, from: from, closure: closure})
}

// endWindows ends those in which nothing at all is dispatched.
func (s *story) endWindows(at states.Time) {
	for i := range s.windows {
		if w := &s.windows[i]; !w.closure.Known() && !w.to.IsSet() {
			w.to = at
		}
	}
}
