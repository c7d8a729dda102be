package main

import (
	"fmt"
	"slices"

	"github.com/rollmend/rollmend/examples/recovery/host"
	"github.com/rollmend/rollmend/states"
)

// lost is a host whose word was lost, and what the control plane has to
// conclude without it.
type lost struct {
	*member
	scene *scene
	what  string
	kase  states.Case
	kind  states.Kind  // of the event that is to be concluded
	leads states.State // to this state, before the host's own reports come
	ends  states.State
	back  states.Time // when its agent was started again
}

// unseen tells what is missing until the conclusion was drawn.
func (o *lost) unseen(s *story, l *look) []string {
	rec, ok := s.record(l, o.member)
	switch {
	case l.err != nil:
		return []string{l.err.Error()}
	case !ok || !o.back.IsSet():
		return []string{fmt.Sprintf("%s: not so far yet", o.Host)}
	}
	for _, e := range rec.Log {
		if e.synthesised() && e.Case == o.kase.String() && e.Event.Kind == o.kind.String() {
			// The log is the store's, the record what is known of it a moment before.
			if got := s.state(l, o.member); got != o.leads && got != o.ends {
				return []string{fmt.Sprintf("%s: %s, should be %s: %s", o.Host, got, o.leads, rec.Finding.Detail)}
			}
			o.conclude(e)
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %s, and no %s synthesised by %s", o.Host, rec.Record.State, o.kind, o.kase)}
}

// conclude tells once what was concluded, and in how many of its heartbeats.
func (o *lost) conclude(e logEntry) {
	if o.scene.cycles != "" {
		return
	}
	beats := max(1, o.diary.beats(o.back))
	o.scene.took(beats)
	o.scene.saw("%s: %s concluded (%s) from %s", o.Host, e.Event.Kind, e.Case, e.From)
	if beats > 1 {
		o.scene.differ("%s: it took %d heartbeats", o.Host, beats)
	}
}

// unfinished tells what is missing until the host ended where it should, by
// its own word too.
func (o *lost) unfinished(s *story, l *look) []string {
	var out []string
	if got := s.state(l, o.member); got != o.ends {
		out = append(out, fmt.Sprintf("%s: %s, should come to %s", o.Host, got, o.ends))
	}
	if said := o.diary.state(s.rollout(o.Channel)); said != o.ends {
		out = append(out, fmt.Sprintf("%s: by its own word %s, should come to %s", o.Host, said, o.ends))
	}
	return out
}

// killSilently ends an agent so that what it knows stays with it: when it
// comes back its heartbeats get out, and its reports do not yet.
func (s *story) killSilently(o *lost, held host.Hold, restart func(*member) error) error {
	if err := o.folder.Set(host.BeforeReports, true); err != nil {
		return err
	}
	o.agent.kill()
	if held != "" {
		if err := o.folder.Set(held, false); err != nil {
			return err
		}
	}
	s.view.say("%s: killed %s", o.Host, o.what)
	o.back = nowTime()
	return restart(o.member)
}

// answered reports whether a host was told that its report of a kind, for what
// is published, is kept.
func (s *story) answered(m *member, kind states.Kind) bool {
	if err := m.diary.read(); err != nil {
		return false // the next look tells it
	}
	rollout := s.rollout(m.Channel).String()
	return slices.ContainsFunc(m.diary.notes, func(n host.Note) bool {
		return n.What == host.ReportAnswered && n.Rollout == rollout && n.Kind == kind.String()
	})
}
