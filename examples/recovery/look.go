package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/rollmend/rollmend/states"
)

// look is what the control plane says of everybody, and what the hosts wrote
// down until then.
type look struct {
	err   error // why no control plane answers
	fleet fleetPage
	hosts map[states.Host]hostPage

	differ []string // what several control planes do not say alike, or do not say
}

// look asks the control plane about every host, then reads the diaries. Where
// there are several, all are asked at once.
func (s *story) look() *look {
	looks := make([]*look, len(s.replicas))
	var asking sync.WaitGroup
	for i, r := range s.replicas {
		asking.Go(func() { looks[i] = s.lookAt(r) })
	}
	asking.Wait()
	var l *look
	for i, r := range s.replicas {
		l = s.join(l, r, looks[i])
	}
	for _, m := range s.members {
		if err := m.diary.read(); err != nil {
			l.err = cmp.Or(l.err, err)
		}
	}
	s.view.show(l)
	s.last = l
	return l
}

// lookAt asks one control plane about every host, those that come last in the
// order of the gates first: what is seen of a host then was already true when
// those in front of it are looked at.
func (s *story) lookAt(r *replica) *look {
	l := &look{hosts: map[states.Host]hostPage{}}
	for _, m := range s.lastFirst() {
		page, err := r.operator.host(s.ctx, m.Host)
		if err != nil {
			l.err = err
			return l
		}
		l.hosts[m.Host] = page
	}
	l.fleet, l.err = r.operator.fleet(s.ctx)
	return l
}

// join puts what a control plane says beside what those before it said. All
// have to say the same of the records. Heartbeats that changed no record are
// known to the one that took them alone, so of a host the page counts that
// knows its newest.
func (s *story) join(all *look, r *replica, l *look) *look {
	switch {
	case all == nil:
		return l
	case l.err != nil:
		all.differ = append(all.differ, fmt.Sprintf("the %s does not answer: %s", s.nameOf(r), l.err))
		return all
	case all.err != nil:
		l.differ = append(all.differ, fmt.Sprintf("one before the %s does not answer: %s", s.nameOf(r), all.err))
		return l
	}
	silent := 0
	for _, m := range s.members {
		before, page := all.hosts[m.Host], l.hosts[m.Host]
		one, _ := before.of(s.rollout(m.Channel))
		other, _ := page.of(s.rollout(m.Channel))
		if one.Record != other.Record {
			all.differ = append(all.differ, fmt.Sprintf("%s: %s, and the %s says %s", m.Host, one.Record.State, s.nameOf(r), other.Record.State))
		}
		if before.Seen == nil || page.Seen != nil && page.Seen.ReceivedAt.After(before.Seen.ReceivedAt) {
			all.hosts[m.Host] = page
		}
		if all.hosts[m.Host].Seen == nil {
			silent++
		}
	}
	all.fleet.Silent = silent
	return all
}

// record returns what is believed of a host in the rollout of the published
// ref.
func (s *story) record(l *look, m *member) (explained, bool) {
	page, ok := l.hosts[m.Host]
	if !ok {
		return explained{}, false
	}
	return page.of(s.rollout(m.Channel))
}

// state returns the state of that record; zero where there is none.
func (s *story) state(l *look, m *member) states.State {
	rec, ok := s.record(l, m)
	if !ok {
		return 0
	}
	state, err := states.ParseState(rec.Record.State)
	if err != nil {
		return 0
	}
	return state
}

// lastFirst returns the hosts in the reverse of the order of the gates.
func (f *fleet) lastFirst() []*member {
	out := slices.Clone(f.members)
	depth := f.depths()
	slices.SortStableFunc(out, func(a, b *member) int {
		return cmp.Or(cmp.Compare(depth[b.Channel], depth[a.Channel]), cmp.Compare(b.Wave, a.Wave), f.compareByEdge(a, b))
	})
	return out
}

// compareByEdge puts a host that waits for another in front of that one. It
// looks at edges between the two alone, which is enough within a wave.
func (f *fleet) compareByEdge(a, b *member) int {
	for _, e := range f.plan.HostEdges {
		switch {
		case e.Gated == a.Host && e.Gates == b.Host:
			return -1
		case e.Gated == b.Host && e.Gates == a.Host:
			return 1
		}
	}
	return 0
}

// depths returns how many channels are in front of each.
func (f *fleet) depths() map[states.Channel]int {
	depth := map[states.Channel]int{}
	for range f.plan.ChannelEdges { // as often as the longest chain can be long
		for _, e := range f.plan.ChannelEdges {
			depth[e.Gated] = max(depth[e.Gated], depth[e.Gates]+1)
		}
	}
	return depth
}

func (f *fleet) channels() []states.Channel {
	var out []states.Channel
	for _, m := range f.members {
		if !slices.Contains(out, m.Channel) {
			out = append(out, m.Channel)
		}
	}
	slices.Sort(out)
	return out
}

// explanation is everything that the control plane has to say about a host.
func explanation(m *member, page hostPage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s (channel %s, wave %s)", m.Host, m.Channel, m.Wave)
	if m.first {
		b.WriteString(", of the first generation")
	}
	for _, r := range page.Records {
		fmt.Fprintf(&b, "\n    %s: %s (%s), target %s, current %s\n      finding: %s %s %s",
			r.Record.RolloutID, r.Record.State, r.Record.Evidence, r.Record.Target, r.Record.Current,
			r.Finding.Reason, r.Finding.Case, r.Finding.Detail)
		for _, block := range r.Finding.Blocks {
			fmt.Fprintf(&b, "\n      held by %s", block)
		}
		if r.Gates != nil {
			for _, block := range r.Gates.Blocks {
				fmt.Fprintf(&b, "\n      no dispatch: %s", block)
			}
		}
		if r.Withheld != "" {
			fmt.Fprintf(&b, "\n      withheld: %s", r.Withheld)
		}
		for i, e := range r.Log {
			fmt.Fprintf(&b, "\n      log %d: %s", i, e)
		}
	}
	return b.String()
}

// String returns a line for people.
func (e logEntry) String() string {
	s := fmt.Sprintf("%s at %s: %s", e.Event.Kind, e.At.Format("15:04:05.000"), e.Disposition)
	switch {
	case e.synthesised():
		s += fmt.Sprintf(", synthesised (%s) from %s", e.Case, e.From)
	case e.Event.Seq > 0:
		s += fmt.Sprintf(", reported as number %d", e.Event.Seq)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}
