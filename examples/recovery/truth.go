package main

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/states"
)

// truth is what a host's record has to say, by the disk alone: what its
// profile points at, and what it wrote down.
type truth struct {
	running states.Closure
	said    states.State // how far it got by its own word; zero: it said nothing
	want    states.State
	or      states.State // as good; zero: nothing else is
	why     string
}

// fits reports whether a record's state is right.
func (t truth) fits(state states.State) bool { return state == t.want || state == t.or && t.or != 0 }

// truths returns what every record of the published ref has to say. A host
// that has said nothing about its rollout but runs the target ran it all along:
// it has converged as soon as those in front of it have.
func (s *story) truths() (map[states.Host]truth, error) {
	out := map[states.Host]truth{}
	order := s.lastFirst()
	slices.Reverse(order)
	for _, m := range order {
		running, err := m.folder.Profile().Current()
		if err != nil {
			return nil, err
		}
		t := truth{running: running, said: m.diary.state(s.rollout(m.Channel))}
		blocked := s.inFront(m, out)
		switch {
		case m.off:
			t.want, t.why = states.Pending, "it is switched off and never beats"
		case t.said == states.Converged && blocked != "":
			// Its own word counts where it still has it; a guess waits for the gates.
			t.want, t.or, t.why = states.Converged, states.Pending, "it converged by its own word, and runs the target"
		case t.said != 0:
			t.want, t.why = t.said, "it said so itself"
		case !running.Is(m.Target):
			t.want, t.why = states.Pending, "nothing was dispatched to it"
		case blocked != "":
			t.want, t.why = states.Pending, "it runs the target, behind "+blocked
		default:
			t.want, t.why = states.Converged, "it runs the target, and ran it all along"
		}
		if m.first && t.said != 0 && t.said != states.Converged && running.Is(m.Target) {
			t.or = states.Converged // the first generation cannot tell what it is at
		}
		out[m.Host] = t
	}
	return out, nil
}

// inFront names a host that the gates of order keep another one behind, as far
// as the truth about those in front is known; empty where there is none.
func (s *story) inFront(m *member, known map[states.Host]truth) string {
	for _, other := range s.members {
		t, ok := known[other.Host]
		if !ok || !other.Target.Known() {
			continue
		}
		converged := t.want == states.Converged
		done := converged || t.want == states.Deferred && other.Policy.DeferredIsDone
		switch {
		case s.behind(m.Channel, other.Channel) && !converged,
			other.Channel == m.Channel && other.Wave < m.Wave && !done,
			s.gatedBy(m.Host, other.Host) && !converged && t.want != states.Deferred:
			return string(other.Host)
		}
	}
	return ""
}

// behind reports whether a channel waits for another, directly or through
// others.
func (f *fleet) behind(gated, gates states.Channel) bool {
	for _, e := range f.plan.ChannelEdges {
		if e.Gated == gated && (e.Gates == gates || f.behind(e.Gates, gates)) {
			return true
		}
	}
	return false
}

func (f *fleet) gatedBy(gated, gates states.Host) bool {
	for _, e := range f.plan.HostEdges {
		if e.Gated == gated && e.Gates == gates {
			return true
		}
	}
	return false
}

// wrong compares what the control plane says with the truth, host by host.
func (s *story) wrong(l *look) []string {
	if l.err != nil {
		return []string{l.err.Error()}
	}
	truths, err := s.truths()
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, m := range s.members {
		if m.Target.Known() {
			out = append(out, s.wrongOf(l, m, truths[m.Host])...)
		}
	}
	return out
}

// wrongOf compares one record with the truth.
func (s *story) wrongOf(l *look, m *member, t truth) []string {
	rec, ok := s.record(l, m)
	if !ok {
		return []string{fmt.Sprintf("%s: no record in %s", m.Host, s.rollout(m.Channel))}
	}
	var out []string
	if !rec.Record.Target.Is(m.Target) {
		out = append(out, fmt.Sprintf("%s: the record's target is %s, published was %s", m.Host, rec.Record.Target, m.Target))
	}
	state := s.state(l, m)
	if !t.fits(state) {
		out = append(out, fmt.Sprintf("%s: the record says %s, true is %s: %s", m.Host, rec.Record.State, t.want, t.why))
	}
	onTarget := state == states.Soaking || state == states.Converged
	if (onTarget || state == states.Reverted) && !rec.Record.Current.Is(t.running) {
		out = append(out, fmt.Sprintf("%s: the record says that it runs %s, its profile points at %s", m.Host, rec.Record.Current, t.running))
	}
	if state == states.Pending && t.running.Is(m.Target) && !m.off && rec.Finding.Reason != "held" {
		out = append(out, fmt.Sprintf("%s: it runs its target and is Pending, and the finding is %s, not held", m.Host, rec.Finding.Reason))
	}
	return out
}

// quiet tells which hosts still have something under way: a report that was
// not answered.
func (s *story) quiet() []string {
	var out []string
	for _, m := range s.living() {
		if kept, answered := m.diary.lastKept(), m.diary.lastAnswered(); kept != answered {
			out = append(out, fmt.Sprintf("%s: report %d of %s was kept, the last answer is to %d of %s", m.Host, kept.Seq, kept.Rollout, answered.Seq, answered.Rollout))
		}
	}
	return out
}
